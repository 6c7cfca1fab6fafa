"""A traced graph as a PyTorch program: the same ops on real tensors, with the lifetimes that Python gives them.

The graph has to be traced with its loops unrolled.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from analyzer import graph as symbolic
from analyzer.formulas import joint
from analyzer.graph import Bind, Call, Checkpoint, Drop, EndCheckpoint, Graph, Instruction, Redistribute, Step, nested
from analyzer.ops import OPS
from analyzer.run.settings import Run
from validation.modules import buffers, dtype, entry, make_modules, numbers, parameters, split
from validation.reference_attention import forced

Watch = Callable[[Call | Redistribute], None]


class Program:
    """A model on a device. `forward` runs one forward and loss; `variables` are the training loop's, until rebound."""

    def __init__(self, graph: Graph, device: str, run: Run) -> None:
        self.graph, self.device, self.run = graph, device, run
        self.training = run.mode == "train"
        self.modules = self._modules()
        self.parameters = parameters(graph, self.modules, device)
        self.buffers = buffers(graph, self.modules, device)
        for module in self.modules.values():
            module.train(self.training)
        self._resident = {t: self._input(t) for t in graph.inputs.values()}
        self._resident |= {t: self.parameters[path] for path, t in graph.parameters.items()}
        self.values: dict[symbolic.Tensor, torch.Tensor] = dict(self._resident)
        self.variables: dict[str, torch.Tensor] = {}
        self.before_call: Watch | None = None
        self.after_call: Watch | None = None
        self._without_grad = _without_grad(graph)

    def _modules(self) -> dict[str, torch.nn.Module]:
        """The torch.nn modules by path."""
        return make_modules(self.graph, self.device, getattr(torch, self.run.dtype))

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """The tensors of a batch."""
        return tuple(self._resident[tensor] for tensor in self.graph.inputs.values())

    def _input(self, tensor: symbolic.Tensor) -> torch.Tensor:
        """Numbers between 0 and 1, or zeros: valid for every op, and as an index into anything."""
        shape, kind = numbers(tensor.shape, self.graph.symbols), dtype(tensor)
        make = torch.rand if kind.is_floating_point else torch.zeros
        return make(shape, dtype=kind, device=self.device)

    def forward(self) -> None:
        """Run the graph's instructions once, under autocast where the run says so."""
        kind: torch.dtype = getattr(torch, self.run.autocast or "float32")
        with torch.autocast("cuda", dtype=kind) if self.run.autocast else contextlib.nullcontext():
            lone = {t for t in self.graph.inputs.values() if t.storage.loops}  # only a list holds these, and the forward may replace them
            self.values |= {t: self._resident[t].detach() for t in self.graph.inputs.values() if t not in lone}  # a fresh batch
            self.values |= {t: self._resident.pop(t) for t in lone & self._resident.keys()}
            self._all()

    def _all(self) -> None:
        self._run(self.graph.instructions)

    def _run(self, instructions: Sequence[Instruction]) -> None:
        position = 0
        while position < len(instructions):
            instruction = instructions[position]
            position += 1
            match instruction:
                case Call():
                    self._call(instruction)
                case Drop(tensor=tensor, internal=False):
                    self.values.pop(tensor, None)  # absent: one of autocast's cached casts, which PyTorch drops itself
                case Bind(name=name, tensor=tensor):
                    self.variables[name] = self.values[tensor]
                case Redistribute():
                    self._redistribute(instruction)
                case Checkpoint():
                    end = _end(instructions, position)
                    run = self._reentrant if instruction.again else self._checkpointed
                    run(instruction, instructions[position : end + 1])
                    position = end + 1

    def _redistribute(self, instruction: Redistribute) -> None:
        if self.before_call:
            self.before_call(instruction)
        self.values[instruction.outputs[0]] = self._redistributed(instruction.way, self.values[instruction.tensor])
        if self.after_call:
            self.after_call(instruction)

    def _redistributed(self, way: str, x: torch.Tensor) -> torch.Tensor:
        """A tensor in another layout over several GPUs."""
        raise NotImplementedError

    def _reentrant(self, begin: Checkpoint, instructions: Sequence[Instruction]) -> None:
        """A region under a reentrant checkpoint: without a graph the first time, with one of its own the second."""
        again, last = begin.again, instructions[-1]
        assert again is not None
        assert isinstance(last, EndCheckpoint)

        def region(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
            second = torch.is_grad_enabled()
            outside = self.values
            self.values = {**self._resident, **dict(zip(again.inputs if second else begin.inputs, arguments))}
            try:
                self._run(again.instructions if second else instructions)
                return tuple(self.values[t] for t in (again.outputs if second else [made for made, _ in last.results]))
            finally:
                self.values = outside

        results = checkpoint(region, *(self.values[t] for t in begin.inputs), use_reentrant=True)
        for pair, value in zip(last.results, results, strict=True):
            self.values |= dict.fromkeys(pair, value)

    def _checkpointed(self, begin: Checkpoint, instructions: Sequence[Instruction]) -> None:
        """A region under torch.utils.checkpoint: a function of its inputs, with variables of its own."""
        taken, made = list(dict.fromkeys(begin.inputs)), list[symbolic.Tensor]()

        def region(*arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
            outside, self.values = self.values, {**self._resident, **dict(zip(taken, arguments))}
            try:
                self._run(instructions)
                made[:] = [t for t in self.values if t not in self._resident and t not in taken]
                return tuple(self.values[t] for t in made)
            finally:
                self.values = outside

        results = checkpoint(region, *(self.values[t] for t in taken), use_reentrant=False)
        self.values |= dict(zip(made, results))

    def _call(self, call: Call) -> None:
        if self.before_call:
            self.before_call(call)
        plain = torch.autocast("cuda", enabled=False) if self.run.autocast and not call.autocast else contextlib.nullcontext()
        with torch.set_grad_enabled(torch.is_grad_enabled() and call not in self._without_grad), plain:
            result = self._computed(call)
        results = result if isinstance(result, (tuple, list)) else (result,)
        for tensor, value in zip(call.outputs, results, strict=True):
            self.values[tensor] = value
        for old, new in call.changed.items():
            self.values.setdefault(new, self.values[old])
        if self.after_call:
            self.after_call(call)

    def _computed(self, call: Call) -> Any:
        positional, attributes = split(call)
        tensors = [self._real(value) for value in positional]
        if OPS[call.op].is_module:
            with forced(self.run.attention):
                return self.modules[call.path](*tensors)
        function = entry(call.op, self.device)
        if _is_told(function, "attention"):
            attributes["attention"] = self.run.attention
        if _is_told(function, "training"):
            attributes["training"] = self.training
        if _is_told(function, "device"):
            attributes["device"] = self.device
        return function(*tensors, **attributes)

    def _real(self, value: Any) -> Any:
        if isinstance(value, symbolic.Tensor):
            return self.values[value]
        return [self._real(v) for v in value] if isinstance(value, list) else value


def _end(instructions: Sequence[Instruction], position: int) -> int:
    """Where the checkpointed region that begins at a position ends."""
    depth = 1
    while depth:
        depth += isinstance(instructions[position], Checkpoint) - isinstance(instructions[position], EndCheckpoint)
        position += 1
    return position - 1


@functools.cache
def _is_told(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except ValueError:  # a builtin
        return False


def _without_grad(graph: Graph) -> set[Call]:
    """The calls traced under no_grad: their steps have gradients that inputs would need, and need none."""
    found: set[Call] = set()
    steps: list[Step] = []
    for instruction in nested(graph.instructions):
        if isinstance(instruction, Step):
            steps.append(instruction)
        elif isinstance(instruction, Call):
            if any(_is_cut_off(step) for step in steps) and not any(step.needed for step in steps):
                found.add(instruction)
            steps = []
    return found


def _is_cut_off(step: Step) -> bool:
    names = {name for key in step.rule.grads for name in joint(key)}
    return not step.needed and any(step.inputs[n].requires_grad for n in names if n in step.inputs)
