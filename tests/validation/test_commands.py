"""The commands of `python -m validation` as far as they go without a CUDA device, on committed results."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from validation.__main__ import main
from validation.accuracy import summary
from validation.commands.report import ROOT, with_table
from validation.rows import RESULTS, Results, Row, read, write


def said(*words: str) -> tuple[int, str]:
    """Exit status, and all that was printed."""
    told = CliRunner().invoke(main, words)
    return told.exit_code, told.output


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help_has_an_example(command: str) -> None:
    status, text = said(command, "--help")

    assert status == 0
    assert f"-m validation {command}" in text.replace("\n", " ")


@pytest.mark.parametrize("words", [("run", "scperb"), ("oom", "scperb", "--gpu", "t4"), ("zoo", "gpt2")])
def test_without_a_device_it_says_how_to_go_on(words: tuple[str, ...]) -> None:
    status, text = said(*words)

    assert status == 2
    assert "no CUDA device: this is PyTorch" in text
    assert f"validation/nullcuda/run.sh -m validation {words[0]} {words[1]}" in text


@pytest.mark.parametrize(("words", "expected"), [
    (("run", "B=4"), "'B=4' belongs to no config"),
    (("run", "scperb", "--resume"), "--resume goes on with the whole table in a file"),
    (("run", "--resume"), "--resume goes on with the whole table in a file"),
    (("run", "scperb", "=4"), "cannot read '=4'"),
    (("oom", "scperb", "--gpu", "h2000"), "unknown GPU 'h2000'"),
    (("report", "setup.cfg"), "is no file of results"),
    (("submit", "scperb"), "say which cards, as in --gres gpu:a100:1"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    status, text = said(*words)

    assert status == 2
    assert expected in text


def test_the_pages_are_what_report_writes() -> None:
    results, readme = read(), (ROOT / "README.md").read_text(encoding="utf-8")

    assert (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8") == summary(results) + "\n"
    assert with_table(readme, results) == readme
    assert with_table(readme.replace("(100.0%)", "1"), results) == readme


def test_published_figures_in_the_documentation_are_those_of_today() -> None:
    status, text = said("published", "--markdown")

    assert status == 0
    assert text.strip() in (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    row = Row("my.yaml", "", "", {"peak": 8}, {"peak": 7}, "add", "c0ffee", 9, {"add my.yaml:3": (7, 8)})
    found = Results("2", "2026-01-01", read().device, (row,), {}, {"kind": "gpu", "driver": "1"})
    write(found, tmp_path / "mine.json")
    again = read(tmp_path / "mine.json")

    assert replace(again.rows[0], saved={}) == replace(row, saved={})
    assert {line: tuple(pair) for line, pair in again.rows[0].saved.items()} == row.saved
    assert again.where == "Null CUDA sm_80, driver 1"


def test_every_page_of_results_says_which_device_they_come_from() -> None:
    status, text = said("report", str(RESULTS))

    assert status == 0
    assert text.startswith("Measured on Null CUDA sm_80 (nullcuda: no kernels run), PyTorch 2.13.0")
    assert "needs a GPU" in text


def test_jobs_run_and_their_results_are_gathered(tmp_path: Path) -> None:
    """Through submitit's local executor; what a job runs writes committed results in place of measuring."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\n[ "$*" = "-m validation run scperb B=8 -o $7" ] && cp {RESULTS} "$7"\n', encoding="utf-8")
    program.chmod(0o755)

    status, text = said("submit", "scperb", "B=8", "--local", "--python", str(program), "-o", str(tmp_path / "jobs"))

    assert status == 0, text
    assert "| Null CUDA sm_80 (nullcuda: no kernels run) |" in text


def test_a_job_that_fails_is_told(tmp_path: Path) -> None:
    status, text = said("submit", "scperb", "--local", "--python", "false", "-o", str(tmp_path))

    assert status == 1
    assert "local: differs or failed, see" in text
