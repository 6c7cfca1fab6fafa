"""One analysis beside one run of it on CUDA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from analyzer.analysis import Analysis
from analyzer.build.trace import trace
from analyzer.graph import Graph
from analyzer.run.heap import Heap
from analyzer.run.schedules import EVERY
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from validation.allocator import set_allocator
from validation.checks import Checker
from validation.divergence import Divergence, Event, aligned, first_divergence, measured_events, predicted_events
from validation.figures import PHASES, Figures, Measured, measure, predicted
from validation.nullcuda.recorder import Recorder
from validation.origins import follow
from validation.parallel import Distributed, Sharded
from validation.pipeline import Staged
from validation.rendering import Program
from validation.replicas import Replicated
from validation.tensor_parallel import TensorParallel


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures and allocations of both sides; `adapted` are allocations whose order or division was taken as measured."""

    figures: Figures
    measured: Measured
    tensors: tuple[str, ...]  # outputs of ops that are not what the graph says
    expected: Sequence[Event]
    real: Sequence[Event]
    adapted: Sequence[int]
    divergence: Divergence | None

    @property
    def agrees(self) -> bool:
        """Whether all figures are equal and every tensor is as predicted."""
        return self.figures == self.measured.figures and not self.tensors


def device() -> Device:
    """The GPU of this machine as rules see it."""
    properties = torch.cuda.get_device_properties(0)
    return Device(
        properties.name, properties.multi_processor_count, properties.max_threads_per_multi_processor,
        10 * properties.major + properties.minor,
    )  # fmt: skip


def compared(analysis: Analysis) -> Comparison:
    """Run the analyzed model and compare; of several GPUs in one process, what the one that it was analyzed for does."""
    graph, heap = unrolled(analysis)
    set_allocator(analysis.run)
    recorder = Recorder(analysis.gpu)
    program = _program(graph, analysis)
    checker = Checker(program)
    follow(program, recorder)
    measured = measure(program, recorder)
    return beside(analysis, graph, heap, measured, tuple(dict.fromkeys(checker.found)))


def _program(graph: Graph, analysis: Analysis) -> Program:
    """The program of one rank, or of a GPU that works alone."""
    if analysis.run.parallel == "none":
        return Program(graph, "cuda", analysis.run)
    kinds: dict[str, type[Distributed | Replicated | Sharded | Staged | TensorParallel]] = {
        "fsdp": Sharded, "tensor": TensorParallel, "data_parallel": Replicated, "pipeline": Staged,
    }  # fmt: skip
    return kinds.get(analysis.run.parallel, Distributed)(graph, "cuda", analysis.run, graph.symbols["ranks"])


def beside(analysis: Analysis, graph: Graph, heap: Heap, measured: Measured, tensors: tuple[str, ...] = ()) -> Comparison:
    """An analysis, with its graph and heap unrolled, beside what was measured of a run."""
    real = measured_events(measured.timeline, PHASES[analysis.run.mode])
    expected, adapted = aligned(predicted_events(graph, heap), real)
    return Comparison(predicted(analysis), measured, tensors, expected, real, adapted, first_divergence(expected, real))


def unrolled(analysis: Analysis) -> tuple[Graph, Heap]:
    """The graph with every iteration of its loops, and what its run allocates."""
    graph = trace(analysis.model, analysis.symbols, analysis.settings, analysis.device, unroll=True)
    with Sizes(graph.symbols, analysis.device).active():
        return graph, simulate(graph, analysis.run, analysis.gpu, EVERY)
