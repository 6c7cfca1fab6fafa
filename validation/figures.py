"""What is compared: the bytes of a run by category and the peak of each phase, as predicted and as measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.run.settings import Run
from validation.environment import device_bytes
from validation.loop import Runnable, infer, train
from validation.nullcuda.recorder import Recorder, address
from validation.nullcuda.timeline import Allocation, Timeline, is_tensor, total

RESIDENT = ("parameters", "buffers", "inputs")
TRAINED = (*RESIDENT, "gradients", "optimizer")
LEFT = "left by forward"  # what the steady forward made and is there when backward begins: kept for backward, or in a variable
PHASES = {"train": ("forward", "backward", "step"), "infer": ("inference",)}
Figures = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """A recorded run: its figures, its allocations, and the allocator's own peaks over everything."""

    figures: Figures
    timeline: Timeline
    allocator: Mapping[str, int]  # max_memory_allocated as `allocator`, max_memory_reserved, and the first of each phase
    device: int | None = None  # bytes of the card in use by the process at the end; None where there is no card


def predicted(analysis: Analysis) -> dict[str, int]:
    """The figures as the analyzer gives them."""
    symbols = analysis.graph.symbols
    found = {name: evaluate(size, symbols) for name, size in categories(analysis).items()}
    peaks = {phase: max(evaluate(p.form, symbols) for p in analysis.pieces if p.phase == phase) for phase in analysis.timeline.spans}
    result = {name: found[name] for name in _categories(analysis.run)}
    if analysis.run.mode == "train":
        start, end = analysis.timeline.marks["forward"], analysis.timeline.marks["backward"]
        result[LEFT] = sum(evaluate(life.size, symbols) for life in analysis.timeline.alive(end) if start < life.birth < end)
    return result | peaks


def _categories(run: Run) -> tuple[str, ...]:
    return TRAINED if run.mode == "train" else RESIDENT


def measure(program: Runnable, recorder: Recorder) -> Measured:
    """Run a program, made while the recorder was on, on CUDA, and what its allocator did."""
    run = program.run
    torch.backends.mha.set_fastpath_enabled(run.mha_fastpath)
    owned: dict[str, set[int]] = {
        "parameters": _addresses(program.parameters.values()),
        "buffers": _addresses(program.buffers.values()),
        "inputs": _addresses(program.inputs),
    }

    peaks = Peaks(recorder)

    def at(moment: str) -> None:
        if moment == "step":
            owned["gradients"] = _addresses(p.grad for p in program.parameters.values() if p.grad is not None)
        peaks.end()
        recorder.mark(moment)
        peaks.begin(moment)

    recorder.reset_peak()
    if run.mode == "train":
        owned["optimizer"] = _addresses(train(program, at))
    else:
        infer(program, at)
    peaks.end()
    by_phase = {allocated_in(phase): peaks.steady[phase] for phase in PHASES[run.mode]}
    allocator, used = {"allocator": peaks.allocated, "reserved": peaks.reserved, **by_phase}, device_bytes()
    timeline = recorder.finish()
    return Measured(_figures(timeline, run, owned), timeline, allocator, used)


def allocated_in(phase: str) -> str:
    """What `max_memory_allocated` of a phase of the steady step is called."""
    return f"allocated in {phase}"


class Peaks:
    """The allocator's own peaks: over everything, and of each phase of the last step."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.moment = recorder, ""
        self.allocated = self.reserved = 0
        self.steady: dict[str, int] = {}

    def begin(self, moment: str) -> None:
        """A phase, or a step, begins."""
        if moment == "start":
            self.steady.clear()
        self.moment = moment
        self.recorder.reset_peak()

    def end(self) -> None:
        """What runs until here ends."""
        told = self.recorder.allocator_peaks()
        self.allocated, self.reserved = max(self.allocated, told["allocator"]), max(self.reserved, told["reserved"])
        self.steady[self.moment] = max(self.steady.get(self.moment, 0), told["allocator"])


def _addresses(tensors: Iterable[torch.Tensor]) -> set[int]:
    return {address(tensor) for tensor in tensors}


def _figures(timeline: Timeline, run: Run, owned: Mapping[str, set[int]]) -> dict[str, int]:
    (end, _) = timeline.spans("end", "start")[0]
    moments = dict.fromkeys(_categories(run), end)
    moments["inputs"] = timeline.spans("start")[-1][0]
    if run.mode == "train":
        moments["gradients"] = timeline.spans("step", "start")[0][0]
    result = {name: total(_at(timeline.alive(tick - 1), owned[name])) for name, tick in moments.items()}
    if run.mode == "train":
        start, backward = forward_of(timeline, run)
        result[LEFT] = total(a for a in timeline.alive(backward - 1) if a.born >= start and is_tensor(a))
    return result | {phase: max(timeline.peak(span)[0] for span in timeline.spans(phase, "start")) for phase in PHASES[run.mode]}


def forward_of(timeline: Timeline, run: Run) -> tuple[int, int]:
    """From which tick to which the steady forward runs: the last micro-batch's, of a pipeline's those that are in flight together."""
    which = 0 if run.parallel == "pipeline" else -1
    return timeline.spans("forward", "start")[which][0], timeline.spans("backward", "start")[which][0]


def _at(allocations: Iterable[Allocation], addresses: set[int]) -> list[Allocation]:
    return [a for a in allocations if a.address in addresses]
