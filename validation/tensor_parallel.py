"""The program of one rank as torch.distributed.tensor.parallel makes it: parallelize_module of the layers that a graph says are divided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.experimental import implicit_replication
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleOutput,
    RowwiseParallel,
    SequenceParallel,
    loss_parallel,
    parallelize_module,
)
from torch.distributed.tensor.placement_types import Placement

from analyzer import graph as symbolic
from analyzer.build.layouts import FOR_COLUMNS, LOSS_PARALLEL, SCATTERED, SEQUENCE_PARALLEL, UNWRAPPED, WHOLE, WRAPPED
from analyzer.graph import Call, Graph
from analyzer.ops.collectives import SEQUENCE_DIM
from analyzer.run.settings import Run
from analyzer.tensors import PARTIAL
from validation.modules import of
from validation.parallel import join
from validation.rendering import Program

SEQUENCE, WHOLE_SEQUENCE, CLASSES = Shard(SEQUENCE_DIM), Replicate(), Shard(1)
Style = Callable[..., ParallelStyle]
FROM: dict[str, tuple[Placement, Placement, bool]] = {
    FOR_COLUMNS: (SEQUENCE, WHOLE_SEQUENCE, False), WHOLE: (SEQUENCE, WHOLE_SEQUENCE, True), SCATTERED: (WHOLE_SEQUENCE, SEQUENCE, True),
}  # fmt: skip
"""What PrepareModuleInput and PrepareModuleOutput are told, and whether a local tensor comes of it."""


class TensorParallel(Program):
    """A program whose divided layers are parallelized; the optimizer takes other parameters as whole on every rank."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        join(ranks)
        self.mesh = init_device_mesh(device, (ranks,))
        self.contexts = [implicit_replication(), *([loss_parallel()] if run.loss_parallel else [])]
        for context in self.contexts:
            context.__enter__()
        super().__init__(graph, device, run)
        if device == "cuda":
            torch.cuda.empty_cache()

    def leave(self) -> None:
        """Leave what is entered for the whole program."""
        for context in reversed(self.contexts):
            context.__exit__(None, None, None)

    def _modules(self) -> dict[str, nn.Module]:
        modules = super()._modules()
        for call in self.graph.instructions:
            if isinstance(call, Call) and call.style in self._styles(call):
                parallelize_module(modules[call.path], self.mesh, self._styles(call)[call.style]())
        self._make_whole(modules)
        return modules

    def _styles(self, call: Call) -> dict[str, Style]:
        """How each style is made of a call's module."""
        entering = SEQUENCE if _gathers(call) else WHOLE_SEQUENCE
        leaving = SEQUENCE if self.run.sequence_parallel else WHOLE_SEQUENCE
        looked_up: dict[str, Any] = {"input_layouts": Replicate()} if call.op == "Embedding" else {}
        gathered: dict[str, Any] = {} if self.run.loss_parallel and call.op == "Linear" else {"output_layouts": Replicate()}
        return {
            "colwise": lambda: ColwiseParallel(input_layouts=entering),
            "colwise_gather_output": lambda: ColwiseParallel(input_layouts=entering, **gathered),
            "rowwise": lambda: RowwiseParallel(output_layouts=leaving, **looked_up),
            SEQUENCE_PARALLEL: lambda: SequenceParallel(sequence_dim=SEQUENCE_DIM, use_local_output=True),
            SCATTERED: lambda: PrepareModuleOutput(output_layouts=WHOLE_SEQUENCE, desired_output_layouts=SEQUENCE),
        }

    def _make_whole(self, modules: dict[str, nn.Module]) -> None:
        """Parameters of blocks that see parts of the sequence become whole DTensors, as SequenceParallel makes them."""
        partial = {path for path, tensor in self.graph.parameters.items() if tensor.storage.placement == PARTIAL}
        for path, module in modules.items():
            for name, local in [*module.named_parameters()]:
                if of(path, name) in partial and not isinstance(local, DTensor):
                    whole = DTensor.from_local(local.detach(), self.mesh, [Replicate()], run_check=False)
                    setattr(module, name, nn.Parameter(whole, local.requires_grad))

    def _redistributed(self, way: str, x: torch.Tensor) -> torch.Tensor:
        if way == UNWRAPPED:
            return x.to_local()  # type: ignore[attr-defined, no-any-return]
        if way == WRAPPED:
            return DTensor.from_local(x, self.mesh, (SEQUENCE,), run_check=False)
        given, wanted, local = FROM[way]
        moved = DTensor.from_local(x, self.mesh, (given,), run_check=False).redistribute(placements=(wanted,))
        return moved.to_local() if local else moved

    def _computed(self, call: Call) -> Any:
        if call.style != LOSS_PARALLEL:
            return super()._computed(call)
        logits, target = (self._real(call.arguments[name]) for name in ("x", "target"))
        classes = DTensor.from_local(logits, self.mesh, (CLASSES,), run_check=False)
        loss = nn.functional.cross_entropy(classes, target, reduction=str(call.arguments.get("reduction", "mean")))
        return loss.to_local()  # type: ignore[attr-defined]


def _gathers(call: Call) -> bool:
    """Whether a layer takes a part of the sequence and gives all of it."""
    given, made = next(iter(call.arguments.values())), call.outputs[0]
    if not isinstance(given, symbolic.Tensor) or len(given.shape) != len(made.shape) or len(made.shape) <= SEQUENCE_DIM:
        return False
    return given.shape[SEQUENCE_DIM] != made.shape[SEQUENCE_DIM]
