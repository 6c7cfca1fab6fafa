"""`peakform fit` and `check --gpu`: exit statuses, refusals, tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analyzer.solve import Solver
from tests.asking import peakform
from tests.cards import gpu, programs


@pytest.mark.parametrize(("arguments", "code", "said"), [
    ("fit scperb --gpu t4", 0, "T4 fits: needs"),
    ("fit scperb B=200000 --gpu t4", 1, "T4 does not fit: stops at"),
    ("fit scperb B=36000 --gpu t4", 3, "T4 too close to call: the replay runs"),
    ("fit scperb B=36500 --gpu t4", 3, "T4 too close to call: the replay stops"),
    ("fit scperb B=36000 --gpu t4 --gpu a100", 3, "A100-80GB fits"),
    ("fit scperb B=200000 --gpu a100 --gpu h200", 3, "H200 fits"),
    ("fit scperb B=200000 --gpu t4 --gpu h200", 1, "H200 fits"),
    ("fit scperb B=200000", 0, "does not fit"),
    ("fit bert-base-eager c=49152 --gpu t4 --solve B", 1, "none"),
    ("check scperb --gpu t4", 0, "T4 fits: needs"),
    ("check scperb B=200000 --gpu t4", 1, "T4 does not fit: stops at"),
    ("check scperb B=36000 --gpu t4", 3, "T4 too close to call"),
    ("check scperb", 0, "right"),
])  # fmt: skip
def test_the_exit_status_is_the_answer(arguments: str, code: int, said: str) -> None:
    result = peakform(*arguments.split())

    assert (result.exit_code, result.stderr) == (code, "")
    assert said in " ".join(result.stdout.split())


@pytest.mark.parametrize(("arguments", "message"), [
    ("B=3", "command line: no config is named\n    expected CONFIG... [SYMBOL=VALUES]..."),
    ("scperb B=1:2:0", "command line: cannot read 'B=1:2:0'\n    expected numbers above 0 as 128,256,512 or 64:512:64"),
    ("scperb B=1:2:3:4", "command line: cannot read 'B=1:2:3:4'"),
    ("scperb B=1,,2", "command line: cannot read 'B=1,,2'"),
    ("scperb B=a,b", "command line: cannot read 'B=a,b'"),
    ("scperb B=0,1", "command line: cannot read 'B=0,1'"),
    ("scperb B=9:2", "command line: 'B=9:2' has 0 values\n    expected 1 to 1,000"),
    ("scperb B=1:9999", "command line: 'B=1:9999' has 9,999 values\n    expected 1 to 1,000"),
    ("scperb Q=1,2", "command line: no symbol 'Q' to override\n    known: B, G, H, Z"),
    ("scperb cnn3d G=3", "command line: no symbol 'G' to override"),
    ("scperb --solve Q", "command line: no symbol 'Q' to solve for\n    known: B, G, H, Z"),
    ("scperb --solve B,Q", "command line: no symbol 'Q' to solve for"),
    ("scperb --solve B,G,H", "command line: cannot solve for 'B,G,H'\n    expected one symbol, or two with a comma between"),
    ("scperb --solve B,B", "command line: cannot solve for 'B,B'"),
    ("scperb --solve B,", "command line: cannot solve for 'B,'"),
    ("scperb --solve B B=1,2", "command line: 'B' is solved for and cannot be swept too"),
    ("scperb --multiple-of 0", "'--multiple-of': 0 is not in the range x>=1"),
    ("scperb --gpu H101", "command line: unknown GPU 'H101'\n    did you mean 'h100'?"),
    ("scperb --gpus-file none.yaml", "none.yaml:1:1: cannot read the file"),
    ("scprb", "command line: no file and no bundled model 'scprb'\n    did you mean 'scperb'?"),
    ("bioformer c=65", "'width / heads' is 65/4, not a whole number"),
    ("bioformer c=65,66", "'width / heads' is 33/2, not a whole number"),
    ("", "Missing argument 'CONFIG..."),
])  # fmt: skip
def test_a_question_that_is_refused(arguments: str, message: str) -> None:
    result = peakform("fit", *arguments.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("arguments", [
    "fit scperb", "fit scperb --solve B", "fit scperb cnn3d bert-base-eager --solve B", "fit scperb G=1000,2000000 --solve B",
    "fit bioformer c=64 --gpu a100 --solve B,r", "fit bioformer B=4 c=63:66 --gpu a100 --gpu t4",
])  # fmt: skip
def test_tables_fit_eighty_columns(arguments: str) -> None:
    result = peakform(*arguments.split())

    assert result.exit_code in (0, 1)
    assert max(map(len, result.stdout.splitlines())) <= 80


def told(arguments: str) -> dict[str, Any]:
    """The JSON of a question."""
    parsed: dict[str, Any] = json.loads(peakform(*arguments.split(), "--format", "json").stdout)
    return parsed


def test_a_swept_value_is_traced() -> None:
    rows = told("fit bert-base-eager r=512,513 --gpu h200")["rows"]

    assert ["refused" in row["cells"][0] for row in rows] == [False, True]


def test_a_matrix_of_configs_and_cards() -> None:
    rows = told("fit scperb cnn3d --gpu t4 --gpu a100 --solve B")["rows"]

    assert [[(c["gpu"], c["fits"] > 0) for c in row["cells"]] for row in rows] == [[("T4", True), ("A100-80GB", True)]] * 2
    assert [row["config"] for row in rows] == ["scperb.yaml", "cnn3d.yaml"]
    for row, name in zip(rows, ("scperb", "cnn3d")):
        for cell in row["cells"]:
            assert cell["fits"] == Solver(programs(name, cell["gpu"]), "B").solve(gpu(cell["gpu"])).fits


def test_values_that_are_swept_and_refused() -> None:
    (row,) = (
        {
            str(c.get("refused"))
            for r in told("fit bioformer B=4 c=63:66 --gpu a100")["rows"]
            for c in r["cells"]
            if r["symbols"]["c"] == 65
        },
    )

    assert row == {"'width / heads' is 65/4, not a whole number"}


def test_a_frontier_falls() -> None:
    rows = told("fit bioformer c=64 --gpu a100 --solve B,r")["rows"]
    frontier = [(row["symbols"]["r"], row["cells"][0]["fits"]) for row in rows]

    assert len(frontier) >= 8
    assert frontier == sorted(frontier)
    assert [b for _, b in frontier] == sorted((b for _, b in frontier), reverse=True)
    assert frontier[-1][1] >= 1
    assert Solver(programs("bioformer", "a100", c=64), "r", {"B": 1}).solve(gpu("a100")).fits == frontier[-1][0]


def test_json_tells_everything_about_a_verdict() -> None:
    found = told("fit scperb B=200000 --gpu t4")
    cell = found["rows"][0]["cells"][0]

    assert (found["status"], found["solved"], cell["answer"]) == (1, None, "does not fit")
    assert cell["needed_bytes"] > cell["capacity_bytes"]
    assert cell["failure"]["path"] == "scperb.yaml"
    assert cell["band"]["sure_bytes"] < cell["band"]["room_bytes"] == cell["capacity_bytes"] - cell["context_bytes"]


def test_csv_has_one_line_per_cell() -> None:
    lines = peakform(*"fit scperb G=1000,2000 --gpu t4 --gpu a100 --solve B --format csv".split()).stdout.splitlines()

    assert lines[0] == "config,G,gpu,capacity_bytes,fits,too_close_to,next,bound,refused"
    assert len(lines) == 5


def test_a_card_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("gpus:\n  - {name: lab, like: T4, capacity_gib: 1}\n", encoding="utf-8")

    assert peakform("fit", "scperb", "--gpus-file", str(path), "--gpu", "lab").exit_code == 0
    assert peakform("check", "scperb", "B=9000", "--gpus-file", str(path), "--gpu", "lab").exit_code == 1


def test_what_is_not_a_cuda_card_says_so() -> None:
    printed = " ".join(peakform("fit", "scperb", "--gpu", "mi300x", "--gpu", "tpu-v3").stdout.split())

    assert "Note: MI300X: a ROCm card: op rules, workspaces and context are those of CUDA." in printed
    assert "Note: TPU v3 core: not a CUDA device" in printed


def test_markdown_has_a_row_per_config_and_value() -> None:
    lines = peakform(*"fit bioformer B=4 c=63:64 --gpu a100 --gpu h200 --format markdown".split()).stdout.splitlines()
    solved = peakform(*"fit scperb --gpu t4 --solve B --format markdown".split()).stdout
    rows = told("fit scperb --gpu t4 --solve B")["rows"]

    assert lines[2:4] == ["| config | c | A100-80GB, 79.14 GiB | H200, 139.72 GiB |", "| --- | ---: | ---: | ---: |"]
    assert lines[4] == "| bioformer.yaml | 63 | - | - |"
    assert lines[5].startswith("| bioformer.yaml | 64 | no, ")
    assert lines[-1] == "-: refused: 'width / heads' is 63/4, not a whole number."
    assert f"| scperb.yaml | {rows[0]['cells'][0]['fits']:,} ({rows[0]['cells'][0]['too_close_to']:,}) |" in solved
