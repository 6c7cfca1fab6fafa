"""Tensors out of nothing."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ZERO, Poly
from analyzer.work import Work


@primitive
def _made(shape: tuple[Poly, ...], dtype: str) -> Rule:
    return Rule(Spec(tuple(shape), dtype))


def made(shape: list[Poly], dtype: str) -> Tensor:
    """A new tensor of a shape."""
    tensor: Tensor = _made(tuple(shape), dtype)
    return tensor


@primitive
def _like(x: Tensor, dtype: str) -> Rule:
    return Rule(result(x, dtype=dtype), work=Work(reads={"x": ZERO}))


def like(x: Tensor, dtype: str | None) -> Tensor:
    """A new tensor of the shape and order of another."""
    tensor: Tensor = _like(x, dtype or x.dtype)
    return tensor


@op
def zeros(*, shape: list[Poly], dtype: str = "float32") -> Tensor:
    """y = 0"""
    return made(shape, dtype)


@op
def ones(*, shape: list[Poly], dtype: str = "float32") -> Tensor:
    """y = 1"""
    return made(shape, dtype)


@op
def full(*, shape: list[Poly], value: float, dtype: str = "float32") -> Tensor:
    """y = value"""
    return made(shape, dtype)


@op
def eye(*, n: Poly, m: Poly | None = None, dtype: str = "float32") -> Tensor:
    """y = 1 on the diagonal, else 0"""
    return made([n, n if m is None else m], dtype)


@op
def arange(*, end: Poly, dtype: str = "int64") -> Tensor:
    """y = 0, 1, ..., end - 1"""
    return made([end], dtype)


@op
def linspace(*, start: float, end: float, steps: Poly, dtype: str = "float32") -> Tensor:
    """y = so many numbers from start to end"""
    return made([steps], dtype)


@op
def zeros_like(x: Tensor, *, dtype: str | None = None) -> Tensor:
    """y = 0, the shape of x"""
    return like(x, dtype)


@op
def ones_like(x: Tensor, *, dtype: str | None = None) -> Tensor:
    """y = 1, the shape of x"""
    return like(x, dtype)


@op
def full_like(x: Tensor, *, value: float, dtype: str | None = None) -> Tensor:
    """y = value, the shape of x"""
    return like(x, dtype)


@op
def new_zeros(x: Tensor, *, size: list[Poly], dtype: str | None = None) -> Tensor:
    """y = 0, in the dtype of x"""
    return made(size, dtype or x.dtype)


@op
def new_ones(x: Tensor, *, size: list[Poly], dtype: str | None = None) -> Tensor:
    """y = 1, in the dtype of x"""
    return made(size, dtype or x.dtype)
