"""A simulated program as a tree of loop iterations, and what two neighbouring iterations say of those that were skipped.

Of a long loop only some iterations were run, as many of the first as of the last. Where the two in the middle do the same,
one iteration on, each of the skipped ones does it too, between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Union

from analyzer.graph import Enter, Graph, nested
from analyzer.polynomial import Poly
from analyzer.run.heap import Block, Heap, Place

FOREVER = 1 << 60


class NotSteady(Exception):
    """The iterations of a loop do not repeat where they were simulated."""


@dataclass(slots=True, eq=False)
class Repeat:
    """Iterations of one loop that follow each other, upwards or downwards; `pair` are the two with the skipped ones between."""

    loop: str
    visits: list[Visit] = field(default_factory=list)
    pair: tuple[Visit, Visit] | None = None

    @property
    def gap(self) -> int:
        """The tick at which the skipped iterations lie. Raises NotSteady when there are none."""
        if self.pair is None:
            raise NotSteady
        return self.pair[1].start - 1

    def goes_on_to(self, iteration: int) -> bool:
        """Whether an iteration follows in the direction of those before."""
        numbers = [visit.iteration for visit in self.visits[-2:]] + [iteration]
        return len(numbers) < 3 or (numbers[0] < numbers[1]) == (numbers[1] < numbers[2])


@dataclass(slots=True, eq=False)
class Visit:
    """What happens in one iteration, in a row."""

    repeat: Repeat
    iteration: int
    start: int  # tick of its first event
    items: list[Item] = field(default_factory=list)

    @property
    def paired(self) -> bool:
        """Whether the skipped iterations lie before or after it."""
        return self.repeat.pair is not None and self in self.repeat.pair


@dataclass(slots=True, eq=False)
class Event:
    """A block is born or dies."""

    tick: int
    block: Block
    born: bool
    visits: tuple[Visit, ...] = ()  # the iterations it lies in, outermost first

    @property
    def place(self) -> Place:
        """Where the program is."""
        return self.block.place if self.born else self.block.death_place or self.block.place

    def visit(self, loop: str) -> Visit | None:
        """The iteration of a loop that it lies in."""
        return next((visit for visit in self.visits if visit.repeat.loop == loop), None)


Item = Union[Event, Repeat]
Level = tuple[Block, int]  # a block, and one of the loops around its birth, 0 for the outermost


@dataclass(frozen=True, slots=True)
class Iterations:
    """The program's events as a tree, and what is known of blocks that the middle iterations have in common."""

    items: list[Item]
    simulated: int  # iterations of a long loop
    skipped: Mapping[str, Poly]  # how many iterations of each loop were not simulated, where some were not
    births: Mapping[Block, Event]
    deaths: Mapping[Block, Event]
    twins: dict[Level, Block] = field(default_factory=dict)  # a block of the second iteration of a pair -> that of the first
    counterparts: list[tuple[Block, Block]] = field(default_factory=list)  # what dies in the first and the second of a pair
    gaps: dict[Level, tuple[int, int]] = field(default_factory=dict)  # when the skipped ones of these blocks come and go
    moving: set[Level] = field(default_factory=set)  # blocks that die as many iterations on as their twins


