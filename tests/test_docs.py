"""The language page names every section, word and run setting, and none that does not exist."""

import re
from pathlib import Path

from analyzer.build.source import CONTROL, SECTIONS
from analyzer.run.settings import CHOICES

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "language.md").read_text()
WORDS = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))


def test_every_section_and_word_is_explained():
    assert set(SECTIONS) - WORDS == set()
    assert set(CONTROL) - WORDS == set()


def test_every_run_setting_is_explained_with_its_choices():
    part = PAGE.partition("## The step around the model")[2].partition("## Tables")[0]
    named = set(re.findall(r"`([\w-]+)`", part))

    assert set(CHOICES) - named == set()
    assert {choice for choices in CHOICES.values() for choice in choices} - named == set()
