"""The gallery is what its command makes today: the page, the numbers behind every picture, and pictures that are small files."""

from pathlib import Path

import pytest

from validation.gallery import DOCS, MEASURED, PLACE, Shown, entries, made, page
from validation.plot import cases

COMPUTED = [shown for shown in entries() if shown is not MEASURED]


@pytest.mark.parametrize("shown", COMPUTED, ids=lambda shown: shown.name)
def test_a_picture_shows_the_numbers_of_today(shown: Shown, tmp_path: Path) -> None:
    made(shown, tmp_path / "numbers.csv")

    again = f"python -m validation.gallery {shown.name}"
    assert (tmp_path / "numbers.csv").read_text(encoding="utf-8") == (PLACE / f"{shown.name}.csv").read_text(encoding="utf-8"), again


def test_the_page_is_written_by_the_command() -> None:
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == page(), "python -m validation.gallery"


def test_every_picture_is_there_and_small() -> None:
    files = {path.name: path.stat().st_size for path in PLACE.iterdir() if path.suffix != ".csv"}

    assert set(files) == {shown.picture for shown in entries()}
    assert max(files.values()) < 100_000


def test_predicted_against_measured_is_drawn_of_every_case(tmp_path: Path) -> None:
    made(MEASURED, tmp_path / "measured.svg")
    found = cases()
    equal = sum(c.measured == c.predicted for c in found if "YAML" in c.source)

    assert len(found) > 1000
    assert (tmp_path / "measured.svg").stat().st_size > 50_000
    assert equal > 600
