"""Sums and means, with the buffer that splits a long reduction over thread blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.autocast import accumulation_dtype
from analyzer.ops.elementwise import floating
from analyzer.ops.layout import dimension
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ONE, Poly, call, product
from analyzer.sizes import sizes


def reduction_scratch(shape: Shape, strides: Shape, dims: Collection[int]) -> Poly:
    """Bytes a sum over `dims` takes while it runs (accumulating in fp32), as a named function of the sizes."""
    here = sizes()
    device = (here.device.sms, here.device.threads_per_sm)
    real = [d for d in range(len(shape)) if here.number(shape[d]) != 1]
    if not any(d in dims for d in real):
        return Poly()
    outputs = product(shape[d] for d in range(len(shape)) if d not in dims)
    inputs = product(shape[d] for d in dims)
    fastest = min(real, key=lambda d: here.number(strides[d]))
    if fastest not in dims:
        columns = (inputs, outputs, *device)
        return call("column_scratch", *columns) + call("column_semaphores", *columns)
    rows = (outputs, inputs, int(here.is_one(outputs)), *device)
    return call("row_scratch", *rows) + call("row_semaphores", *rows)


def _reduced(x: Tensor, dims: Sequence[int], keepdim: bool) -> Shape:
    return tuple(ONE if d in dims else s for d, s in enumerate(x.shape) if keepdim or d not in dims)


@primitive
def _mean(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    shape = _reduced(x, dims, keepdim)
    scratch = reduction_scratch(x.shape, x.strides, dims)
    return Rule(Spec(shape, floating(x)), {"x": "expand(g, x.shape, dims) / n"}, scratch=(scratch,), constants={"dims": dims})


@primitive
def _sum(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    shape = _reduced(x, dims, keepdim)
    dtype = "int64" if x.dtype in ("bool", "int32", "uint8", "int8") else accumulation_dtype(x)
    scratch = reduction_scratch(x.shape, x.strides, dims)
    return Rule(Spec(shape, dtype), {"x": "expand(g, x.shape, dims)"}, scratch=(scratch,), constants={"dims": dims})


def _dims(x: Tensor, dim: list[int] | int | None) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(len(x.shape)))
    return tuple(dimension(d, len(x.shape)) for d in ([dim] if isinstance(dim, int) else dim))


@op
def mean(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = Σ x / n"""
    y: Tensor = _mean(x, _dims(x, dim), keepdim)
    return y


@op
def sum(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = Σ x"""
    y: Tensor = _sum(x, _dims(x, dim), keepdim)
    return y
