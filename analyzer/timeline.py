"""The life of every block of memory over one steady step, with the iterations that were not simulated filled in.

What the middle iterations of a loop leave behind, each of the L - 4 skipped iterations leaves behind too: it appears
between the two on the way forward and goes between them on the way back. So memory is exact in L.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from analyzer.iterations import FOREVER, Iterations
from analyzer.polynomial import Poly, product
from analyzer.problems import Origin
from analyzer.run.heap import STEADY, Block, Heap, Place


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
    bulk: bool = False  # stands for the blocks of several iterations


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every life, and the moments that matter: when each phase of the steady step begins and ends."""

    lives: tuple[Life, ...]
    spans: Mapping[str, tuple[tuple[int, int], ...]]  # phase -> from tick to tick, once or for each micro-batch
    marks: Mapping[str, int]

    def alive(self, tick: int) -> list[Life]:
        """What is there just after a tick."""
        return [life for life in self.lives if life.birth <= tick < life.death]


def timeline(heap: Heap, found: Iterations) -> Timeline:
    """The lives of all blocks, skipped iterations included."""
    lives = [_life(block) for block in heap.blocks]
    by_block: dict[Block, dict[int, tuple[int, int]]] = {}
    for (block, level), gap in found.gaps.items():
        by_block.setdefault(block, {})[level] = gap
    for block, gaps in by_block.items():
        lives.extend(_skipped(found, _life(block), gaps))
    steady = {name: tick for (step, name), tick in heap.marks.items() if step == STEADY}
    return Timeline(tuple(lives), _spans(heap), steady)


def _life(block: Block) -> Life:
    death = FOREVER if block.death is None else block.death
    return Life(block.size, block.kind, block.label, block.origin, block.op, block.birth, death, block.place, block.death_place)


def _skipped(found: Iterations, life: Life, gaps: Mapping[int, tuple[int, int]]) -> Iterator[Life]:
    """The block of the skipped iterations, for each choice of the loops around it whose skipped iterations are meant."""
    for count in range(1, len(gaps) + 1):
        for levels in combinations(sorted(gaps), count):
            birth, death = gaps[levels[0]]
            times = product(found.skipped[life.born.loops[level][0]] for level in levels)
            yield replace(life, size=life.size * times, birth=birth, death=death, bulk=True)


def _spans(heap: Heap) -> dict[str, tuple[tuple[int, int], ...]]:
    """When the steady step is in which phase."""
    spans: dict[str, list[tuple[int, int]]] = {}
    end = heap.marks.get((STEADY, "step done"), heap.marks[STEADY, "end"])
    changes = [(tick, place.phase) for tick, place in heap.moves if place.step == STEADY]
    entered = [c for i, c in enumerate(changes) if not i or changes[i - 1][1] != c[1]]
    for (start, phase), following in zip(entered, [*entered[1:], (end, "")]):
        spans.setdefault(phase, []).append((start, following[0]))
    return {phase: tuple(found) for phase, found in spans.items()}
