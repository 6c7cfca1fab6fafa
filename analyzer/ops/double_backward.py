"""Backward functions as ops of their own, for gradients that are differentiated again.

Sources: torchgen/packaged/autograd/derivatives.yaml; torch/csrc/autograd/FunctionsManual.cpp (batchnorm_double_backward);
ATen/native/cuda/Normalization.cu (batch_norm_backward_cuda); torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.batch_norm import staging
from analyzer.ops.elementwise import result
from analyzer.ops.plan import Brief, Gone, Held, Item, Result
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.ops.registry import primitive
from analyzer.polynomial import Poly, poly
from analyzer.tracing import Refused, show


@primitive
def threshold_backward(grad_output: Tensor, x: Tensor) -> Rule:
    """The gradient of relu; its own to x is zeros."""
    return Rule(result(grad_output, x), {"grad_output": "threshold_backward(g, x)", "x": "zeros_like(g)"})


@primitive
def leaky_relu_backward(grad_output: Tensor, x: Tensor) -> Rule:
    """The gradient of leaky_relu; its own to x is zeros."""
    return Rule(result(grad_output, x), {"grad_output": "leaky_relu_backward(g, x)", "x": "zeros_like(g)"})


@primitive
def tanh_backward(grad_output: Tensor, x: Tensor) -> Rule:
    """The gradient of tanh, x being its result."""
    return Rule(result(grad_output, x), {"grad_output": "tanh_backward(g, x)", "x": "g * (-2 * x * grad_output)"})


@primitive
def sigmoid_backward(grad_output: Tensor, x: Tensor) -> Rule:
    """The gradient of sigmoid, x being its result."""
    return Rule(result(grad_output, x), {"grad_output": "sigmoid_backward(g, x)", "x": "g * grad_output * (-2 * x + 1)"})


POINTWISE: Mapping[str, Callable[..., Any]] = {
    "threshold_backward": threshold_backward,
    "leaky_relu_backward": leaky_relu_backward,
    "tanh_backward": tanh_backward,
    "sigmoid_backward": sigmoid_backward,
}


@primitive
def batch_norm_backward(grad_output: Tensor, x: Tensor, weight: Tensor | None, mean: Tensor, invstd: Tensor) -> Rule:
    """The gradient of a batch norm's input in training, for inputs of (batch, channels)."""
    if len(x.shape) != 2 or x.dtype != "float32":
        raise Refused(f"the gradient of a batch norm is differentiated for float32 of (batch, channels) only, not {show(x.shape)}")
    channel = plan.vector(x.shape[1], x.dtype)
    order = _double(x, channel, weight)
    names = f"g, x, {'weight, ' if weight else ''}mean, invstd, grad_output"
    return Rule(
        Spec(x.shape, x.dtype),
        plan.gradients("batch_norm_double_backward", names, order),
        copies=(*(channel,) * (4 if weight else 2), (staging(x, 2),)),
        constants={"plan": order},
    )


def _double(x: Tensor, channel: Poly, weight: Tensor | None) -> tuple[Item, ...]:
    """batchnorm_double_backward, without gradients for those of weight and bias."""
    whole = x.bytes
    summed = Brief(reduction_scratch(x.shape, x.strides, (0,), partial_bytes(x.dtype)))
    order: list[Item] = [Held(whole, "centered"), Held(channel, "sigma_1"), Held(channel, "sigma_3_2"), Held(whole, "centered_sigma")]
    order += [Held(whole, "t"), Held(channel, "gOinmu"), summed, Gone("t"), Held(channel, "gO_sum"), summed]
    of_x: list[Item] = [Held(channel, "ggI_sum"), summed, Held(whole, "t"), Held(channel, "ggIinmu"), summed, Gone("t")]
    of_x += [Held(channel, "all_sub"), Held(whole, "t"), Held(channel, "t2"), summed, Held(channel, "t3"), Held(channel, "t4")]
    of_x += [Gone(name) for name in ("t4", "t3", "t2", "t")]
    of_x += [Held(whole, "gI_0")]
    for name in ("gI_1", "gI_2"):
        of_x += [Held(channel, "a"), Held(whole, "b"), Held(channel, "c"), Held(whole, name), *map(Gone, ("c", "b", "a"))]
    of_x += [Result("x", Spec(x.shape, x.dtype), x.requires_grad)]
    of_x += [Gone(name) for name in ("gI_2", "gI_1", "gI_0", "all_sub", "ggIinmu", "ggI_sum")]
    first = (Held(channel, "h0"), *_first_backward(whole, channel, summed))
    of_weight: list[Item] = []
    if weight:
        of_weight = [Held(poly(4), "one"), *first, Held(whole, "first"), Gone("h1"), Gone("h0"), Held(whole, "gG"), Gone("first")]
        of_weight += [Gone("one"), Result("weight", Spec(weight.shape, weight.dtype), weight.requires_grad), summed, Gone("gG")]
    scaled = Held(whole if weight else channel, "h0")  # by the weight, which is expanded
    last: list[Item] = [
        scaled,
        *_first_backward(whole, channel, summed),
        Result("grad_output", Spec(x.shape, x.dtype)),
        Gone("h1"),
        Gone("h0"),
    ]
    return (*order, *of_x, *of_weight, *last)


def _first_backward(whole: Poly, channel: Poly, summed: Brief) -> tuple[Item, ...]:
    """first_back_grad_input from h1 up to its product h0 * h1."""
    return (
        Held(whole, "h1"), Held(channel, "s"), summed, Held(whole, "p"), Held(channel, "ps"), summed,
        Held(whole, "m"), Held(whole, "mp"), *map(Gone, ("mp", "m", "ps", "p", "s")),
    )  # fmt: skip
