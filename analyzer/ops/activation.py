"""Activation functions."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.elementwise import add, div, floating, result, sub
from analyzer.ops.layout import dimension, elementwise_strides
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import as_shape
from analyzer.ops.unary import abs
from analyzer.polynomial import ONE
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@op
@primitive
def relu(x: Tensor) -> Rule:
    """y = max(x, 0)"""
    return Rule(result(x), {"x": "threshold_backward(g, y)"})


@op
@primitive
def sigmoid(x: Tensor) -> Rule:
    """y = 1 / (1 + e^-x)"""
    return Rule(result(x, dtype=floating(x)), {"x": "sigmoid_backward(g, y)"})


@op
@primitive
def tanh(x: Tensor) -> Rule:
    """y = tanh x"""
    return Rule(result(x, dtype=floating(x)), {"x": "tanh_backward(g, y)"})


@op
@primitive
def gelu(x: Tensor, *, approximate: str = "none") -> Rule:
    """y = x Φ(x)"""
    return Rule(result(x), {"x": "gelu_backward(g, x)"})


@op
@primitive
def silu(x: Tensor) -> Rule:
    """y = x sigmoid(x)"""
    return Rule(result(x), {"x": "silu_backward(g, x)"})


@op
@primitive
def mish(x: Tensor) -> Rule:
    """y = x tanh(ln(1 + e^x))"""
    return Rule(result(x), {"x": "mish_backward(g, x)"})


@op
@primitive
def elu(x: Tensor, *, alpha: float = 1.0) -> Rule:
    """y = x where x > 0, else alpha (e^x - 1)"""
    return Rule(result(x), {"x": "elu_backward(g, x)"})


@op
@primitive
def celu(x: Tensor, *, alpha: float = 1.0) -> Rule:
    """y = x where x > 0, else alpha (e^(x / alpha) - 1)"""
    return Rule(result(x), {"x": "elu_backward(g, x)"})


@op
@primitive
def selu(x: Tensor) -> Rule:
    """y = 1.0507 x where x > 0, else 1.7581 (e^x - 1)"""
    return Rule(result(x), {"x": "elu_backward(g, x)"})


@op
@primitive
def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Rule:
    """y = x where x > 0, else negative_slope x"""
    return Rule(result(x), {"x": "leaky_relu_backward(g, x)"})


@op
@primitive
def softplus(x: Tensor, *, beta: float = 1.0, threshold: float = 20.0) -> Rule:
    """y = ln(1 + e^(beta x)) / beta"""
    return Rule(result(x), {"x": "softplus_backward(g, x)"})


@op
@primitive
def logsigmoid(x: Tensor) -> Rule:
    """y = -ln(1 + e^-x)"""
    return Rule(result(x), {"x": "log_sigmoid_backward(g, x)"})


@op
@primitive
def hardsigmoid(x: Tensor) -> Rule:
    """y = max(0, min(1, x/6 + 1/2))"""
    return Rule(result(x), {"x": "hardsigmoid_backward(g, x)"})


@op
@primitive
def hardswish(x: Tensor) -> Rule:
    """y = x max(0, min(1, x/6 + 1/2))"""
    return Rule(result(x), {"x": "hardswish_backward(g, x)"})


@op
@primitive
def hardtanh(x: Tensor, *, min_val: float = -1.0, max_val: float = 1.0) -> Rule:
    """y = x held between min_val and max_val"""
    return Rule(result(x), {"x": "hardtanh_backward(g, x)"})


@op
@primitive
def relu6(x: Tensor) -> Rule:
    """y = x held between 0 and 6"""
    return Rule(result(x), {"x": "hardtanh_backward(g, x)"})


@op
@primitive
def hardshrink(x: Tensor, *, lambd: float = 0.5) -> Rule:
    """y = x where |x| > lambd, else 0"""
    return Rule(result(x), {"x": "hardshrink_backward(g, x)"})


@op
@primitive
def softshrink(x: Tensor, *, lambd: float = 0.5) -> Rule:
    """y = x towards 0 by lambd"""
    return Rule(result(x), {"x": "softshrink_backward(g, x)"})


@op
@primitive
def threshold(x: Tensor, *, threshold: float, value: float) -> Rule:
    """y = x where x > threshold, else value"""
    return Rule(result(x), {"x": "threshold_backward(g, x)"})


@op
def softsign(x: Tensor) -> Tensor:
    """y = x / (1 + |x|)"""
    size = abs(x)
    below = add(size, ONE)
    current().release(size)
    y: Tensor = div(x, below)
    return y


@op
def tanhshrink(x: Tensor) -> Tensor:
    """y = x - tanh x"""
    y: Tensor = sub(x, tanh(x))
    return y


@op
@primitive
def glu(x: Tensor, *, dim: int = -1) -> Rule:
    """y = a sigmoid(b), a and b the halves of x along a dimension"""
    at = dimension(dim, len(x.shape))
    if not sizes().demand(x.shape[at] % 2, "==", 0):
        raise Refused(f"glu halves dimension {at} of {show(x.shape)}, which is odd")
    half = (*x.shape[:at], x.shape[at] / 2, *x.shape[at + 1 :])
    strides = elementwise_strides(half, [(half, x.strides)])
    return Rule(Spec(half, x.dtype, strides), {"x": "glu_backward(g, x)"})


@primitive
def _prelu_kernel(x: Tensor, weight: Tensor) -> Rule:
    one = "prelu_backward(x, weight, g)"
    alone = not (x.requires_grad and weight.requires_grad)  # the kernel makes both gradients, whoever asks
    return Rule(result(x, weight), {"x, weight": f"kept({one}, {one})" if alone else one})


@op
def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """y = x where x > 0, else w x, w for each channel or for all"""
    if len(x.shape) > 1 and not sizes().is_one(weight.elements) and not sizes().same(weight.elements, x.shape[1]):
        raise Refused(f"prelu has {weight.elements!r} slopes for {show(x.shape)}")
    spread = as_shape(weight, tuple(weight.elements if d == 1 else ONE for d in range(len(x.shape)))) if len(x.shape) > 1 else weight
    y: Tensor = _prelu_kernel(x, spread)
    return y
