"""The life of every block of memory over one steady step, with the iterations that were not simulated filled in.

A loop of L iterations was run four times, standing for the first, the second, the last but one and the last. What the
third leaves behind, each of the L - 4 skipped iterations leaves behind too: it appears between the second and the third on
the way forward and goes between the third and the second on the way back. So memory is exact in L.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from analyzer.graph import Enter, Graph
from analyzer.polynomial import ONE, Poly
from analyzer.problems import Origin
from analyzer.run.heap import Block, Heap, Place
from analyzer.run.training import STEADY

FOREVER = 1 << 60
MIDDLE = (1, 2)  # the simulated iterations between which the skipped ones lie


@dataclass(frozen=True, slots=True)
class Life:
    """One block, or the same block of many skipped iterations: bytes, and when it is there."""

    size: Poly
    kind: str
    label: str
    origin: Origin
    op: str
    birth: int
    death: int
    born: Place
    died: Place | None
    bulk: bool = False  # stands for the tensors of several iterations


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every life, and the moments that matter: when each phase of the steady step begins and ends."""

    lives: tuple[Life, ...]
    spans: Mapping[str, tuple[tuple[int, int], ...]]  # phase -> from tick to tick, once or for each micro-batch
    marks: Mapping[str, int]

    def alive(self, tick: int) -> list[Life]:
        """What is there just after a tick."""
        return [life for life in self.lives if life.birth <= tick < life.death]


class NotSteady(Exception):
    """The iterations of a loop do not repeat; it has to be unrolled."""


def timeline(graph: Graph, heap: Heap) -> Timeline:
    """The lives of all blocks, skipped iterations included."""
    skipped = {i.loop: i.skipped for i in graph.instructions if isinstance(i, Enter) and i.skipped}
    lives = [_life(block) for block in heap.blocks]
    moves = [(0, Place()), *heap.moves]
    for loop in _innermost_first(skipped, heap.moves):
        lives = _filled(lives, loop, skipped[loop], moves)
    steady = {name: tick for (step, name), tick in heap.marks.items() if step == STEADY}
    return Timeline(tuple(lives), _spans(heap), steady)


def _life(block: Block) -> Life:
    size = block.size * block.copies
    death = FOREVER if block.death is None else block.death
    return Life(
        size, block.kind, block.label, block.origin, block.op, block.birth, death, block.place, block.death_place, block.copies != ONE
    )


def _spans(heap: Heap) -> dict[str, tuple[tuple[int, int], ...]]:
    """When the steady step is in which phase."""
    spans: dict[str, list[tuple[int, int]]] = {}
    end = heap.marks.get((STEADY, "step done"), heap.marks[STEADY, "end"])
    changes = [(tick, place.phase) for tick, place in heap.moves if place.step == STEADY]
    entered = [c for i, c in enumerate(changes) if not i or changes[i - 1][1] != c[1]]
    for (start, phase), following in zip(entered, [*entered[1:], (end, "")]):
        spans.setdefault(phase, []).append((start, following[0]))
    return {phase: tuple(found) for phase, found in spans.items()}


def _innermost_first(loops: Iterable[str], moves: Iterable[tuple[int, Place]]) -> list[str]:
    depth: dict[str, int] = {}
    for _, place in moves:
        for level, (loop, _) in enumerate(place.loops):
            depth[loop] = level
    return sorted((loop for loop in loops if loop in depth), key=lambda loop: -depth[loop])


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """One run of a loop in one phase: where each of its iterations begins, and where it ends."""

    outer: Place
    starts: Mapping[int, int]
    end: int

    @property
    def backward(self) -> bool:
        """Whether iterations run from the last to the first."""
        return self.starts[MIDDLE[1]] < self.starts[MIDDLE[0]]

    @property
    def later(self) -> int:
        """The middle iteration that runs second."""
        return MIDDLE[0] if self.backward else MIDDLE[1]

    @property
    def boundary(self) -> int:
        """The tick at which the skipped iterations lie."""
        return self.starts[self.later]

    def after(self, iteration: int) -> int:
        """The tick at which the iteration is over."""
        following = iteration - 1 if self.backward else iteration + 1
        return self.starts.get(following, self.end)


def _occurrences(loop: str, moves: list[tuple[int, Place]]) -> list[_Occurrence]:
    found: dict[Place, dict[int, int]] = {}
    ends: dict[Place, int] = {}
    for tick, place in moves:
        index = next((i for i, (name, _) in enumerate(place.loops) if name == loop), None)
        if index is None:
            for outer in found:
                ends.setdefault(outer, tick)
            continue
        outer = replace(place, loops=place.loops[:index])
        found.setdefault(outer, {}).setdefault(place.loops[index][1], tick)
        ends.pop(outer, None)
    return [_Occurrence(outer, starts, ends.get(outer, FOREVER)) for outer, starts in found.items() if all(i in starts for i in MIDDLE)]


def _filled(lives: list[Life], loop: str, skipped: Poly, moves: list[tuple[int, Place]]) -> list[Life]:
    """The lives with those of one loop's skipped iterations added."""
    occurrences = _occurrences(loop, moves)
    boundaries = {o.outer: o.boundary for o in occurrences}
    added = []
    for occurrence in occurrences:
        twins = _twins(lives, occurrence)
        for life in _left_behind(lives, loop, occurrence):
            waiting = twins.get(_key(life), [])
            death = _death(waiting.pop(0) if waiting else life, loop, boundaries)
            added.append(replace(life, size=life.size * skipped, birth=occurrence.boundary, death=death, born=occurrence.outer, bulk=True))
    return lives + added


def _left_behind(lives: list[Life], loop: str, occurrence: _Occurrence) -> list[Life]:
    """What the later middle iteration added to memory: born in it and still there after it, less what it took over."""
    start, end = occurrence.starts[occurrence.later], occurrence.after(occurrence.later)
    level = len(occurrence.outer.loops)

    def own(life: Life) -> bool:
        return (
            life.born.step == occurrence.outer.step
            and life.born.phase == occurrence.outer.phase
            and (
                life.born.loops[:level] == occurrence.outer.loops
                and life.born.loops[level : level + 1] != ()
                and life.born.loops[level][0] == loop
            )
        )

    born = [life for life in lives if start <= life.birth < end <= life.death and own(life)]
    taken = Counter(_key(life) for life in lives if start <= life.death < end and life.birth < start and own(life))
    result = []
    for life in born:
        if taken[_key(life)]:
            taken[_key(life)] -= 1
        else:
            result.append(life)
    if +taken:
        raise NotSteady
    return result


def _twins(lives: list[Life], occurrence: _Occurrence) -> dict[tuple[str, Poly], list[Life]]:
    """What the middle iteration before left behind: how it dies is how the skipped ones die."""
    earlier = MIDDLE[1] if occurrence.backward else MIDDLE[0]
    start, end = occurrence.starts[earlier], occurrence.after(earlier)
    result: dict[tuple[str, Poly], list[Life]] = {}
    for life in lives:
        if start <= life.birth < end <= life.death:
            result.setdefault(_key(life), []).append(life)
    return result


def _key(life: Life) -> tuple[str, Poly]:
    return life.label, life.size


def _death(life: Life, loop: str, boundaries: Mapping[Place, int]) -> int:
    """When the copies go: with the skipped iterations of the way back, or together with the one that was simulated."""
    if life.died is None:
        return life.death
    for level, (name, iteration) in enumerate(life.died.loops):
        if name == loop and iteration in MIDDLE:
            outer = replace(life.died, loops=life.died.loops[:level])
            return boundaries.get(outer, life.death)
    return life.death
