"""`peakform new` writes a config that works from the user's folder and says what the bundled one says."""

from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import MODELS
from tests.asking import FILES, peakform, report

EAGER = [path.stem for path in FILES if path.stem in ("bert-base-eager", "gpt2", "llama-3.2-1b", "bioformer", "resnet18", "scperb")]


@pytest.mark.parametrize("like", [path.stem for path in FILES])
def test_it_says_what_the_bundled_model_says(like: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert peakform("new", "mine", "--like", like).exit_code == 0
    mine, bundled = (tmp_path / "mine.yaml").read_text(), (MODELS / f"{like}.yaml").read_text()

    lines = [line for line in bundled.splitlines() if not line.startswith("name:")]
    assert [line for line in mine.splitlines() if line != "name: mine"][1:] == lines


@pytest.mark.parametrize("written_out", [(), ("--blocks",)], ids=["included", "written out"])
@pytest.mark.parametrize("like", EAGER)
def test_its_memory_is_the_same(like: str, written_out: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = peakform("new", "mine", "--like", like, *written_out)
    assert result.exit_code == 0, result.stderr

    assert ("include:" in Path("mine.yaml").read_text()) == ("\ninclude:" in (MODELS / f"{like}.yaml").read_text() and not written_out)
    mine, bundled = report(str(tmp_path / "mine.yaml")), report(like)
    assert (mine["model"], mine["parameters"]) == ("mine", bundled["parameters"])
    assert len(numbers(mine["memory"])) > 10
    assert numbers(mine["memory"]) == numbers(bundled["memory"])


def numbers(told: Any) -> list[int]:
    """Every figure of bytes in a part of a report."""
    items = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    return [n for key, value in items for n in ([value] if key == "bytes" else numbers(value))]


def test_a_file_that_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("precious")

    refused = peakform("new", "mine", "--like", "scperb")
    assert (refused.exit_code, Path("mine.yaml").read_text()) == (2, "precious")
    assert "'mine.yaml' is there already\n    --force overwrites it" in refused.stderr
    assert peakform("new", "mine", "--like", "scperb", "--force").exit_code == 0
    assert peakform("check", "mine.yaml").exit_code in (0, 1)


@pytest.mark.parametrize(("arguments", "message"), [
    (["mine", "--like", "bert-bas"], "no bundled model 'bert-bas'\n    did you mean 'bert-base'?"),
    (["mi ne", "--like", "bert-base"], "'mi ne' is no name for a config"),
    (["nowhere/mine", "--like", "bert-base"], "cannot write: No such file or directory"),
    (["mine"], "Missing option '--like'"),
])  # fmt: skip
def test_what_is_refused(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = peakform("new", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_model_of_the_page_is_right_and_has_fifteen_lines(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "write-your-model.md").read_text()
    config = page.partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "mine.yaml").write_text(config)

    assert len(config.splitlines()) == 15
    assert peakform("check", str(tmp_path / "mine.yaml")).exit_code in (0, 1)
