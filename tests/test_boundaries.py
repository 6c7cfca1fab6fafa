"""Verdicts beside PyTorch at 200 points, and solved batch sizes beside their neighbours: what was committed, and a sample again."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.build.model import LIBRARY
from analyzer.replay import Replay
from analyzer.verdict import judge
from tests.asking import model
from validation.boundaries import boundaries, summary
from validation.boundaries import read as read_boundaries
from validation.verdict_points import CARDS, Point, card_of, case_of, read

DEVICE, POINTS = read()
SAMPLE = POINTS[::20]


def test_no_committed_verdict_is_on_the_wrong_side() -> None:
    promised = [point for point in POINTS if point.answer != "too close to call"]

    assert len(POINTS) >= 200
    assert [point for point in promised if (point.answer == "fits") != point.torch] == []
    assert len({point.model for point in POINTS}) >= 60
    assert {point.card for point in POINTS if point.card} == set(CARDS)
    assert {precision for point in POINTS for precision in point.run.split() if precision.startswith("precision")} == {
        f"precision={name}" for name in ("fp32", "bf16", "amp-bf16", "amp-fp16")
    }


@pytest.mark.parametrize("point", SAMPLE, ids=lambda p: f"{p.model} {p.symbols} {p.run}")
def test_todays_verdicts_agree_with_pytorch(point: Point) -> None:
    case = case_of(point, DEVICE)

    assert isinstance(case.replayed(point.room), Replay) == point.torch
    assert judge(case, card_of(point.room)).answer in ("too close to call", "fits" if point.torch else "does not fit")


def test_every_committed_boundary_is_one() -> None:
    found = read_boundaries()

    assert found
    assert [boundary for boundary in found if boundary.wrong] == []
    assert all(len([b for b in found if b.config == config]) == len(CARDS) for config in {b.config for b in found})


def test_the_page_tells_the_committed_boundaries() -> None:
    page = (Path(__file__).parents[1] / "docs" / "feasibility.md").read_text(encoding="utf-8")
    missing = sorted({path.stem for path in (LIBRARY / "models").glob("*.yaml")} - {boundary.config for boundary in read_boundaries()})
    without = [name for name in missing if "B" not in model(name).symbols or not model(name).layers]

    assert summary(read_boundaries()) in page
    assert all(name in page for name in missing if name not in without)


@pytest.mark.parametrize(("config", "card"), [("resnet18", "V100-16GB"), ("gpt2-eager", "H100-80GB"), ("distilbert", "T4")])
def test_a_boundary_today(config: str, card: str) -> None:
    (found,) = boundaries(config, (card,))

    assert found.fits > 0
    assert found.checked > 16
    assert found.wrong == ()
