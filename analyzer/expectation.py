"""Where the largest value that runs is to be expected, by what other values took and where other cards were full."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.bisection import Curve, last_within


@dataclass(slots=True)
class Expectation:
    """What is known of values of a symbol: segments grow in line with what is requested, more or less."""

    segments: dict[int, int] = field(default_factory=dict)  # by value, in bytes, on a card without limit
    full: dict[int, int] = field(default_factory=dict)  # by the largest value that runs on a card, its room
    trimming: bool = False  # whether values run that need the cache trimmed: segments without a limit say little of those
    over: tuple[int, int] | None = None  # the first value that failed on this card, and by how many bytes
    told: bool = False  # whether that was told
    found: int | None = None  # what was told last, as long as nothing else is known

    def begin(self) -> None:
        """Another card is asked for."""
        self.over, self.told, self.found = None, False, None

    def took(self, value: int, segments: int) -> None:
        """A value ran, and no limit was felt."""
        self.segments[value], self.found = segments, None

    def trimmed(self) -> None:
        """A value ran with its cache trimmed."""
        self.trimming, self.found = True, self.found if self.trimming else None

    def failed(self, value: int, missing: int) -> None:
        """A value did not run for want of so many bytes."""
        if self.over is None:
            self.over, self.found = (value, missing), None

    def value(self, requested: Curve, above: int, room: int) -> int:
        """The value that is expected to fill a room; no larger one than `above` does."""
        if self.found is None:
            self.found = self._value(requested, above, room)
        return self.found

    def _value(self, requested: Curve, above: int, room: int) -> int:
        if self.over is not None and not self.told:
            self.told = True
            return last_within([requested], int(requested(self.over[0])) - self.over[1])
        known = self.full if self.trimming else {**self.segments, **self.full}
        if not known:
            return above
        near = min(known, key=lambda other: abs(known[other] - room))
        apart = max(abs(room - known[near]), room >> 4)  # another one, not so near that rounding is all that lies between
        far = min(known, key=lambda other: (abs(known[other] - known[near]) < apart, abs(abs(known[other] - known[near]) - apart)))
        x, y = int(requested(near)), known[near]
        before, beyond = (int(requested(far)), known[far]) if known[far] != y else (0, 0)
        return last_within([requested], x + (room - y) * (x - before) // (y - beyond))
