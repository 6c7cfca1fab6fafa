"""The house's rules: types, lint, imports that run one way, rooms of a size to live in."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sorted(p for folder in ("analyzer", "validation") for p in (ROOT / folder).rglob("*.py"))
SCRIPTS = Path(sys.executable).parent
CHECKS = {
    "types": [sys.executable, "-m", "mypy"],
    "lint": [sys.executable, "-m", "ruff", "check", "."],
    "format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "imports": [str(SCRIPTS / "lint-imports")],
}
HELP = """
import sys, analyzer.cli
sys.argv = ['peakform', '--help']
try:
    analyzer.cli.main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("check", CHECKS)
def test_checks_are_clean(check):
    result = subprocess.run(CHECKS[check], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_over_250_lines(path):
    assert len(path.read_text().splitlines()) <= 250


@pytest.mark.parametrize("module", ["sympy", "torch", "numpy", "jinja2", "rich", "yaml", "matplotlib"])
def test_help_imports_nothing_heavy(module):
    code = HELP + f"assert {module!r} not in sys.modules"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
