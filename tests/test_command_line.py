"""The command: overrides, GPUs, output files, exit statuses."""

import json
from pathlib import Path

import pytest

from analyzer.render.grids import written
from tests.asking import peakform


def told(*arguments: str) -> dict[str, object]:
    """The JSON report of a command that succeeds."""
    result = peakform("report", *arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    parsed: dict[str, object] = json.loads(result.stdout)
    return parsed


def test_symbols_and_run_settings_are_overridden() -> None:
    report = told("bioformer", "n_hvg=10", "c=16", "L=5", "run.optimizer=SGD", "run.outputs=kept", "--gpu", "T4")

    assert report["symbols"] == {"B": 32, "n_hvg": 10, "r": 11, "c": 16, "n": 4, "L": 5, "V": 13}
    assert (report["run"]["optimizer"], report["run"]["outputs"]) == ("SGD", "kept")
    assert report["memory"]["optimizer"] == {"formula": "0", "bytes": 0}


def test_an_override_may_be_an_expression_and_cuts_a_symbol_loose() -> None:
    assert told("bioformer", "r=2*c + 1", "c=4", "L=2", "--gpu", "T4")["symbols"]["r"] == 9


def test_inference_has_one_phase() -> None:
    report = told("scperb", "run.mode=infer")

    assert list(report["memory"]["peaks"]) == ["inference"]
    assert report["memory"]["gradients"]["bytes"] == 0


@pytest.mark.parametrize(("given", "shown"), [
    (["T4"], ["T4"]),
    (["a100", "T4"], ["A100-80GB", "T4"]),
    (["a100", "A100-80GB"], ["A100-80GB"]),
    (["rtx_3090"], ["RTX 3090"]),
], ids=["name", "as asked", "alias and name of one", "other spelling"])  # fmt: skip
def test_gpus_are_selected(given: list[str], shown: list[str]) -> None:
    options = [word for name in given for word in ("--gpu", name)]

    assert [row["gpu"] for row in told("scperb", *options)["feasibility"]] == shown


def test_the_first_gpu_is_the_device() -> None:
    assert told("scperb", "--gpu", "h100")["device"] == "H100-80GB"


@pytest.mark.parametrize(("arguments", "message"), [
    (["report", "scperb", "--gpu", "H101"], "command line: unknown GPU 'H101'\n    did you mean "),
    (["report", "scperb", "b=4"], "command line: no symbol 'b' to override\n    did you mean 'B'?"),
    (["report", "scperb", "B=0"], "command line: symbol 'B' is 0\n"),
    (["report", "scperb", "B=C"], "command line: unknown symbol 'C'\n"),
    (["report", "scperb", "B"], "command line: cannot read 'B'\n    expected SYMBOL=VALUE or run.KEY=VALUE"),
    (["report", "scperb", "run.mod=infer"], "command line: unknown run setting 'mod'\n    did you mean 'mode'?"),
    (["report", "scperb", "run.mode=learn"], "command line: run.mode cannot be 'learn'\n    one of: train, infer"),
    (["report", "scprb"], "command line: no file and no bundled model 'scprb'\n    did you mean 'scperb'?"),
    (["check", "nowhere.yaml"], "command line: no file and no bundled model 'nowhere.yaml'"),
    (["reprot", "scperb"], "No such command 'reprot'."),
    (["report", "scperb", "--format", "yaml"], "'yaml' is not one of"),
    (["report"], "Missing argument 'CONFIG'"),
    (["ops", "Linaer"], "command line: unknown op 'Linaer'\n    did you mean 'Linear'?"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")  # fmt: skip
def test_a_command_that_is_refused(arguments: list[str], message: str) -> None:
    result = peakform(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_model_that_does_not_fit_is_an_answer() -> None:
    result = peakform("report", "bioformer", "--gpu", "T4")

    assert result.exit_code == 0
    assert "does not fit" in result.stdout


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "report.md"

    result = peakform("report", "scperb", "--format", "markdown", "-o", str(path))

    assert (result.exit_code, result.stdout) == (0, "")
    assert path.read_text(encoding="utf-8") == peakform("report", "scperb", "--format", "markdown").stdout


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    result = peakform("report", "scperb", "-o", str(tmp_path / "none" / "report.md"))

    assert result.exit_code == 2
    assert "cannot write" in result.stderr


@pytest.mark.parametrize("command", ["report", "check", "models", "gpus", "ops", "schema"])
def test_every_command_has_help(command: str) -> None:
    result = peakform(command, "--help")

    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command}")
    assert command in peakform("--help").stdout


def test_a_report_is_short_unless_all_is_asked_for() -> None:
    short, full = peakform("report", "bert-base", "--gpu", "T4").stdout, peakform("report", "bert-base", "--gpu", "T4", "--full").stdout

    assert "Layers of the forward" not in short
    assert "--full shows all" in short
    assert "Layers of the forward" in full
    assert "not shown" not in full
    assert "Layers of the forward" in peakform("report", "bert-base", "--gpu", "T4", "--layers").stdout
    assert len(short.splitlines()) + 50 < len(full.splitlines())


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in written(lambda console: console.print("a", style="red"), 80, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in written(lambda console: console.print("a", style="red"), 80, True)
