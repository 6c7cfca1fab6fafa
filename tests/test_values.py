"""`--values`: symbols out of a user's training config, interpolation resolved as OmegaConf does it, nothing run."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.asking import peakform

CONFIG = """
symbols:
  B: {value: 4, from: data.batch_size}
  c: {value: 8, from: model.d_model, doc: width}
  h: {value: 4*c, doc: hidden}
inputs: {x: [B, c]}
layers: [Linear: h, Linear: 1]
"""
TRAIN = """
defaults: [_self_]
name: run-${model.d_model}
width: 16
data: {batch_size: "${train.batches.1}", root: "${oc.env:HOME}"}
model:
  base: ${width}
  d_model: ${.base}
  layers: ${..width}
train: {batches: [3, 5]}
"""


def asked(folder: Path, train: str, *arguments: str, config: str = CONFIG) -> Any:
    (folder / "mine.yaml").write_text(config)
    (folder / "train.yaml").write_text(train)
    return peakform("report", "mine.yaml", "--values", "train.yaml", *arguments)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def symbols(result: Any) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["symbols"]


def test_symbols_are_read_and_what_derives_from_them_follows(folder: Path) -> None:
    assert symbols(asked(folder, TRAIN, "--format", "json")) == {"B": 5, "c": 16, "h": 64}


def test_the_command_line_wins(folder: Path) -> None:
    without = TRAIN.replace("d_model", "width")
    assert symbols(asked(folder, without, "c=2", "--format", "json")) == {"B": 5, "c": 2, "h": 8}


def test_check_reads_values_too(folder: Path) -> None:
    asked(folder, TRAIN)
    assert peakform("check", "mine.yaml", "--values", "train.yaml").exit_code in (0, 1)
    Path("train.yaml").write_text("model: {}")
    assert peakform("check", "mine.yaml", "--values", "train.yaml").exit_code == 2


@pytest.mark.parametrize("command", ["fit", "explain", "submit-check --cluster university"])
def test_other_commands_read_values_too(command: str, folder: Path) -> None:
    asked(folder, TRAIN)
    words = (*command.split(), "mine.yaml", "--values", "train.yaml", "run.mode=infer")
    read, given = peakform(*words), peakform(*words[:-3], "B=5", "c=16", "run.mode=infer")

    assert read.exit_code == given.exit_code == 0, read.stderr
    assert read.stdout == given.stdout
    assert peakform(*words, "c=1600").stdout != read.stdout


def test_advise_reads_values(folder: Path) -> None:
    asked(folder, TRAIN)
    words = ("advise", "mine.yaml", "--gpu", "t4", "run.mode=infer", "--format", "json")

    assert peakform(*words, "--values", "train.yaml").stdout == peakform(*words, "B=5", "c=16").stdout


def test_sweep_reads_values(folder: Path) -> None:
    asked(folder, TRAIN)
    peakform("sweep", "mine.yaml", "--values", "train.yaml", "B=1:3", "-o", "read.csv")
    peakform("sweep", "mine.yaml", "c=16", "B=1:3", "-o", "given.csv")

    assert Path("read.csv").read_text() == Path("given.csv").read_text()


def test_a_symbol_that_is_solved_needs_no_value(folder: Path) -> None:
    asked(folder, TRAIN)
    Path("train.yaml").write_text("model: {d_model: 16}")

    assert peakform("fit", "mine.yaml", "--values", "train.yaml", "--gpu", "t4", "--solve", "B", "run.mode=infer").exit_code == 0
    assert peakform("fit", "mine.yaml", "--values", "train.yaml", "--gpu", "t4", "run.mode=infer").exit_code == 2


@pytest.mark.parametrize(("model", "value"), [
    ("d_model: 32", 32), ("d_model: '32'", 32), ("d_model: 3.2e1", 32), ("d_model: ${model.wide}\n  wide: 7", 7),
    ("d_model: ${model.${kind}}\n  wide: 9\nkind: wide", 9), ("d_model: 1${x}\nx: 2", 12), ("d_model: ${sizes[1]}\nsizes: [1, 6]", 6),
    ("<<: {d_model: 11}", 11), ("<<: [{a: 1}, {d_model: 13}]", 13), ("d_model: ${other.d}\nother: ${all}\nall: {d: 21}", 21),
])  # fmt: skip
def test_what_a_number_may_be(model: str, value: int, folder: Path) -> None:
    train = f"data: {{batch_size: 1}}\nmodel:\n  {model}\n"
    assert symbols(asked(folder, train, "--format", "json"))["c"] == value


@pytest.mark.parametrize(("model", "message"), [
    ("d_model: ${a}\na: ${b}\nb: ${a}", "'a' refers to itself: a -> b -> a"),
    ("d_model: ${model.d_model}", "train.yaml:3:12: 'model.d_model' refers to itself"),
    ("d_model: ${model.widht}\n  width: 3", "train.yaml:3:14: '${model.widht}' refers to nothing\n    did you mean 'model.width'?"),
    ("d_model: ${oc.env:HOME}", "train.yaml:3:12: '${oc.env:HOME}' calls a resolver: it would have to be run"),
    ("d_model: ${eval:'1+1'}", "calls a resolver"),
    ("d_model: ${}", "'${}' cannot be resolved"),
    ("d_model: ${....x}", "cannot be resolved"),
    ("d_model: ???", "train.yaml:3:12: 'model.d_model' has no value yet: ???"),
    ("d_model: wide", "train.yaml:3:12: 'model.d_model' is 'wide'\n    symbol 'c' needs a whole number above 0"),
    ("d_model: true", "'model.d_model' is 'true'"),
    ("d_model: [1]", "'model.d_model' is no single value"),
    ("d_model: 0", "train.yaml:3:12: symbol 'c' is 0"),
    ("d_model: 1.5", "train.yaml:3:12: symbol 'c' is 3/2"),
    ("d_modle: 3", "mine.yaml:4:23: train.yaml has no 'model.d_model'\n    did you mean 'model.d_modle'?"),
    ("d_model: 1${x}\nx: [1]", "'${x}' is no single value within a text"),
    ("d_model: !!python/object/apply:os.system [ls]", "a tag means nothing here"),
])  # fmt: skip
def test_what_is_refused(model: str, message: str, folder: Path) -> None:
    result = asked(folder, f"data: {{batch_size: 1}}\nmodel:\n  {model}\n")

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_texts_that_grow_are_refused(folder: Path) -> None:
    doubling = "\n".join(f"a{i}: ${{a{i - 1}}}${{a{i - 1}}}" for i in range(1, 40))
    result = asked(folder, f"data: {{batch_size: 1}}\nmodel: {{d_model: '${{a39}}'}}\na0: '12'\n{doubling}\n")

    assert result.exit_code == 2
    assert "more than 1000 characters" in result.stderr


def test_a_hydra_config_that_is_not_composed_is_told(folder: Path) -> None:
    result = asked(folder, "defaults: [model: large]\nseed: 3\n")

    assert "train.yaml has no 'data.batch_size'\n    known: seed\n    Hydra's 'defaults' are not composed here" in result.stderr


def test_a_config_without_from_has_nothing_to_read(folder: Path) -> None:
    result = asked(folder, "a: 1", config="symbols: {c: 4}\ninputs: {x: [c, c]}\nlayers: [Linear: 1]\n")

    assert result.exit_code == 2
    assert "no symbol says where in train.yaml its value stands" in result.stderr


def test_from_must_be_a_key(folder: Path) -> None:
    result = asked(folder, "a: 1", config=CONFIG.replace("from: model.d_model", "from: [3]"))

    assert "mine.yaml:4:23: 'from' of symbol 'c' must be a key of a training config" in result.stderr
