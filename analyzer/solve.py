"""The largest value of a symbol with which a model fits on a card: exact by the verdict, found by bisection.

Assumed: a program that fits at a value fits at every smaller one that the config takes. The boundary itself is checked: the
value has the property, and the next one that the config takes has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import gcd

from analyzer.bisection import LARGEST, last
from analyzer.bound import Bound, bound
from analyzer.catalogue import Gpu
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.programs import Case, Programs
from analyzer.verdict import Band, band

NEAR = 8  # so many values on both sides of the solution are looked at, whether one is on the wrong side
TRACES, FEW = 256, 8  # so many values are tried for one that the config takes: where nothing is known, and where a stride is


@dataclass(frozen=True, slots=True)
class Solution:
    """The largest values of a symbol on one card; 0 for none, LARGEST where nothing grows with it."""

    gpu: Gpu
    symbol: str
    fits: int  # the largest whose verdict is: fits
    runs: int  # the largest that the replay runs on the card's very capacity
    close: int  # the largest that is not ruled out
    following: int  # the next value after `fits` that the config takes; 0 where none was found
    refused: str  # why values between were refused; empty where none was
    band: Band
    bound: Bound | None
    again: tuple[int, ...] = ()  # larger values that fit, though `following` does not: fragmentation is not monotonous
    gaps: tuple[int, ...] = ()  # values just below that do not fit, for the same reason
    estimated: bool = False


class Solver:
    """Solves one model for one symbol, the others being as given."""

    def __init__(self, programs: Programs, symbol: str, fixed: Mapping[str, int] = {}, multiple: int = 1) -> None:
        known = programs.first.symbols.values
        if symbol not in known:
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"no symbol '{symbol}' to solve for", nearest(symbol, known)))
        self.programs, self.symbol, self.fixed, self.multiple = programs, symbol, dict(fixed), multiple
        self.taken: list[int] = []  # values that the config takes
        self.end = LARGEST  # no larger value is taken
        self.start = self._start(known[symbol])

    def solve(self, gpu: Gpu) -> Solution:
        """The largest values on one card. Raises InvalidConfig when the config takes no value at all."""
        rooms = band(gpu, self.case(self.start))
        fits, runs, close = self._boundaries(rooms)
        following = 0 if fits >= LARGEST else self.above(fits)
        while not self._traced(max(following, 0 if close >= LARGEST else close)):
            fits, runs, close = self._boundaries(rooms)
            following = self.above(fits)
        first = max(fits + self.multiple, self.multiple)
        refused = self._reason(first) if fits < LARGEST and first != following else ""
        here = self.case(following or (0 if fits >= LARGEST else fits) or self.start)
        found = bound(here.program.analysis, here.symbols, here.binding[0], self.symbol, rooms.room)
        again = self._again(following, close, rooms.sure) if 0 < following <= close < LARGEST else ()
        return Solution(
            gpu, self.symbol, fits, runs, close, following, refused, rooms, found, again, self._gaps(fits, rooms.sure), here.estimated
        )

    def fitting(self, gpu: Gpu, likely: int = 0) -> int:
        """The largest value whose verdict is: fits, sought from a likely one; 0 for none. Nothing is said of its neighbours.

        Raises InvalidConfig.
        """
        room = band(gpu, self.case(self.start)).sure
        while True:
            value = self.largest(lambda case: case.runs(room), room, likely or self.start)
            if value >= LARGEST or self._traced(value):
                return value

    def _again(self, value: int, end: int, room: int) -> tuple[int, ...]:
        """The values after this one and up to the end with which the program fits, of the first few that the config takes and the last."""
        found = {*self._few(self.above, value), end, *self._few(lambda other: self.below(other - 1), end)}
        return tuple(other for other in sorted(found) if value < other <= end and self.case(other).runs(room))

    def _few(self, following: Callable[[int], int], value: int) -> list[int]:
        """The next few values that the config takes in a direction."""
        found = [value]
        while len(found) <= NEAR and (value := following(value)):
            found.append(value)
        return found[1:]

    def _further(self, value: int, room: int) -> int:
        """The largest value that runs, when the few after this one, and after each that runs, are looked at too."""
        beyond = self._few(self.above, value) if value < LARGEST else []
        larger = next((other for other in beyond if self.case(other).runs(room)), 0)
        return self._further(larger, room) if larger else value

    def _gaps(self, value: int, room: int) -> tuple[int, ...]:
        """The values just below one that fits with which the program does not fit."""
        near = self._few(lambda other: self.below(other - 1), value) if 0 < value < LARGEST else []
        return tuple(other for other in reversed(near) if not self.case(other).runs(room))

    def _boundaries(self, rooms: Band) -> tuple[int, int, int]:
        """The largest values that fit, that the replay runs, and that are not ruled out."""
        fits = self.largest(lambda case: case.runs(rooms.sure), rooms.sure, self.start)
        runs = self.largest(lambda case: case.runs(rooms.room), rooms.room, fits or self.start)
        close = self.largest(lambda case: case.runs(rooms.hopeful), rooms.hopeful, runs or self.start)
        return fits, runs, self._further(close, rooms.hopeful)

    def _traced(self, value: int) -> bool:
        """Whether a trace takes a value; if not, the largest value that one takes is the end of all searches from now on."""
        if value < 1 or self.programs.taken({**self.fixed, self.symbol: value}):
            return True
        self._limit(value)
        return False

    def _limit(self, value: int) -> None:
        """End all searches at the largest value below this one that a trace takes."""

        def taken(index: int) -> bool:
            found = self.below(index * self.multiple)
            return found > 0 and self.programs.taken({**self.fixed, self.symbol: found})

        index = last(taken, self.start // self.multiple, value // self.multiple)
        self.end = self.below(index * self.multiple) or self.start

    def case(self, value: int) -> Case:
        """The program at a value. Raises InvalidConfig when the config refuses it."""
        return self.programs.case({**self.fixed, self.symbol: value})

    def largest(self, fits: Callable[[Case], bool], room: int, guess: int) -> int:
        """The largest value that the config takes and that fits; 0 for none."""

        def holds(index: int) -> bool:
            value = self.below(index * self.multiple)
            return value == 0 or fits(self.case(value))

        end = self._end(room)
        if end >= LARGEST:
            return LARGEST
        index = last(holds, max(1, min(guess, end) // self.multiple), end // self.multiple + 1)
        value = self.below(index * self.multiple)
        while value and not fits(self.case(value)):
            value = self.below(value - 1)
        following = self.above(value)
        while following and fits(self.case(following)):
            value, following = following, self.above(following)
        return value

    def below(self, value: int) -> int:
        """The largest value up to this one that the config takes; 0 when none was found nearby."""
        value = min(value, self.end)
        return self._nearby(value - value % self.multiple)

    def above(self, value: int) -> int:
        """The smallest value above this one that the config takes; 0 when none was found nearby."""
        first = value + self.multiple - value % self.multiple
        return self._scanned(first, self.multiple) if first <= self.end else 0

    def _end(self, room: int) -> int:
        """A value above which the requested bytes alone are more than the room."""
        value = max(1, self.start)
        while value < self.end:
            taken = self.below(value)
            if not taken:
                self._limit(value)
                break
            if self.case(taken).requested > room:
                return value
            value *= 2
        return self.end

    def _start(self, given: int) -> int:
        """A value that the config takes: the given one, or the nearest."""
        first = given + (-given) % self.multiple
        found = self._scanned(first, -self.multiple) or self.above(first)
        if not found:
            reason = self.programs.refusal({**self.fixed, self.symbol: first})
            problems = reason.problems if reason else ()
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"no value of '{self.symbol}' near {first} is taken"), *problems)
        self.above(found)  # how far values that the config takes lie apart
        return found

    def _nearby(self, value: int) -> int:
        """The largest value up to this one that the config takes: congruent to those known, else one by one."""
        if value < 1 or self._takes(value):
            return max(0, value)
        stride = gcd(*(known - self.taken[0] for known in self.taken)) if len(self.taken) > 1 else 0
        likely = value - (value - self.taken[0]) % stride if stride else 0
        if likely > 0 and self._takes(likely):
            return likely
        return self._scanned(value, -self.multiple, FEW if stride else TRACES)

    def _scanned(self, value: int, step: int, most: int = TRACES) -> int:
        """The first value in a direction that the config takes; 0 when there is none before `most` were refused."""
        for other in range(value, value + step * most, step):
            if not 1 <= other <= self.end:
                return 0
            if self._takes(other):
                return other
        return 0

    def _takes(self, value: int) -> bool:
        if value < 1 or not self.programs.takes({**self.fixed, self.symbol: value}):
            return False
        if len(self.taken) < 64 and value not in self.taken:
            self.taken.append(value)
        return True

    def _reason(self, value: int) -> str:
        refused = self.programs.refusal({**self.fixed, self.symbol: value})
        return refused.problems[0].message if refused else ""
