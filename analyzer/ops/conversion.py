"""Conversions between dtypes."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Rule, Spec, Tensor
from analyzer.ops.layout import preserved
from analyzer.ops.registry import op, primitive
from analyzer.problems import nearest
from analyzer.tracing import Refused


@primitive
def _cast(x: Tensor, dtype: str) -> Rule:
    return Rule(Spec(x.shape, dtype, preserved(x.shape, x.strides)), {"x": "cast(g, x.dtype)"})


@op
def to(x: Tensor, *, dtype: str) -> Tensor:
    """y = x in another dtype; x itself where it has it"""
    if dtype not in ITEMSIZE:
        raise Refused(f"unknown dtype '{dtype}'", nearest(dtype, ITEMSIZE))
    converted: Tensor = x if x.dtype == dtype else _cast(x, dtype)
    return converted


@op
def type_as(x: Tensor, other: Tensor) -> Tensor:
    """y = x in the dtype of other; x itself where it has it"""
    converted: Tensor = to(x, dtype=other.dtype)
    return converted


@op
def float(x: Tensor) -> Tensor:
    """y = x as float32; x itself where it is"""
    converted: Tensor = to(x, dtype="float32")
    return converted


@op
def double(x: Tensor) -> Tensor:
    """y = x as float64; x itself where it is"""
    converted: Tensor = to(x, dtype="float64")
    return converted


@op
def half(x: Tensor) -> Tensor:
    """y = x as float16; x itself where it is"""
    converted: Tensor = to(x, dtype="float16")
    return converted


@op
def bfloat16(x: Tensor) -> Tensor:
    """y = x as bfloat16; x itself where it is"""
    converted: Tensor = to(x, dtype="bfloat16")
    return converted


@op
def long(x: Tensor) -> Tensor:
    """y = x as int64; x itself where it is"""
    converted: Tensor = to(x, dtype="int64")
    return converted


@op
def int(x: Tensor) -> Tensor:
    """y = x as int32; x itself where it is"""
    converted: Tensor = to(x, dtype="int32")
    return converted


@op
def bool(x: Tensor) -> Tensor:
    """y = x as bool; x itself where it is"""
    converted: Tensor = to(x, dtype="bool")
    return converted
