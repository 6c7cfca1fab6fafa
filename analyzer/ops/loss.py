"""Losses between numbers. Several return a scalar whose storage stays as large as the input: PyTorch reduces into it."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.elementwise import result, sub
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.ops.reduction import mean, sum
from analyzer.ops.registry import op, primitive
from analyzer.ops.unary import abs
from analyzer.polynomial import Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


def alike(x: Tensor, target: Tensor) -> None:
    """Raises Refused where the shapes differ: PyTorch would broadcast them, with a warning."""
    if len(x.shape) != len(target.shape) or not all(sizes().same(a, b) for a, b in zip(x.shape, target.shape)):
        raise Refused(f"input {show(x.shape)} from {x.origin} and target {show(target.shape)} from {target.origin} differ")


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """apply_loss_reduction: the mean or the sum of the losses, or the losses themselves."""
    if reduction not in ("mean", "sum", "none"):
        raise Refused(f"reduction '{reduction}'", "one of: mean, sum, none")
    y: Tensor = {"mean": mean, "sum": sum}[reduction](losses) if reduction != "none" else losses
    return y


def whole_scratch(losses: Spec) -> tuple[Poly, ...]:
    """What the reduction of all losses takes while it runs."""
    return reduction_scratch(losses.shape, losses.strides or (), range(len(losses.shape)), partial_bytes(losses.dtype))


def _pointwise(x: Tensor, target: Tensor, reduction: str, backward: str, resized: bool, dtype: str = "") -> Rule:
    """A loss per element, then its mean or sum; `resized` when the result keeps the storage of the losses."""
    alike(x, target)
    losses = result(x, target, dtype=dtype)
    grads = {"x": f"{backward}(g, x, target)", "target": f"{backward}(g, target, x)"}
    if reduction == "none":
        return Rule(losses, grads)
    scalar = Spec((), losses.dtype, size=losses.bytes if resized else None)
    return Rule(scalar, grads, scratch=(losses.bytes, *whole_scratch(losses)))


@op
@primitive
def mse_loss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Rule:
    """y = mean (x - target)²"""
    return _pointwise(x, target, reduction, "mse_loss_backward", resized=True)


@op
@primitive
def smooth_l1_loss(x: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Rule:
    """y = mean of d²/2β where |d| < β, else |d| - β/2, d = x - target"""
    return _pointwise(x, target, reduction, "smooth_l1_loss_backward", resized=True)


@op
@primitive
def huber_loss(x: Tensor, target: Tensor, *, reduction: str = "mean", delta: float = 1.0) -> Rule:
    """y = mean of d²/2 where |d| < δ, else δ (|d| - δ/2), d = x - target"""
    return _pointwise(x, target, reduction, "huber_loss_backward", resized=False, dtype=x.dtype)


@op
def l1_loss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = mean |x - target|"""
    alike(x, target)
    return reduced(abs(sub(x, target)), reduction)


@op
@primitive
def binary_cross_entropy(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Rule:
    """y = -mean (target ln x + (1 - target) ln(1 - x))"""
    alike(x, target)
    backward = "binary_cross_entropy_backward(g, x, target)"
    losses = result(x)
    grads = {"x": backward, "target": "binary_cross_entropy_target_backward(g, x, target)"}
    if reduction == "none":
        return Rule(losses, grads)
    mean = Spec((), x.dtype)
    return Rule(Spec((), x.dtype, size=x.bytes), grads, scratch=(mean.bytes, *whole_scratch(losses)))


@op
@primitive
def binary_cross_entropy_with_logits(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Rule:
    """y = -mean (target ln s + (1 - target) ln(1 - s)), s = sigmoid(x)"""
    alike(x, target)
    losses = result(target)
    grads = {"x": "binary_cross_entropy_with_logits_backward(g, x, target)", "target": "kept(-x * g, target)"}
    if reduction == "none":
        return Rule(losses, grads, copies=(x.bytes,))
    return Rule(Spec((), losses.dtype), grads, copies=(x.bytes, losses.bytes), scratch=whole_scratch(losses))