def iterations(graph: Graph, heap: Heap) -> Iterations:
    """The tree of a simulation. Raises NotSteady when the iterations in the middle differ."""
    skipped = {i.loop: i.skipped for i in nested(graph.instructions) if isinstance(i, Enter) and i.skipped}
    events = [Event(b.birth, b, True) for b in heap.blocks]
    events += [Event(b.death, b, False) for b in heap.blocks if b.death is not None]
    events.sort(key=lambda event: event.tick)
    births, deaths = {e.block: e for e in events if e.born}, {e.block: e for e in events if not e.born}
    found = Iterations(_tree(events), graph.simulated, skipped, births, deaths)
    middle = {graph.simulated // 2 - 1, graph.simulated // 2}
    for repeat, level in _loops(found.items, 0):
        if repeat.loop in skipped:
            repeat.pair = next((p for p in zip(repeat.visits, repeat.visits[1:]) if {v.iteration for v in p} == middle), None)
        if repeat.pair:
            _match(found, repeat.pair, level)
    for (block, level), twin in found.twins.items():
        _follow(found, block, twin, level)
    return found


def _tree(events: Iterable[Event]) -> list[Item]:
    """Events in the iterations that they belong to."""
    root: list[Item] = []
    path: list[Visit] = []
    before: tuple[object, ...] = ()
    for event in events:
        place = event.place
        now = place.step, place.phase, place.micro
        if now != before:
            path, before = [], now
        depth, known = 0, min(len(path), len(place.loops))
        while depth < known and (path[depth].repeat.loop, path[depth].iteration) == place.loops[depth]:
            depth += 1
        last = path[depth].repeat if depth < known else None
        del path[depth:]
        for loop, iteration in place.loops[depth:]:
            if last is None or last.loop != loop or not last.goes_on_to(iteration):
                last = Repeat(loop)
                (path[-1].items if path else root).append(last)
            path.append(Visit(last, iteration, event.tick))
            last.visits.append(path[-1])
            last = None
        event.visits = tuple(path)
        (path[-1].items if path else root).append(event)
    return root


def _loops(items: Iterable[Item], level: int) -> Iterable[tuple[Repeat, int]]:
    """Every run of a loop, and how many loops are around it; inner ones first."""
    for item in items:
        if isinstance(item, Repeat):
            for visit in item.visits:
                yield from _loops(visit.items, level + 1)
            yield item, level


def _match(found: Iterations, pair: tuple[Visit, Visit], level: int) -> None:
    """Hold the two middle iterations against each other: equal births, and deaths of blocks that correspond."""
    ends: list[tuple[Block, Block]] = []
    pending = [(pair[0].items, pair[1].items)]
    while pending:
        first, second = pending.pop()
        if len(first) != len(second):
            raise NotSteady
        for a, b in zip(first, second):
            if isinstance(a, Repeat) and isinstance(b, Repeat) and _same_run(found, a, b):
                pending += [(v.items, w.items) for v, w in zip(a.visits, b.visits)]
            elif not (isinstance(a, Event) and isinstance(b, Event) and a.born == b.born and a.block.size == b.block.size):
                raise NotSteady
            elif a.born:
                found.twins[b.block, level] = a.block
            else:
                ends.append((a.block, b.block))
    if not all(_alike(found, pair, level, a, b) for a, b in ends):
        raise NotSteady
    found.counterparts.extend(ends)


def _same_run(found: Iterations, a: Repeat, b: Repeat) -> bool:
    same = [v.iteration for v in a.visits] == [v.iteration for v in b.visits]
    return same and found.skipped.get(a.loop) == found.skipped.get(b.loop)


def _alike(found: Iterations, pair: tuple[Visit, Visit], level: int, first: Block, second: Block) -> bool:
    """Whether what dies in the first of two middle iterations and what dies in the second are the same, one iteration on."""
    if pair[1] in found.births[second].visits:
        return found.twins[second, level] is first
    loop = pair[0].repeat.loop
    mine, other = (_born_in(block, loop) for block in (first, second))
    if other is None:
        return False
    if mine is None:  # made before the loop, and handed on from iteration to iteration since
        return found.births[second].visit(loop) in pair[0].repeat.visits and not _inner(found, second, loop)
    keys = [(block, _level(block, loop)) for block in (first, second)]  # they may be born deeper: where a region is run again
    twins = [found.twins[key] for key in keys if key in found.twins]
    (_, here), (_, there) = keys
    return (
        other - pair[1].iteration == mine - pair[0].iteration
        and (not twins or first in twins or second in twins)
        and [i for _, i in first.place.loops[here + 1 :]] == [i for _, i in second.place.loops[there + 1 :]]
    )


def _inner(found: Iterations, block: Block, loop: str) -> bool:
    """Whether a block stands for skipped iterations of a loop inside."""
    inner = block.place.loops[_level(block, loop) + 1 :]
    return any((visit := found.births[block].visit(name)) and visit.paired for name, _ in inner)


def _level(block: Block, loop: str) -> int:
    """Which of the loops around its birth a loop is."""
    return [name for name, _ in block.place.loops].index(loop)


def _born_in(block: Block, loop: str) -> int | None:
    """The iteration of a loop in which a block was born; None when it was born outside."""
    return next((i for name, i in block.place.loops if name == loop), None)


def _follow(found: Iterations, second: Block, first: Block, level: int) -> None:
    """When a block of the skipped iterations comes and goes, if it outlives those that make it and take it away again."""
    made = found.births[second].visits[level].repeat
    end, next_end = found.deaths.get(first), found.deaths.get(second)
    if end is None and next_end is None:
        found.gaps[second, level] = made.gap, FOREVER
        return
    visit = end.visit(made.loop) if end else None
    if made.pair and visit in made.pair:
        return
    other = next_end.visit(made.loop) if next_end else None
    if visit is None or other is None or visit.repeat is not other.repeat or not _as_far(visit, other, first, second, made.loop):
        raise NotSteady
    found.moving.update(((first, level), (second, level)))
    if visit.repeat is not made:
        found.gaps[second, level] = made.gap, visit.repeat.gap


def _as_far(visit: Visit, other: Visit, first: Block, second: Block, loop: str) -> bool:
    return visit.iteration - (_born_in(first, loop) or 0) == other.iteration - (_born_in(second, loop) or 0)
