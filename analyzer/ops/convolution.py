"""Convolutions through cuDNN. Their workspace is chosen inside cuDNN and is not part of these rules."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.layout import is_contiguous
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import contiguous
from analyzer.polynomial import Poly, call, opened, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None, out: tuple[Poly, ...]) -> Rule:
    y = Spec((x.shape[0], weight.shape[0], *out), x.dtype)
    grads = {"x, weight": "convolution_backward(g, x, weight)"}
    if bias is not None:
        grads["bias"] = "sum_to_channels(g)"
    return Rule(y, grads)


def _each(value: list[Poly] | Poly, rank: int, what: str) -> tuple[Poly, ...]:
    sizes = value if isinstance(value, list) else [value] * rank
    if len(sizes) != rank:
        raise Refused(f"{what} needs 1 or {rank} values, not {len(sizes)}")
    return tuple(poly(s) for s in sizes)


def _convolved(x: Tensor, rank: int, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly,
               padding: list[Poly] | Poly, dilation: list[Poly] | Poly, groups: Poly, bias: bool) -> Tensor:  # fmt: skip
    if len(x.shape) != rank + 2:
        raise Refused(f"a {rank}-d convolution needs {rank + 2} dimensions, its input is {show(x.shape)} from {x.origin}")
    kernel, step, pad, spread = (
        _each(v, rank, name) for v, name in ((kernel_size, "kernel_size"), (stride, "stride"), (padding, "padding"), (dilation, "dilation"))
    )
    out = tuple(
        call("size", (opened(size) + 2 * p - d * (k - 1) - 1 + s) // s) for size, k, s, p, d in zip(x.shape[2:], kernel, step, pad, spread)
    )
    for size in out:
        if sizes().number(size) < 1:
            raise Refused(f"a kernel of {show(kernel)} does not fit into {show(x.shape[2:])}")
    weight = current().parameter("weight", (out_channels, x.shape[1] / groups, *kernel))
    b = current().parameter("bias", (out_channels,)) if bias else None
    x = x if is_contiguous(x) else contiguous(x)
    y: Tensor = _convolution(x, weight, b, out)
    return y


@op
def Conv1d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = poly(1),
           padding: list[Poly] | Poly = poly(0), dilation: list[Poly] | Poly = poly(1), groups: Poly = poly(1),
           bias: bool = True) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k)"""
    return _convolved(x, 1, out_channels, kernel_size, stride, padding, dilation, groups, bias)


@op
def Conv2d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = poly(1),
           padding: list[Poly] | Poly = poly(0), dilation: list[Poly] | Poly = poly(1), groups: Poly = poly(1),
           bias: bool = True) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k)"""
    return _convolved(x, 2, out_channels, kernel_size, stride, padding, dilation, groups, bias)


@op
def Conv3d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = poly(1),
           padding: list[Poly] | Poly = poly(0), dilation: list[Poly] | Poly = poly(1), groups: Poly = poly(1),
           bias: bool = True) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k, k)"""
    return _convolved(x, 3, out_channels, kernel_size, stride, padding, dilation, groups, bias)
