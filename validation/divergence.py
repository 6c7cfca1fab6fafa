"""Where a prediction and a recording first part: which allocation of the steady step, and what each side says it is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer.evaluate import evaluate
from analyzer.graph import Graph
from analyzer.run.gathering import FULLY_SHARD
from analyzer.run.heap import STEADY, Block, Heap
from validation.nullcuda.timeline import Allocation, Timeline, is_tensor

NEVER = 1 << 60
WINDOW = 4  # kernels take up to this many blocks in an order that rules do not follow


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """An allocation of the steady step. `died` is the number of allocations that had been made when it was freed."""

    bytes: int
    died: int
    phase: str
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.bytes:>15,}  {self.phase:<9} {self.what}  {self.where}"

    @property
    def line(self) -> str:
        """The line of the config, where it is known."""
        last = self.where.rpartition(" ")[2]
        return last if ".yaml:" in last else ""

    def differs(self, other: Event) -> bool:
        """Whether it cannot be the same allocation."""
        return self.bytes != other.bytes or bool(self.line and other.line and self.line != other.line)


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
    return [Event(size, _index(births, b.death), b.place.phase, _described(b), _where(b)) for b, size in sized if size]


def _where(block: Block) -> str:
    """The line of the config; a sharded unit has none that PyTorch's side could know of."""
    return "" if block.op == FULLY_SHARD else f"{block.origin.path.rpartition('/')[2]}:{block.origin.line}"


def _described(block: Block) -> str:
    return f"{block.op}: {block.label}" if block.op and not block.label.startswith(block.op) else block.label


def measured_events(timeline: Timeline, phases: Sequence[str]) -> list[Event]:
    """The allocations of a recorded steady step but for cuBLAS workspaces, in order."""
    spans = sorted((span, phase) for phase in phases for span in timeline.spans(phase, "start"))
    found = [(phase, a) for span, phase in spans for a in timeline.born_in(span) if is_tensor(a)]
    births = [a.born for _, a in found]
    return [Event(a.bytes, _index(births, a.died), phase, _named(a), a.where) for phase, a in found]


def _named(allocation: Allocation) -> str:
    return f"{allocation.op} [{allocation.node}]" if allocation.node else allocation.op


def _index(births: Sequence[int], death: int | None) -> int:
    return NEVER if death is None else bisect_left(births, death)


def aligned(predicted: Sequence[Event], measured: Sequence[Event]) -> tuple[list[Event], list[int]]:
    """The prediction in the recording's terms where the two mean the same, and at which allocations they did not.

    A few neighbours may be swapped, and a prediction may be one block where the kernel takes two.
    """
    result, adapted = list(predicted), []
    for i, event in enumerate(measured):
        if i >= len(result) or result[i].bytes == event.bytes:
            continue
        run = [e.bytes for e in measured[i : i + WINDOW]]
        ours = result[i : i + WINDOW]
        n = next((n for n in range(2, len(run) + 1) if sorted(run[:n]) == sorted(e.bytes for e in ours[:n])), 0)
        if n:
            result[i : i + n] = [ours.pop(next(j for j, e in enumerate(ours) if e.bytes == size)) for size in run[:n]]
        elif len(run) > 1 and ours[0].bytes == run[0] + run[1]:
            result = [_later(e, i) for e in result[:i]] + _parts(ours[0], run[:2], i) + [_later(e, i) for e in result[i + 1 :]]
        else:
            continue
        adapted.append(i)
    return _lives_swapped(result, measured), adapted


def _lives_swapped(predicted: list[Event], measured: Sequence[Event]) -> list[Event]:
    """The prediction with the lives of equal neighbours exchanged where that is how they were measured."""
    result, common = predicted, min(len(predicted), len(measured))
    pairs = ((first, first + n) for first in range(common) for n in range(1, min(WINDOW, common - first)))
    for i, j in pairs:
        a, b = result[i], result[j]
        if a.bytes == b.bytes and a.died != b.died and (a.died, b.died) == (measured[j].died, measured[i].died):
            result[i], result[j] = replace(a, died=b.died), replace(b, died=a.died)
    return result


def _later(event: Event, index: int) -> Event:
    """The event when one more allocation has been made at `index`."""
    return replace(event, died=event.died + 1) if index < event.died < NEVER else event


def _parts(event: Event, sizes: Sequence[int], index: int) -> list[Event]:
    return [replace(_later(event, index), bytes=size) for size in sizes]


def first_divergence(predicted: Sequence[Event], measured: Sequence[Event]) -> Divergence | None:
    """The first allocation of another size, else the first that is freed at another time."""
    common = min(len(predicted), len(measured))
    for i in range(common):
        if predicted[i].differs(measured[i]):
            return Divergence(i, (f"allocation {i} has another size or line",))
    if len(predicted) != len(measured):
        return Divergence(common, (f"predicted {len(predicted)} allocations, measured {len(measured)}",))
    unequal = sorted(
        (min(p.died, m.died), i, p, m) for i, (p, m) in enumerate(zip(predicted, measured)) if min(p.died, common) != min(m.died, common)
    )
    if not unequal:
        return None
    first = unequal[0][0]
    return Divergence(first, tuple(_outlives(i, p, m) for died, i, p, m in unequal[:8] if died <= first + 3))


def _outlives(index: int, predicted: Event, measured: Event) -> str:
    longer, until = ("measured", measured.died) if measured.died > predicted.died else ("predicted", predicted.died)
    freed = min(predicted.died, measured.died)
    end = "the end" if until == NEVER else f"allocation {until}"
    return (
        f"allocation {index} ({predicted.bytes:,} B; {predicted.what} at {predicted.where} | {measured.what} at {measured.where})"
        f" is freed before allocation {freed}, but lives until {end} as {longer}"
    )
