"""A recorded run as values: every allocation with its birth and death on one clock, and named moments on the same clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

ROUND = 512


@dataclass(slots=True, eq=False)
class Allocation:
    """One block that the caching allocator handed out; `bytes` is what was asked for."""

    bytes: int
    address: int
    born: int
    op: str = ""  # the kernel, and the op it was called for
    node: str = ""  # the autograd node that ran it
    where: str = ""  # what the program said it was doing, else its line
    died: int | None = None
    tag: str = ""  # workspace; later parameter, gradient, ...

    def is_alive(self, tick: int) -> bool:
        """Whether it is there just after a tick."""
        return self.born <= tick and (self.died is None or self.died > tick)


Span = tuple[int, int]  # from a tick to before another
Size = Callable[[Allocation], int]
Filter = Callable[[Allocation], bool]


def requested(allocation: Allocation) -> int:
    """The bytes that were asked for."""
    return allocation.bytes


def rounded(allocation: Allocation) -> int:
    """The bytes as the allocator rounds them up."""
    return -(-allocation.bytes // ROUND) * ROUND


def is_workspace(allocation: Allocation) -> bool:
    """Whether cuBLAS took it, once per thread, and keeps it."""
    return allocation.tag == "workspace"


def is_tensor(allocation: Allocation) -> bool:
    """Whether it is anything but a cuBLAS workspace."""
    return allocation.tag != "workspace"


@dataclass(slots=True)
class Timeline:
    """Allocations in order of birth, and the marks (tick, name) in order of time."""

    allocations: list[Allocation] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)
    end: int = 0

    def spans(self, name: str, since: str = "") -> list[Span]:
        """From each mark of that name to the mark after it; only those after the last mark called `since`."""
        first = max((i for i, (_, mark) in enumerate(self.marks) if mark == since), default=0)
        ends = [tick for tick, _ in self.marks[1:]] + [self.end]
        found = list(zip(self.marks, ends))[first:]
        return [(tick, end) for (tick, mark), end in found if mark == name]

    def alive(self, tick: int) -> list[Allocation]:
        """What is there just after a tick."""
        return [a for a in self.allocations if a.is_alive(tick)]

    def born_in(self, span: Span) -> list[Allocation]:
        """What was allocated in a span."""
        return [a for a in self.allocations if span[0] <= a.born < span[1]]

    def peak(self, span: Span, size: Size = requested, only: Filter = is_tensor) -> tuple[int, int]:
        """The most bytes at once within a span, counting what was there before it, and the tick of it."""
        start, end = span
        current = total((a for a in self.alive(start - 1) if only(a)), size)
        events: list[tuple[int, int]] = []
        for allocation in filter(only, self.allocations):
            if start <= allocation.born < end:
                events.append((allocation.born, size(allocation)))
            if allocation.died is not None and start <= allocation.died < end:
                events.append((allocation.died, -size(allocation)))
        best, at = current, start - 1
        for tick, change in sorted(events):
            current += change
            if current > best:
                best, at = current, tick
        return best, at


def total(allocations: Iterable[Allocation], size: Size = requested) -> int:
    """Bytes of allocations."""
    return sum(size(a) for a in allocations)
