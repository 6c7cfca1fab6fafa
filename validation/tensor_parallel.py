"""The program of one rank as torch.distributed.tensor.parallel makes it: parallelize_module of the layers that a graph says are divided."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate
from torch.distributed.tensor.experimental import implicit_replication
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module

from analyzer.graph import Call, Graph
from analyzer.run.settings import Run
from validation.parallel import join
from validation.rendering import Program

STYLES: dict[str, Callable[[], ParallelStyle]] = {
    "colwise": ColwiseParallel,
    "colwise_gather_output": lambda: ColwiseParallel(output_layouts=Replicate()),
    "rowwise": RowwiseParallel,
}


class TensorParallel(Program):
    """A program whose divided layers are parallelized; the optimizer takes other parameters as whole on every rank."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        join(ranks)
        self.mesh = init_device_mesh(device, (ranks,))
        self.replicated = implicit_replication()
        self.replicated.__enter__()
        super().__init__(graph, device, run)
        if device == "cuda":
            torch.cuda.empty_cache()

    def _modules(self) -> dict[str, nn.Module]:
        modules = super()._modules()
        for call in self.graph.instructions:
            if isinstance(call, Call) and call.style:
                parallelize_module(modules[call.path], self.mesh, STYLES[call.style]())
        return modules
