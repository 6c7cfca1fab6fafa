"""The largest whole number with a property that every smaller number has too."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from analyzer.polynomial import Number

LARGEST = 10**9
Curve = Callable[[int], Number]


def last_within(curves: Iterable[Curve], room: int) -> int:
    """The largest value at which every growing curve stays within the room; LARGEST when all always do."""
    value = LARGEST
    for curve in curves:
        if value == LARGEST or (value and curve(value) > room):
            value = min(value, _last_of(curve, room))
    return value


def _last_of(curve: Curve, room: int) -> int:
    low, high = 0, 1
    while high < LARGEST and curve(high) <= room:
        low, high = high, high * 2
    return LARGEST if high >= LARGEST else _between(lambda value: curve(value) <= room, low, high)


def last(holds: Callable[[int], bool], guess: int, high: int) -> int:
    """The largest value below `high` at which it holds, 0 for none; searched from near a guess."""
    low, step = 0, max(1, guess >> 9)
    at = min(max(guess, 1), high - 1)
    while low < at < high:
        if holds(at):
            low, at = at, at + step
        else:
            high, at = at, at - step
        step *= 2
    return _between(holds, low, high)


def last_near(tried: Callable[[int], tuple[bool, int]], guess: int, high: int) -> int:
    """The largest value below `high` at which it holds, 0 for none; `tried` also says which value may be that one.

    Such an estimate is tried next, or the value after it where it is known to hold; what follows in vain goes twice as far each time.
    Where that leaves what is known, the middle is tried.
    """
    low, at, vain = 0, min(max(guess, 1), high - 1), 0
    while high - low > 1:
        width = high - low
        held, near = tried(at)
        low, high = (at, high) if held else (low, at)
        vain = vain + 1 if 2 * (high - low) > width else 0
        step = max(1, abs(near - at)) << max(0, vain - 1)
        at = at + step if held else at - step + (near == low)
        if not low < at < high:
            at = (low + high) // 2
    return low


def _between(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The largest value at which it holds, when it does at `low` and does not at `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
