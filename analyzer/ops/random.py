"""Dropout and random tensors."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.registry import op, primitive
from analyzer.tracing import current


@primitive
def _native_dropout(x: Tensor) -> Rule:
    out = result(x)
    return Rule(out, {"x": "g * mask"}, aux={"mask": Spec(x.shape, "bool", out.strides)})


@op
def dropout(x: Tensor, *, p: float = 0.5) -> Tensor:
    """y = x mask / (1 - p) in training; x itself when p is 0 or in evaluation"""
    if not current().training or p == 0:
        return x
    y: Tensor = _native_dropout(x)
    return y


@op
def Dropout(x: Tensor, *, p: float = 0.5) -> Tensor:
    """y = x mask / (1 - p) in training; x itself when p is 0 or in evaluation"""
    y: Tensor = dropout(x, p=p)
    return y


@op
@primitive
def randn_like(x: Tensor) -> Rule:
    """y ~ N(0, 1), the shape of x"""
    return Rule(result(x))


@op
@primitive
def zeros_like(x: Tensor) -> Rule:
    """y = 0, the shape of x"""
    return Rule(result(x))
