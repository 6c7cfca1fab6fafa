"""The language page has every word of the `data:` section, and its example is right."""

import re
from pathlib import Path

import yaml

from analyzer.host.gathering import WAYS
from analyzer.host.read import ARRAY, COLLATES, LOADER, PREDICTION, SECTIONS, STARTS
from analyzer.host.read_steps import KEYS, PARTS
from analyzer.host.source import FORMATS
from tests.host.measuring import described

PAGE = (Path(__file__).parent.parent.parent / "docs" / "language.md").read_text(encoding="utf-8")
PART = PAGE.partition("## Host memory")[2].partition("\n## ")[0]


def test_every_word_is_explained() -> None:
    explained = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", PART.replace("```", "")))))
    known = {*SECTIONS, *ARRAY, *LOADER, *PREDICTION, *KEYS, *PARTS, *FORMATS, *WAYS, *COLLATES, *STARTS}

    assert known - explained == set()


def test_the_example_is_right(tmp_path: Path) -> None:
    example = yaml.safe_load(PART.partition("```yaml\n")[2].partition("```")[0])
    host = described(example["data"], tmp_path, N=100_000, G=5000, L=10, Z=256, B=128)

    assert [claim.holds for claim in host.claims] == [False]
    assert [stage.kind for stage in host.stages] == ["prepare", "prepare", "load", "predict"]
