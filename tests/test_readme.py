"""The README's commands are real, and what it shows is what they print."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text()
SHOWN = re.findall(r"```console\n\$ peakform (.*)\n((?:.*\n)*?)```", TEXT)


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_shown_output_is_printed(command, output, monkeypatch):
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, shlex.split(command))
    printed = iter(result.output.splitlines())
    wanted = [line for line in output.splitlines() if line != "..."]

    assert [line for line in wanted if line not in printed] == []


def test_the_yaml_of_the_readme_is_right(tmp_path):
    (config,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "mine.yaml"
    path.write_text(config)
    result = CliRunner().invoke(main, ["report", str(path)])

    assert result.exit_code == 0, result.output
    assert "2,493,130 parameters" in result.output


def test_the_summary_is_that_of_the_accuracy_page():
    page = (ROOT / "docs" / "accuracy.md").read_text()
    rows = re.findall(r"^\| [^|]* \| \d+ \| \d+ \(.*$", TEXT, re.MULTILINE)

    assert len(rows) == 17
    assert [row for row in rows if row not in page] == []


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_and_stands_in_the_readme(name):
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4
    assert f"peakform {name}" in TEXT
