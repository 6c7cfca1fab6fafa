"""Verdicts: three answers, the bands between them, and why."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from analyzer.catalogue import Gpu
from analyzer.programs import Programs
from analyzer.replay import Replay
from analyzer.run.settings import read_run
from analyzer.verdict import ABSOLUTE, CLOSE, CONVOLUTION, ESTIMATED, FITS, RELATIVE, STREAMS, UNFIT, band, judge, limits, status
from tests.cards import gpu, programs

ROOT = Path(__file__).resolve().parent.parent


def test_no_error_of_the_accuracy_page_is_outside_the_band() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text()
    allocated = re.search(r"\| `max_memory_allocated` \|.*\| ([\d.]+)% \|$", page, re.MULTILINE)
    reserved = [abs(int(n.replace(",", ""))) for n in re.findall(r"reserved ([+-][\d,]+)", page)]

    assert allocated
    assert float(allocated[1]) <= float(RELATIVE * 100)
    assert max(reserved, default=0) <= ABSOLUTE


def card_with(room: int, most: int = 0) -> Gpu:
    """A card that gives so many bytes to segments."""
    t4 = gpu("t4")
    return replace(t4, capacity=room + t4.context, largest_capacity=(most or room) + t4.context)


def least_room(of: Programs) -> int:
    """The least room in which the program runs, by bisection over replays."""
    low, high = 0, 64 << 30
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if isinstance(of.case({}).replayed(middle), Replay) else (middle, high)
    return high


def test_three_answers_around_the_least_room() -> None:
    of = programs("scperb", "T4", B=20000)
    case, least = of.case({}), least_room(programs("scperb", "T4", B=20000))
    margin = int(least * RELATIVE)

    said = [
        judge(case, card_with(room)).answer
        for room in (least - 2 * margin, least - margin // 2, least, least + margin // 2, least + 2 * margin)
    ]

    assert said == [UNFIT, CLOSE, CLOSE, CLOSE, FITS]


def test_a_small_model_has_the_absolute_margin() -> None:
    of = programs("scperb", "T4", B=2)
    case, least = of.case({}), least_room(of)

    assert judge(case, card_with(least + ABSOLUTE)).answer == FITS
    assert judge(case, card_with(least + ABSOLUTE - 1)).answer == CLOSE
    assert judge(case, card_with(least - ABSOLUTE)).answer == CLOSE
    assert judge(case, card_with(least - ABSOLUTE - 1)).answer == UNFIT


def test_convolutions_have_room_for_workspaces() -> None:
    rooms = band(card_with(10**10), programs("cnn3d", "T4").case({}))

    assert rooms.room - rooms.sure == 10**10 * (RELATIVE + CONVOLUTION)
    assert "cuDNN" in rooms.why


def test_fully_shard_has_room_for_its_streams_only_where_they_are_not_replayed() -> None:
    run = read_run({}, {"parallel": "fsdp", "ranks": "4"})
    replayed, estimated = (limits(card_with(10**10), run, False, estimated) for estimated in (False, True))

    assert replayed == limits(card_with(10**10), read_run({}, {}), False, False)
    assert estimated.room - estimated.sure == 10**10 * (ESTIMATED + STREAMS)
    assert "fully_shard" in estimated.why


def test_cards_that_are_reported_larger_are_not_ruled_out() -> None:
    rooms = band(card_with(10**10, 2 * 10**10), programs("scperb", "T4").case({}))

    assert rooms.hopeful == 2 * 10**10 * (1 + RELATIVE)


def test_an_answer_says_why() -> None:
    unfit = judge(programs("bioformer", "a100", c=64).case({"B": 4}), gpu("a100"))
    fits = judge(programs("scperb", "T4").case({}), gpu("t4"))

    assert re.match(r"stops at encode\.stack\.blocks\.block\.opm\.outer_product: mul \(bioformer\.yaml:\d+\): 15\.32 GiB", unfit.reason)
    assert unfit.message.startswith("CUDA out of memory. Tried to allocate 15.32 GiB.")
    assert fits.reason == "needs 596.00 MiB of 14.56 GiB"
    assert [status(answers) for answers in ([fits], [fits, unfit], [])] == [0, 1, 0]
