"""Configs and templates come along in a wheel, in an editable install and in the checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ["report", "scperb", "--format", "markdown", "--gpu", "a100"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def test_the_wheel_reports(installed, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); import analyzer.cli as c; print(c.__file__, file=sys.stderr)"
    code += f"; c.main({COMMAND!r})"
    result = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)

    assert str(installed) in result.stderr
    assert "19,763,696" in result.stdout
    assert (installed / "analyzer" / "configs" / "blocks" / "bioformer.yaml").is_file()


def test_the_checkout_reports():
    result = subprocess.run([sys.executable, "-m", "analyzer", *COMMAND], cwd=ROOT, capture_output=True, text=True)

    assert "19,763,696" in result.stdout
