"""Every file in configs/valid passes, with the warnings that stand beside it and no others."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from analyzer.cli import main

FOLDER = Path(__file__).parent / "configs" / "valid"


@pytest.mark.parametrize("case", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("command", ["check", "report"])
def test_is_accepted(case: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    warnings = case.with_suffix(".txt")

    result = CliRunner().invoke(main, [command, case.name])

    assert result.stderr == (warnings.read_text(encoding="utf-8") if warnings.exists() else "")
    assert result.exit_code == 0
    assert result.stdout
