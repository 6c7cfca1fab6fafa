"""How often a loop runs, and which of its iterations are simulated: all when they are few, else some of the first and of the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.build.frame import Frame
from analyzer.build.values import refuse, size_of, whole
from analyzer.document import Value
from analyzer.graph import Enter, Instruction, Leave
from analyzer.polynomial import ZERO, Poly, poly
from analyzer.sizes import sizes


@dataclass(frozen=True, slots=True)
class Count:
    """How many iterations there are, and how many of them are simulated: half the first ones, half the last."""

    size: Poly
    number: int
    simulated: int

    @property
    def skipped(self) -> Poly:
        """How many are left out."""
        return ZERO if self.number <= self.simulated else self.size - self.simulated

    @property
    def name(self) -> str:
        """What loops and lists of as many iterations have in common."""
        return f"each of {self.size!r}"

    def iterations(self) -> Iterator[tuple[int, int, Poly]]:
        """Each simulated iteration: which one it is of these, which one of all, and how many it stands for."""
        shown, half = min(self.number, self.simulated), self.simulated // 2
        for i in range(shown):
            stands_for = self.skipped + 1 if i == half - 1 else poly(1)
            yield i, i if i < half else self.number - shown + i, stands_for

    def parts(self, cuts: Sequence[int], wanted: int, simulated: int, *, unroll: bool) -> Iterator[tuple[int, Count]]:
        """The first iteration of each part that the cuts make, with the count of those in it: of other parts than the wanted one, one."""
        if not cuts:
            yield 0, self
            return
        for part, (first, end) in enumerate(zip((0, *cuts), (*cuts, self.number))):
            length = end - first if unroll or part == wanted else 1
            if end > first:
                yield first, Count(poly(length), length, length if unroll else simulated)

    def instructions(self, loop: str) -> tuple[Instruction, ...]:
        """What says how long a loop is, for one that nothing runs in."""
        return Enter(loop, 0, self.skipped), Leave(loop)


def count_of(value: Value, frame: Frame, *, simulated: int, unroll: bool) -> Count:
    """The count that stands for a number of iterations; what was decided of its size is written down. Raises InvalidConfig."""
    size, number = size_of(value, frame), whole(value, frame)
    if number < 1:
        raise refuse(value.origin, f"repeat count is {number}", "expected at least 1")
    found = Count(size, number, number if unroll else simulated)
    if size.constant is None:
        short = number <= found.simulated
        sizes().assume(size, "==" if short else ">=", poly(number if short else simulated))
    return found


def beginnings(path: str, count: Count, begins: Sequence[str]) -> tuple[int, ...]:
    """At which iterations of a loop stages of a pipeline begin. That the loop is as long as it is, is written down."""
    told = (begin.rpartition(".") for begin in begins)
    cuts = {int(last) for loop, _, last in told if loop == path and last.isdigit() and int(last) < count.number}
    if cuts and count.size.constant is None:
        sizes().assume(count.size, "==", count.number)
    return tuple(sorted(cuts))
