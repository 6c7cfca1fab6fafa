"""Where a prediction and a recording first part: which allocation of the steady step, and what each side says it is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.evaluate import evaluate
from analyzer.graph import Graph
from analyzer.run.heap import Block, Heap
from analyzer.run.training import STEADY
from validation.nullcuda.timeline import Allocation, Timeline, is_tensor

NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Event:
    """An allocation of the steady step. `died` is the number of allocations that had been made when it was freed."""

    bytes: int
    died: int
    phase: str
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Divergence:
    """The two sides differ at allocation `index`; `lines` says how."""

    index: int
    lines: tuple[str, ...]


def predicted_events(graph: Graph, heap: Heap) -> list[Event]:
    """The allocations of a simulated steady step, in order."""
    start, end = heap.marks[STEADY, "start"], heap.marks.get((STEADY, "step done"), heap.marks[STEADY, "end"])
    sized = [(b, evaluate(b.size, graph.symbols)) for b in heap.blocks if start <= b.birth < end]
    births = [b.birth for b, size in sized if size]
    return [
        Event(size, _index(births, b.death), b.place.phase, _described(b), f"{b.origin.path.rpartition('/')[2]}:{b.origin.line}")
        for b, size in sized
        if size
    ]


def _described(block: Block) -> str:
    return f"{block.op}: {block.label}" if block.op and not block.label.startswith(block.op) else block.label


def measured_events(timeline: Timeline, phases: Sequence[str]) -> list[Event]:
    """The allocations of a recorded steady step but for cuBLAS workspaces, in order."""
    spans = {phase: timeline.span(phase) for phase in phases}
    found = [(phase, a) for phase, span in spans.items() for a in timeline.born_in(span) if is_tensor(a)]
    births = [a.born for _, a in found]
    return [Event(a.bytes, _index(births, a.died), phase, _named(a), a.where) for phase, a in found]


def _named(allocation: Allocation) -> str:
    return f"{allocation.op} [{allocation.node}]" if allocation.node else allocation.op


def _index(births: Sequence[int], death: int | None) -> int:
    return NEVER if death is None else bisect_left(births, death)


def first_divergence(predicted: Sequence[Event], measured: Sequence[Event]) -> Divergence | None:
    """The first allocation of another size, else the first that is freed at another time."""
    common = min(len(predicted), len(measured))
    for i in range(common):
        if predicted[i].bytes != measured[i].bytes:
            return Divergence(i, (f"allocation {i} has another size",))
    if len(predicted) != len(measured):
        return Divergence(common, (f"predicted {len(predicted)} allocations, measured {len(measured)}",))
    lives = [
        (min(p.died, m.died), i) for i, (p, m) in enumerate(zip(predicted, measured)) if min(p.died, len(measured)) != min(m.died, len(measured))
    ]
    if not lives:
        return None
    first = min(lives)[0]
    return Divergence(first, tuple(_outlives(i, predicted[i], measured[i]) for died, i in sorted(lives)[:8] if died <= first + 3))


def _outlives(index: int, predicted: Event, measured: Event) -> str:
    longer, until = ("measured", measured.died) if measured.died > predicted.died else ("predicted", predicted.died)
    freed = min(predicted.died, measured.died)
    end = "the end" if until == NEVER else f"allocation {until}"
    return (
        f"allocation {index} ({predicted.bytes:,} B; {predicted.what} at {predicted.where} | {measured.what} at {measured.where})"
        f" is freed before allocation {freed}, but lives until {end} as {longer}"
    )
