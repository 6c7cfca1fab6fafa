"""Ops that overwrite their first tensor. What a gradient reads of its old value is copied before."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import layout
from analyzer.ops.elementwise import fillable
from analyzer.ops.registry import Operand, op, primitive
from analyzer.polynomial import Poly
from analyzer.tracing import Refused, current, show


def overwriting(x: Tensor, grads: Mapping[str, str], *others: Operand) -> Rule:
    """The rule of an op that writes its result into x."""
    tensors = [t for t in others if isinstance(t, Tensor)]
    if tensors and layout.broadcast(x.shape, *(t.shape for t in tensors)) != x.shape:
        raise Refused(f"a result of shape {show(layout.broadcast(x.shape, *(t.shape for t in tensors)))} does not fit into {show(x.shape)}")
    copied = any("original" in formula and _is_recorded(*((x,) if name == "x" else tensors)) for name, formula in grads.items())
    aux = {"original": Spec(x.shape, x.dtype, x.strides)} if copied else {}
    return Rule(Spec(x.shape, x.dtype, x.strides), grads, aux=aux, inplace="x")


def _is_recorded(*tensors: Tensor) -> bool:
    return current().grad and any(t.requires_grad for t in tensors)


@op
@primitive
def add_(x: Tensor, other: Tensor | Poly) -> Rule:
    """x ← x + other"""
    return overwriting(x, {"other": "g", "x": "g"}, other)


@op
@primitive
def sub_(x: Tensor, other: Tensor | Poly) -> Rule:
    """x ← x - other"""
    return overwriting(x, {"other": "-g", "x": "g"}, other)


@op
@primitive
def mul_(x: Tensor, other: Tensor | Poly) -> Rule:
    """x ← x * other"""
    return overwriting(x, {"other": "g * original", "x": "g * other"}, other)


@op
@primitive
def div_(x: Tensor, other: Tensor | Poly) -> Rule:
    """x ← x / other"""
    return overwriting(x, {"other": "-g * ((original / other) / other)", "x": "g / other"}, other)


@op
@primitive
def masked_fill_(x: Tensor, mask: Tensor, *, value: float = 0.0) -> Rule:
    """x ← value where mask, else x"""
    fillable(x, mask, value)
    return overwriting(x, {"x": "masked_fill(g, mask)"}, mask)


@op
@primitive
def clamp_(x: Tensor, *, min: float | None = None, max: float | None = None) -> Rule:
    """x ← x held between min and max"""
    bound = "compare(original)" if min is None or max is None else "logical_and_(compare(original), compare(original))"
    return overwriting(x, {"x": f"where({bound}, g, scalar())"})


@op
@primitive
def relu_(x: Tensor) -> Rule:
    """x ← max(x, 0)"""
    return overwriting(x, {"x": "threshold_backward(g, y)"})


@op
@primitive
def sigmoid_(x: Tensor) -> Rule:
    """x ← 1 / (1 + e^-x)"""
    return overwriting(x, {"x": "sigmoid_backward(g, y)"})


@op
@primitive
def tanh_(x: Tensor) -> Rule:
    """x ← tanh x"""
    return overwriting(x, {"x": "tanh_backward(g, y)"})


@op
@primitive
def leaky_relu_(x: Tensor, *, negative_slope: float = 0.01) -> Rule:
    """x ← x where x > 0, else negative_slope x"""
    return overwriting(x, {"x": "leaky_relu_backward(g, y)"})


@op
@primitive
def elu_(x: Tensor, *, alpha: float = 1.0) -> Rule:
    """x ← x where x > 0, else alpha (e^x - 1)"""
    return overwriting(x, {"x": "elu_backward(g, y)"})


@op
@primitive
def hardtanh_(x: Tensor, *, min_val: float = -1.0, max_val: float = 1.0) -> Rule:
    """x ← x held between min_val and max_val"""
    return overwriting(x, {"x": "hardtanh_backward(g, original)"})


@op
@primitive
def silu_(x: Tensor) -> Rule:
    """x ← x sigmoid(x)"""
    return overwriting(x, {"x": "silu_backward(g, original)"})


@op
@primitive
def hardswish_(x: Tensor) -> Rule:
    """x ← x max(0, min(1, x/6 + 1/2))"""
    return overwriting(x, {"x": "hardswish_backward(g, original)"})


@op
@primitive
def copy_(x: Tensor, src: Tensor) -> Rule:
    """x ← src"""
    return overwriting(x, {"x": "zeros_like(g)", "src": "cast(g, src.dtype)"}, src)


@op
@primitive
def fill_(x: Tensor, *, value: float) -> Rule:
    """x ← value"""
    return overwriting(x, {"x": "zeros_like(g)"})


@op
@primitive
def zero_(x: Tensor) -> Rule:
    """x ← 0"""
    return overwriting(x, {"x": "zeros_like(g)"})


@op
@primitive
def exp_(x: Tensor) -> Rule:
    """x ← e^x"""
    return overwriting(x, {"x": "g * y"})


@op
@primitive
def neg_(x: Tensor) -> Rule:
    """x ← -x"""
    return overwriting(x, {"x": "-g"})


@op
@primitive
def sqrt_(x: Tensor) -> Rule:
    """x ← √x"""
    return overwriting(x, {"x": "g / (2 * y)"})


@op
@primitive
def rsqrt_(x: Tensor) -> Rule:
    """x ← 1 / √x"""
    return overwriting(x, {"x": "(-1 * g) * y ** 3"})


@op
@primitive
def addcmul_(x: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1.0) -> Rule:
    """x ← x + value tensor1 tensor2"""
    return overwriting(x, {"x": "g", "tensor1": "g * (tensor2 * 1)", "tensor2": "g * (tensor1 * 1)"}, tensor1, tensor2)


@op
@primitive
def lerp_(x: Tensor, end: Tensor, *, weight: float) -> Rule:
    """x ← x + weight (end - x)"""
    return overwriting(x, {"end": "g * 1", "x": "g * 1"}, end)
