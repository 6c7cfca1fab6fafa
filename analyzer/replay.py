"""The program's allocations, every loop unrolled, through a simulation of the caching allocator.

What PyTorch counts as allocated are whole blocks, and what it holds of the card are segments; both depend on the order of
allocations, so they are replayed with numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.allocator import Allocator, OutOfMemory, Span
from analyzer.expandable import Expandable
from analyzer.run.heap import Block
from analyzer.run.settings import Run
from analyzer.tape import FREE, PHASE, WORKSPACE, Tape


@dataclass(frozen=True, slots=True)
class Replay:
    """What the allocator's counters say, in bytes: the first step, which finds no cached blocks, and a steady one."""

    allocated: int  # max_memory_allocated of both
    reserved: int  # max_memory_reserved of both
    phases: Mapping[str, int]  # max_memory_allocated of each phase of the steady step
    trimmed: bool = False  # whether cached segments were given back on the way; otherwise it is the replay on any larger card too


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


def replay(tape: Tape, sizes: Sequence[int], capability: int, capacity: int | None, run: Run) -> Replay | Failure:
    """Run a tape through the allocator that `run` sets up; `sizes` are the values of its forms, `capacity` what segments may take."""
    kind = Expandable if run.expandable_segments else Allocator
    allocator = kind(capacity, run.max_split_size_mb << 20 or None, run.roundup_power2_divisions)
    malloc, free = allocator.malloc, allocator.free
    asked = {form: (size, stream) for form, (size, stream) in enumerate(zip(sizes, tape.streams)) if size > 0}
    asked[WORKSPACE] = cublas_workspace(capability), 0
    spans: dict[int, Span] = {}
    peaks: dict[str, int] = {}
    left: dict[str, int] = {}  # what is allocated where a phase ends
    phase, allocated = "", 0
    for index, form in tape.events:
        if form in asked:
            try:
                spans[index] = malloc(*asked[form])
            except OutOfMemory as error:
                return _failure(tape.blocks[index], error)
        elif form == FREE:
            if index in spans:
                free(spans.pop(index))
        elif form == PHASE:
            peaks[phase], allocated = max(peaks.get(phase, 0), allocator.peak_allocated), max(allocated, allocator.peak_allocated)
            left[phase] = allocator.allocated
            phase, allocator.peak_allocated = tape.phases[index], allocator.allocated
    peaks[phase], left[phase] = max(peaks.get(phase, 0), allocator.peak_allocated), allocator.allocated
    if "backward" in left:
        peaks.setdefault("step", left["backward"])  # of an optimizer that allocates and frees nothing
    phases = {name: peak for name, peak in peaks.items() if name}
    return Replay(max(allocated, *peaks.values()), allocator.peak_reserved, phases, allocator.trimmed)


def _failure(block: Block | None, error: OutOfMemory) -> Failure:
    amounts = (error.requested, error.segment, error.allocated, error.reserved)
    if block is None:
        return Failure("cuBLAS workspace", "", "", 1, "", *amounts)
    return Failure(block.label, block.op, block.origin.path, block.origin.line, block.place.phase, *amounts)
