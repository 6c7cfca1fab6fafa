"""A program under nn.DataParallel: the real wrapper over several GPUs of this process."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from analyzer.graph import EndUnit, Graph, Step, Unit
from analyzer.run.settings import Run
from validation.parallel import Whole
from validation.rendering import Program


class Replica(Whole):
    """The model of a program as DataParallel calls it: on each GPU with tensors of that GPU."""

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs for a part of the batch."""
        return self.program.run_part(self, inputs)  # type: ignore[union-attr, operator, no-any-return]


class Replicated(Program):
    """A program under DataParallel. Every GPU's part of the batch has to be of one size."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        super().__init__(graph, device, run)
        self.begin = next(i for i, instruction in enumerate(graph.instructions) if isinstance(instruction, Unit))
        self.end = next(i for i, instruction in enumerate(graph.instructions) if isinstance(instruction, EndUnit))
        self.scattered = {
            i.outputs[0]: i.inputs["x"] for i in graph.instructions[: self.begin] if isinstance(i, Step) and i.op == "scatter"
        }
        self.whole = self.modules  # while the first GPU runs, `modules` are its replicas
        self.wrapped = nn.DataParallel(Replica(self), list(range(ranks)))

    def run_part(self, replica: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """The model on one GPU: its outputs."""
        gpu = inputs[0].device.index
        runner = copy.copy(self) if gpu else self
        if gpu:
            runner.before_call = runner.after_call = None
        object.__setattr__(replica, "attributes", {})  # what the model sets on itself goes with the replica
        values = {id(p): getattr(replica, path.replace(".", "/")) for path, p in self.parameters.items()}
        values |= {id(b): getattr(replica, path.replace(".", "/")) for path, b in self.buffers.items()}
        outside, variables = self.values, self.variables
        runner.variables = replica.__dict__["attributes"]
        runner.device = f"cuda:{gpu}"
        runner.modules = {path: _replica(module, values) for path, module in self.whole.items()}
        runner.values = {tensor: values[id(self.parameters[path])] for path, tensor in self.graph.parameters.items()}
        runner.values |= dict(zip(self.scattered, inputs))
        last = self.graph.instructions[self.end]
        assert isinstance(last, EndUnit)
        try:
            runner._run(self.graph.instructions[self.begin + 1 : self.end])
            return tuple(runner.values[tensor] for tensor in last.results)
        finally:
            runner.modules, runner.values, runner.variables = self.whole, outside, variables
            torch.cuda.memory._set_memory_metadata("")

    def _all(self) -> None:
        torch.cuda.memory._set_memory_metadata("")
        inputs = [self.values[tensor] for tensor in self.scattered.values()]
        self.values |= dict(zip(self.graph.outputs.values(), self.wrapped(*inputs)))
        del inputs
        self._run(self.graph.instructions[self.end + 1 :])


def _replica(module: nn.Module, values: dict[int, torch.Tensor]) -> Any:
    """A module with the tensors of a replica in the place of its own, as torch.nn.parallel.replicate makes it."""
    made: Any = module._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
    made._former_parameters = OrderedDict()
    for name, child in module._modules.items():
        if child is not None:
            setattr(made, name, _replica(child, values))
    for name, parameter in module._parameters.items():
        if parameter is None:
            made._parameters[name] = None
        else:
            setattr(made, name, values[id(parameter)])
    for name, buffer in module._buffers.items():
        if buffer is not None:
            made._buffers[name] = values[id(buffer)]
    return made
