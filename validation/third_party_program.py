"""A third-party class run as a config says, on inputs of the config's shapes: what its allocations are held against."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import torch

from analyzer.analysis import Analysis
from analyzer.graph import Graph
from analyzer.run.settings import Run
from validation.comparison import Comparison, beside, unrolled
from validation.figures import measure
from validation.modules import default_dtype, dtype, numbers
from validation.nullcuda.recorder import Recorder
from validation.third_party_kind import ThirdParty


class ThirdPartyProgram:
    """A class of a package on the device with a batch; see `validation.loop.Runnable`."""

    def __init__(self, kind: ThirdParty, graph: Graph, run: Run, device: str = "cuda") -> None:
        self.kind, self.run = kind, run
        with torch.device(device):
            with default_dtype(getattr(torch, run.dtype)):
                self.module = kind.build(graph.symbols)
            torch.cuda.empty_cache()  # what only making the module took
            self.batch = {name: _given(name, tensor, graph, kind.padded) for name, tensor in graph.inputs.items()}
        self.module.train(run.mode == "train")
        self.parameters = dict(self.module.named_parameters())
        self.buffers = dict(self.module.named_buffers())
        self.variables: dict[str, Any] = {}

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """The tensors of the batch."""
        return tuple(self.batch.values())

    def forward(self) -> None:
        """One forward, under autocast where the run says so; the loss with it in training."""
        kind: torch.dtype = getattr(torch, self.run.autocast or "float32")
        with torch.autocast("cuda", dtype=kind) if self.run.autocast else contextlib.nullcontext():
            if self.run.mode == "infer":
                self.variables["output"] = self.kind.call(self.module, self.batch)
            elif self.run.outputs == "kept":
                self.variables["output"] = self.kind.call(self.module, self.batch)
                self.variables["loss"] = self.kind.loss(self.variables["output"], self.batch)
            else:
                self.variables["loss"] = self._loss()

    def _loss(self) -> torch.Tensor:
        output = self.kind.call(self.module, self.batch)
        return self.kind.loss(output, self.batch)


def _given(name: str, tensor: Any, graph: Graph, padded: bool) -> torch.Tensor:
    """A tensor of the config's shape: numbers between 0 and 1, or zeros, which as a mask are padding; ones where there is none."""
    shape, kind = numbers(tensor.shape, graph.symbols), dtype(tensor)
    if name == "attention_mask" and not padded:
        return torch.ones(shape, dtype=kind)
    return torch.rand(shape, dtype=kind) if kind.is_floating_point else torch.zeros(shape, dtype=kind)


def versions(kinds: Iterable[ThirdParty]) -> dict[str, str]:
    """The versions of the packages whose classes are run."""
    return {package: version(package) for package in sorted({kind.package for kind in kinds})}


def third_party_compared(kind: ThirdParty, analysis: Analysis) -> Comparison:
    """Run a class as its config is analyzed, and compare the config's prediction with it."""
    graph, heap = unrolled(analysis)
    recorder = Recorder()
    program = ThirdPartyProgram(kind, graph, analysis.run)
    recorder.read_bools_as(not kind.padded)
    measured = measure(program, recorder)
    return beside(analysis, graph, heap, measured)
