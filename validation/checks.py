"""Every tensor that PyTorch makes, beside what the graph says of it: shape, dtype, strides, storage, gradient."""

from __future__ import annotations

import torch
from torch.distributed.tensor import DTensor

from analyzer import graph as symbolic
from analyzer.graph import Call, Redistribute
from validation.modules import dtype, numbers
from validation.rendering import Program


class Checker:
    """Watches a program's calls; `found` lists the differences, the first one first."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.found: list[str] = []
        program.after_call = self._check

    def _check(self, call: Call | Redistribute) -> None:
        for i, tensor in enumerate(call.outputs):
            real = self.program.values[tensor]
            real = real.to_local() if isinstance(real, DTensor) else real
            for what, said, seen in self._facts(tensor, real):
                if said != seen:
                    self.found.append(f"{call.op} at {call.origin}: output {i} has {what} {seen}, predicted {said}")

    def _facts(self, tensor: symbolic.Tensor, real: torch.Tensor) -> list[tuple[str, object, object]]:
        symbols = self.program.graph.symbols
        shape = numbers(tensor.shape, symbols)
        facts: list[tuple[str, object, object]] = [
            ("shape", shape, tuple(real.shape)),
            ("dtype", dtype(tensor), real.dtype),
        ]
        if torch.is_grad_enabled():  # without, a view says what its base says
            facts.append(("requires_grad", tensor.requires_grad, real.requires_grad))
        if shape == tuple(real.shape):
            strides = numbers(tensor.strides, symbols)
            facts.append(("strides", _without_ones(shape, strides), _without_ones(shape, real.stride())))
        return facts


def _without_ones(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """The strides that matter: those of sizes other than 1."""
    return tuple(stride for size, stride in zip(shape, strides) if size != 1)
