"""The program's allocations, every loop unrolled, through a simulation of the caching allocator.

What PyTorch counts as allocated are whole blocks, and what it holds of the card are segments; both depend on the order of
allocations, so they are replayed with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.allocator import Allocator, OutOfMemory, Span
from analyzer.build.model import Model
from analyzer.build.symbols import Symbols
from analyzer.build.trace import trace
from analyzer.graph import Assumption
from analyzer.polynomial import Poly
from analyzer.run.heap import Block, Heap
from analyzer.run.settings import Run
from analyzer.run.training import STEADY, simulate
from analyzer.sizes import Device, Sizes

CUBLAS = frozenset({"addmm", "mm", "bmm", "baddbmm"})


@dataclass(frozen=True, slots=True)
class Tape:
    """A program as allocations and frees in order; sizes are closed forms, each kept once.

    An event is (block, form) for an allocation, (block, FREE) for its end, (block, WORKSPACE) for a thread's first call of
    cuBLAS, (phase, PHASE) for the steady step's phases.
    """

    forms: tuple[Poly, ...]
    events: tuple[tuple[int, int], ...]
    blocks: tuple[Block | None, ...]  # None for a cuBLAS workspace
    phases: tuple[str, ...]
    assumptions: tuple[Assumption, ...]


FREE, PHASE, WORKSPACE = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Replay:
    """What the allocator's counters say, in bytes: the first step, which finds no cached blocks, and a steady one."""

    allocated: int  # max_memory_allocated of both
    reserved: int  # max_memory_reserved of both
    phases: Mapping[str, int]  # max_memory_allocated of each phase of the steady step


@dataclass(frozen=True, slots=True)
class Failure:
    """The allocation that fails on a card: what it was for, and the amounts at that moment."""

    label: str
    op: str
    path: str
    line: int
    phase: str
    requested: int
    segment: int
    allocated: int
    reserved: int


def cublas_workspace(capability: int) -> int:
    """Bytes of one cuBLAS workspace: allocated by each thread that calls cuBLAS, and never given back.

    Source: aten/src/ATen/cuda/CublasHandlePool.cpp (parseChosenWorkspaceSize), torch 2.13.
    """
    return 32 << 20 if capability >= 90 else 8_519_680


def record(model: Model, symbols: Symbols, run: Run, device: Device) -> Tape:
    """The tape of a program with every loop unrolled; it holds at other values while its assumptions do."""
    sizes = Sizes(symbols.values, device)
    graph = trace(model, symbols, run, device, unroll=True)
    with sizes.active():
        heap = simulate(graph, run)
    return _taped(heap, (*graph.assumptions, *sizes.assumptions.values()))


def _taped(heap: Heap, assumptions: tuple[Assumption, ...]) -> Tape:
    changes = [(b.birth, i, True) for i, b in enumerate(heap.blocks)]
    changes += [(b.death, i, False) for i, b in enumerate(heap.blocks) if b.death is not None]
    forms: dict[Poly, int] = {}
    events: list[tuple[int, int]] = []
    blocks: list[Block | None] = list(heap.blocks)
    phases: list[str] = []
    threads = {""}
    for _, index, born in sorted(changes):
        block = heap.blocks[index]
        place = block.place if born else block.death_place or block.place
        if place.step == STEADY and (not phases or phases[-1] != place.phase):
            phases.append(place.phase)
            events.append((len(phases) - 1, PHASE))
        events.append((index, forms.setdefault(block.size, len(forms)) if born else FREE))
        if born and _thread(block) not in threads:  # the product's result is there before cuBLAS is called
            threads.add(_thread(block))
            events.append((len(blocks), WORKSPACE))
            blocks.append(None)
    return Tape(tuple(forms), tuple(events), tuple(blocks), tuple(phases), assumptions)


def _thread(block: Block) -> str:
    """The thread whose first matrix product allocates a workspace: the main one, or autograd's; empty for other ops."""
    if block.op.removesuffix(" backward") not in CUBLAS:
        return ""
    return "autograd" if block.place.phase == "backward" else "main"


def replay(tape: Tape, sizes: Sequence[int], capability: int, capacity: int | None = None) -> Replay | Failure:
    """Run a tape through the allocator; `sizes` are the values of its forms, `capacity` what segments may take."""
    workspace = cublas_workspace(capability)
    allocator = Allocator(capacity)
    spans: dict[int, Span] = {}
    peaks: dict[str, int] = {}
    phase, allocated = "", 0
    for index, form in tape.events:
        if form == PHASE:
            phase, allocated = tape.phases[index], max(allocated, allocator.peak_allocated)
            allocator.peak_allocated = allocator.allocated
        elif form == FREE:
            if index in spans:
                allocator.free(spans.pop(index))
        elif form == WORKSPACE or sizes[form] > 0:
            try:
                spans[index] = allocator.malloc(workspace if form == WORKSPACE else sizes[form])
            except OutOfMemory as error:
                return _failure(tape.blocks[index], error)
        if phase:
            peaks[phase] = max(peaks.get(phase, 0), allocator.peak_allocated)
    return Replay(max(allocated, allocator.peak_allocated), allocator.peak_reserved, peaks)


def _failure(block: Block | None, error: OutOfMemory) -> Failure:
    amounts = (error.requested, error.segment, error.allocated, error.reserved)
    if block is None:
        return Failure("cuBLAS workspace", "", "", 1, "", *amounts)
    return Failure(block.label, block.op, block.origin.path, block.origin.line, block.place.phase, *amounts)
