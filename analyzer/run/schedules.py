"""The order of forwards and backwards in a stage of a pipeline, and how many micro-batches are run for all of them.

Closed forms are made of two micro-batches that are in flight together, beside which stands what the others have, and of one later one.

Source: torch/distributed/pipelining/schedules.py (Schedule1F1B, ScheduleGPipe), torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.polynomial import ZERO, Poly, poly, symbol
from analyzer.sizes import sizes

MICROBATCHES = "n_microbatches"
APART, EVERY = 2, 1 << 30  # micro-batches in flight that closed forms are made of; all of them


@dataclass(frozen=True, slots=True)
class Order:
    """What is run of a schedule: actions in order, `beside` for how many micro-batches in flight and `later` for how many after them."""

    actions: tuple[tuple[str, int], ...]  # F or B, and the micro-batch
    beside: Poly  # between the forwards of the first and the second one
    later: Poly  # after the first backward
    microbatches: int  # that are run


def order(schedule: str, stages: int, index: int, apart: int) -> Order:
    """The actions of a stage, at most `apart` micro-batches in flight run by themselves and one less of those after them."""
    size = symbol(MICROBATCHES)
    number = sizes().number(size)
    in_flight = number if schedule == "gpipe" else min(stages - index, number)
    warmup = min(in_flight, apart)
    run = warmup + min(number - in_flight, apart - 1)
    if apart > APART:
        sizes().assume(size, "==", number)
    elif schedule == "gpipe":
        sizes().assume(size, ">=" if number > warmup else "==", max(warmup, 2) if number > 1 else 1)
    else:
        sizes().assume(size, "==" if number == in_flight else ">=", in_flight if number == in_flight else in_flight + 1)
    beside = size - warmup if schedule == "gpipe" else poly(in_flight - warmup)
    later = size - run if schedule != "gpipe" and in_flight == 1 else ZERO
    return Order(_actions(warmup, run), beside if number > warmup and in_flight > warmup else ZERO, later if number > run else ZERO, run)


def _actions(warmup: int, number: int) -> tuple[tuple[str, int], ...]:
    """Forwards until the stage is warm, then a backward before each further forward, then the backwards that are left."""
    steady = (action for i in range(warmup, number) for action in (("B", i - warmup), ("F", i)))
    return (*(("F", i) for i in range(warmup)), *steady, *(("B", i) for i in range(number - warmup, number)))
