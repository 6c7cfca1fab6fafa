"""Every file in configs/invalid is refused with exactly the text that stands beside it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

FOLDER = Path(__file__).parent / "configs" / "invalid"
CASES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("command", ["check", "report"])
def test_says_exactly_what_is_wrong(case: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)

    result = CliRunner().invoke(main, [command, case.name])

    assert result.stderr == case.with_suffix(".txt").read_text(encoding="utf-8")
    assert result.exit_code == 2
    assert result.stdout == ""


def test_every_expected_text_has_its_config() -> None:
    assert {path.stem for path in CASES} == {path.stem for path in FOLDER.glob("*.txt")}
