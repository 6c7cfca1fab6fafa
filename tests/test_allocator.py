"""The allocator's counters after every request are those that PyTorch 2.13 gave, under each of its options."""

import json
from pathlib import Path

import pytest

from analyzer.allocator import Allocator, OutOfMemory, Span
from analyzer.expandable import Expandable
from tests.asking import report

MEASURED = json.loads((Path(__file__).parent / "data" / "allocator.json").read_text())
CAPACITY = MEASURED["capacity"]
ALLOCATORS = {
    "": lambda: Allocator(CAPACITY),
    "expandable_segments:True": lambda: Expandable(CAPACITY),
    "max_split_size_mb:40": lambda: Allocator(CAPACITY, 40 << 20),
    "roundup_power2_divisions:4": lambda: Allocator(CAPACITY, None, 4),
    "expandable_segments:True,roundup_power2_divisions:8": lambda: Expandable(CAPACITY, None, 8),
}


@pytest.mark.parametrize(("measured", "streams"), [("counters", 1), ("counters of three streams", 3)])
@pytest.mark.parametrize("options", ALLOCATORS)
def test_counters_after_every_request(options: str, measured: str, streams: int) -> None:
    """Request k goes to stream k modulo their number."""
    allocator = ALLOCATORS[options]()
    held: list[Span | None] = []
    refused = 0
    for number, (size, (allocated, reserved)) in enumerate(zip(MEASURED["sizes"], MEASURED[measured][options], strict=True)):
        if size >= 0:
            try:
                held.append(allocator.malloc(size, number % streams))
            except OutOfMemory:
                held.append(None)
                refused += 1
        elif held and (span := held.pop(-size % len(held))) is not None:
            allocator.free(span)
        assert (allocator.allocated, allocator.reserved) == (allocated, reserved)
    assert refused


def test_segments_that_grow_hold_less_of_the_card() -> None:
    plain, grown = (report("scperb", {"expandable_segments": value})["memory"] for value in ("false", "true"))

    assert grown["peak"]["bytes"] == plain["peak"]["bytes"]
    assert grown["peak"]["allocated_bytes"] <= grown["reserved_bytes"] < plain["reserved_bytes"]
