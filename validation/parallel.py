"""The program of one rank as PyTorch's own wrappers run it: several ranks, of which this process is the first.

The process group is torch's fake one: collectives return at once, and everything around them is what runs on a cluster.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.debugging_hooks import noop_hook
from torch.nn.parallel import DistributedDataParallel, distributed
from torch.testing._internal.distributed.fake_pg import FakeStore

from analyzer.build.ranks import WRAPPER
from analyzer.graph import Bind, Graph, Instruction, Mark, Step
from analyzer.run.settings import Run
from validation.nullcuda.recorder import null_device
from validation.rendering import Program


def join(ranks: int) -> None:
    """Make this process the first of so many ranks."""
    if dist.is_initialized():
        dist.destroy_process_group()
    dist.init_process_group(backend="fake", store=FakeStore(), rank=0, world_size=ranks)
    null = null_device()
    if null:
        null.nullcuda_echo(1)  # the order of the buckets goes to the device, over all ranks and back


class Whole(nn.Module):
    """A program's model as one module: its parameters and buffers in order, its forward up to the outputs."""

    def __init__(self, program: Program) -> None:
        super().__init__()
        object.__setattr__(self, "program", program)
        for path, parameter in program.parameters.items():
            self.register_parameter(path.replace(".", "/"), parameter)
        for path, buffer in program.buffers.items():
            self.register_buffer(path.replace(".", "/"), buffer)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs of the model."""
        return self.program.run_model()  # type: ignore[union-attr, operator, no-any-return]


class Distributed(Program):
    """A program under DistributedDataParallel."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        super().__init__(graph, device, run)
        join(ranks)
        self.split = next(i for i, instruction in enumerate(graph.instructions) if _after_model(instruction))
        clones = [i for i in graph.instructions[self.split :] if _of_wrapper(i)]
        inner = {made: taken for step in clones for taken, made in zip(step.inputs.values(), step.outputs)}
        self.made = [inner.get(tensor, tensor) for tensor in graph.outputs.values()]
        self.wrapped = ddp(Whole(self), run)

    def run_model(self) -> tuple[torch.Tensor, ...]:
        """Everything up to the outputs."""
        self._run(self.graph.instructions[: self.split])
        outputs = tuple(self.values[tensor] for tensor in self.made)
        for tensor in self.made:
            self.values.pop(tensor, None)
        torch.cuda.memory._set_memory_metadata("")  # what follows is the wrapper's
        return outputs

    def _all(self) -> None:
        inputs = [self.values[tensor] for tensor in self.graph.inputs.values()]
        self.values |= dict(zip(self.graph.outputs.values(), self.wrapped(*inputs)))
        self._run(self.graph.instructions[self.split :])


def _of_wrapper(instruction: Instruction) -> TypeGuard[Step]:
    """Whether it is something that the wrapper does to an output."""
    return isinstance(instruction, Step) and instruction.label == WRAPPER


def _after_model(instruction: Instruction) -> bool:
    """Whether it comes when the model has returned."""
    return (
        _of_wrapper(instruction)
        or isinstance(instruction, Mark)
        or (isinstance(instruction, Bind) and instruction.name.startswith("output."))
    )


def ddp(model: nn.Module, run: Run) -> nn.Module:
    """The model under DistributedDataParallel as the run sets it."""
    settings: dict[str, Any] = {"bucket_cap_mb": run.bucket_cap_mb} if run.bucket_cap_mb else {}
    for name in ("gradient_as_bucket_view", "find_unused_parameters", "static_graph", "broadcast_buffers"):
        settings[name] = getattr(run, name)
    distributed.__dict__["_verify_param_shape_across_processes"] = lambda *_: (
        None
    )  # reads sizes of other ranks, which a fake group does not send
    wrapped = DistributedDataParallel(model, device_ids=[0], **settings)
    wrapped.register_comm_hook(None, noop_hook)  # gives back the bucket, as NCCL does; the fake group gives nothing
    return wrapped
