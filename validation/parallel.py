"""The program of one rank as PyTorch's own wrappers run it: several ranks, of which this process is the first.

The process group is torch's fake one: collectives return at once, and everything around them is what runs on a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.debugging_hooks import noop_hook
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel, distributed
from torch.testing._internal.distributed.fake_pg import FakeStore

from analyzer.build.ranks import WRAPPER
from analyzer.graph import Bind, EndUnit, Graph, Instruction, Mark, Step, Unit
from analyzer.run.partition import heaviest
from analyzer.run.settings import DTYPES, Run
from analyzer.run.training import standing
from validation.modules import make_modules
from validation.nullcuda.recorder import null_device
from validation.rendering import Program

MIXED = ("param_dtype", "reduce_dtype", "output_dtype")


def join(ranks: int, rank: int = 0) -> None:
    """Make this process one of so many ranks."""
    if dist.is_initialized():
        dist.destroy_process_group()
    dist.init_process_group(backend="fake", store=FakeStore(), rank=rank, world_size=ranks)
    null = null_device() if torch.cuda.is_available() else None
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
    """A program under DistributedDataParallel; with ZeroRedundancyOptimizer on the rank that steps most."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        super().__init__(graph, device, run)
        trained = [p.numel() for p in self.parameters.values() if p.requires_grad]
        join(ranks, heaviest([trained], ranks)[0] if run.parallel == "zero1" else 0)
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


class Part(nn.Module):
    """A sharded unit of a program: its modules and parameters, and what it runs."""

    body: Callable[..., tuple[torch.Tensor, ...]]

    def forward(self, *tensors: torch.Tensor) -> Any:
        """The results of the part."""
        return self.body(*tensors)


class Sharded(Program):
    """A program under fully_shard."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        super().__init__(graph, device, run)
        _cast(self.parameters.values(), run.dtype, only=run.gathered)  # the graph has them as they are gathered
        join(ranks)
        units = {i.path for i in graph.instructions if isinstance(i, Unit)}
        self.parts = {path: Part() for path in sorted(units)}
        names = {id(p): path for path, p in self.parameters.items()}
        lone = [path for path in graph.parameters if path in self.modules]  # a module that is nothing but a parameter of the one around it
        for path in (*graph.parameters, *self.modules, *units - {""}):
            if path not in lone:
                self._register(path)
            else:
                self._around(path)
        for path in lone:
            self._register(path)  # behind all other children, as parameters are
        paths = [names[id(p)] for p in self.parts[""].parameters()]
        for tensor in graph.parameters.values():
            del self._resident[tensor]
        self.parameters, self.values = {}, dict(self._resident)
        copies = run.replicate
        mesh = init_device_mesh("cuda", (copies, ranks // copies), mesh_dim_names=("replicate", "shard")) if copies > 1 else None
        mesh = mesh or init_device_mesh("cuda", (ranks,))
        settings: dict[str, Any] = {} if run.reshard_after_forward else {"reshard_after_forward": False}
        dtypes = {name: getattr(torch, DTYPES[getattr(run, name)]) for name in MIXED if getattr(run, name) != "none"}
        settings["offload_policy"] = CPUOffloadPolicy() if run.offloaded else OffloadPolicy()
        settings["mp_policy"] = MixedPrecisionPolicy(**dtypes, cast_forward_inputs=run.cast_forward_inputs)
        for path in sorted(units, key=lambda path: -path.count(".") if path else 1):
            fully_shard(self.parts[path], mesh=mesh, **settings)
        sharded = dict(zip(paths, self.parts[""].parameters()))
        self.parameters = {path: sharded[path] for path in graph.parameters}
        if device == "cuda":
            self._move_anew()

    def _register(self, path: str) -> None:
        """Put a module or parameter that has no place yet where its path says."""
        around, name = self._around(path), f"/{path.rpartition('.')[2]}"
        if around is None or name in around._modules:
            return
        if path in self.modules or path in self.parts:
            around.register_module(name, self.modules[path] if path in self.modules else self.parts[path])
        else:
            around.register_parameter(name, self.parameters[path])

    def _around(self, path: str) -> nn.Module | None:
        """The module that a path lies in, which has nothing of its own if it is not a part; None in one of the program's."""
        module: nn.Module = self.parts[""]
        names = path.split(".")
        for depth, name in enumerate(names[:-1], 1):
            inner = ".".join(names[:depth])
            if f"/{name}" not in module._modules:
                self._register(inner) if inner in self.modules else module.register_module(f"/{name}", self.parts.get(inner, nn.Module()))
            if inner in self.modules:
                return None
            module = module.get_submodule(f"/{name}")
        return module

    def _move_anew(self) -> None:
        """The shards, buffers and inputs as they lie on a GPU on which the model was not sharded: moved off it and on again."""
        paths = {tensor: path for path, tensor in (*self.graph.parameters.items(), *self.graph.buffers.items())}
        tensors = {**self.parameters, **self.buffers}
        ordered = [tensors[paths[tensor]] for tensor in standing(self.graph)] + list(self.inputs)
        groups = [group for part in self.parts.values() for group in cast(FSDPModule, part)._get_fsdp_state()._fsdp_param_groups]
        for where in ("cpu", "cuda"):
            for tensor in ordered:
                if isinstance(tensor, DTensor) and self.run.offloaded:
                    continue
                if isinstance(tensor, DTensor):
                    tensor._local_tensor = tensor._local_tensor.to(where)
                else:
                    tensor.data = tensor.data.to(where)
            for parameter in (p for group in groups for p in group.fsdp_params):
                parameter.reset_sharded_param()  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()

    def _modules(self) -> dict[str, nn.Module]:
        modules = make_modules(self.graph, self.device, getattr(torch, self.run.gathered or self.run.dtype))
        _cast((buffer for module in modules.values() for buffer in module.buffers()), self.run.dtype, only=self.run.gathered)
        return modules

    def _run(self, instructions: Sequence[Instruction]) -> None:
        position = 0
        while position < len(instructions):
            start = next((i for i in range(position, len(instructions)) if isinstance(instructions[i], Unit)), len(instructions))
            super()._run(instructions[position:start])
            if start == len(instructions):
                return
            unit = instructions[start]
            assert isinstance(unit, Unit)
            end = next(i for i, e in enumerate(instructions) if isinstance(e, EndUnit) and e.unit is unit)
            self._part(unit, instructions[start + 1 : end], instructions[end])
            position = end + 1

    def _part(self, unit: Unit, instructions: Sequence[Instruction], last: Instruction) -> None:
        assert isinstance(last, EndUnit)

        def body(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
            if not unit.path:
                self.values |= dict(zip(unit.seen, arguments))
                self._run(instructions)
                return tuple(self.values.pop(tensor) for tensor in last.results)
            outside = self.values
            self.values = {**self._resident, **dict(zip(unit.seen, arguments))}
            try:
                self._run(instructions)
                return tuple(self.values[tensor] for tensor in last.results)
            finally:
                self.values = outside

        self.parts[unit.path].body = body
        torch.cuda.memory._set_memory_metadata("")
        results = self.parts[unit.path](*(self.values[tensor] for tensor in unit.inputs))
        torch.cuda.memory._set_memory_metadata("")
        self.values |= dict(zip(last.handed, results))


def _cast(tensors: Iterable[torch.Tensor], dtype: str, only: str) -> None:
    """Those of tensors that are in one dtype, in another."""
    for tensor in (t for t in tensors if only and t.dtype == getattr(torch, only)):
        tensor.data = tensor.data.to(getattr(torch, dtype))
