"""Losses. Several return a scalar whose storage stays as large as the input, because PyTorch reduces into it."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.reduction import reduction_scratch
from analyzer.ops.registry import op, primitive
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


def _check(x: Tensor, target: Tensor) -> None:
    if len(x.shape) != len(target.shape) or not all(sizes().same(a, b) for a, b in zip(x.shape, target.shape)):
        raise Refused(f"input {show(x.shape)} from {x.origin} and target {show(target.shape)} from {target.origin} differ")


def _pointwise(x: Tensor, target: Tensor, reduction: str, backward: str, resized: bool) -> Rule:
    """A loss per element, then its mean or sum; `resized` when the result keeps the storage of the losses."""
    _check(x, target)
    losses = result(x, target)
    grads = {"x": f"{backward}(g, x, target)", "target": f"-{backward}(g, x, target)"}
    if reduction == "none":
        return Rule(losses, grads)
    scratch = reduction_scratch(x.shape, losses.strides or (), range(len(x.shape)))
    scalar = Spec((), losses.dtype, size=losses.bytes if resized else None)
    return Rule(scalar, grads, scratch=(losses.bytes, scratch))


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
def binary_cross_entropy(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Rule:
    """y = -mean (target ln x + (1 - target) ln(1 - x))"""
    _check(x, target)
    grads = {"x": "binary_cross_entropy_backward(g, x, target)"}
    if reduction == "none":
        return Rule(result(x), grads)
    scratch = reduction_scratch(x.shape, x.strides, range(len(x.shape)))
    mean = Spec((), x.dtype)
    return Rule(Spec((), x.dtype, size=x.bytes), grads, scratch=(mean.bytes, scratch))
