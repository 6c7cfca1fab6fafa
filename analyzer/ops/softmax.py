"""Softmax and its logarithm. Under autocast they answer in fp32: fp16 in one kernel, bf16 through a copy of the input.

Source: aten/src/ATen/native/SoftMax.cpp (softmax and log_softmax with a dtype), torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor, contiguous
from analyzer.ops.autocast import _cast, accumulation_dtype
from analyzer.ops.elementwise import neg
from analyzer.ops.layout import dimension, is_contiguous
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import Poly


def _copied(x: Tensor) -> tuple[Poly, ...]:
    """The contiguous copy that the kernel makes of another layout."""
    return () if is_contiguous(x) else (x.bytes,)


@primitive
def _softmax(x: Tensor, dtype: str) -> Rule:
    return Rule(Spec(x.shape, dtype, contiguous(x.shape)), {"x": "softmax_backward(g, y)"}, scratch=_copied(x))


@primitive
def _log_softmax(x: Tensor, dtype: str) -> Rule:
    return Rule(Spec(x.shape, dtype, contiguous(x.shape)), {"x": "log_softmax_backward(g, y)"}, scratch=_copied(x))


def _widened(x: Tensor) -> Tensor:
    """The input that the kernel gets: bf16 is copied to fp32 where fp32 is asked for, fp16 is not."""
    widened: Tensor = _cast(x, "float32") if x.dtype == "bfloat16" and accumulation_dtype(x) == "float32" else x
    return widened


@op
def softmax(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = exp(x) / Σ exp(x)"""
    dimension(dim, len(x.shape))
    y: Tensor = _softmax(_widened(x), accumulation_dtype(x))
    return y


@op
def log_softmax(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = x - ln Σ exp(x)"""
    dimension(dim, len(x.shape))
    y: Tensor = _log_softmax(_widened(x), accumulation_dtype(x))
    return y


@op
def softmin(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = exp(-x) / Σ exp(-x)"""
    y: Tensor = softmax(neg(x), dim=dim)
    return y


@op
def Softmax(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = exp(x) / Σ exp(x)"""
    y: Tensor = softmax(x, dim=dim)
    return y


@op
def LogSoftmax(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = x - ln Σ exp(x)"""
    y: Tensor = log_softmax(x, dim=dim)
    return y


@op
def Softmin(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = exp(-x) / Σ exp(-x)"""
    y: Tensor = softmin(x, dim=dim)
    return y
