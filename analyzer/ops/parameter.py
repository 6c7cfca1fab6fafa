"""Tensors that a module owns and a forward reads: nn.Parameter, and buffers (nn.Buffer, register_buffer)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from analyzer.graph import FLOATING, Tensor
from analyzer.ops.registry import op
from analyzer.polynomial import Poly
from analyzer.tracing import Refused, current


@contextmanager
def _owner() -> Iterator[str]:
    """Inside, the running module is the one that has the attribute; the attribute's name."""
    tracer = current()
    path, label = tracer.path, tracer.label
    tracer.path, _, name = path.rpartition(".")
    tracer.label = label.rpartition(".")[0]
    try:
        yield name
    finally:
        tracer.path, tracer.label = path, label


@op
def Parameter(*, shape: list[Poly], dtype: str | None = None) -> Tensor:
    """y = the parameter of this name, of a shape; in the model's dtype unless another is given"""
    if dtype and dtype not in FLOATING:
        raise Refused(f"a parameter of {dtype} can have no gradient", "a Buffer of it can be held")
    with _owner() as name:
        return current().hold(current().parameter(name, tuple(shape), dtype or ""))


@op
def Buffer(*, shape: list[Poly], dtype: str | None = None) -> Tensor:
    """y = the buffer of this name, of a shape; in the model's dtype unless another is given"""
    with _owner() as name:
        return current().hold(current().buffer(name, tuple(shape), dtype or ""))
