"""Activation functions: torch.nn classes and the functions behind them."""

from __future__ import annotations

from analyzer.graph import Rule, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.registry import op, primitive


@op
@primitive
def relu(x: Tensor) -> Rule:
    """y = max(x, 0)"""
    return Rule(result(x), {"x": "threshold_backward(g, y)"})


@op
@primitive
def sigmoid(x: Tensor) -> Rule:
    """y = 1 / (1 + e^-x)"""
    return Rule(result(x), {"x": "sigmoid_backward(g, y)"})


@op
@primitive
def tanh(x: Tensor) -> Rule:
    """y = tanh x"""
    return Rule(result(x), {"x": "tanh_backward(g, y)"})


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
def elu(x: Tensor, *, alpha: float = 1.0) -> Rule:
    """y = x where x > 0, else alpha (e^x - 1)"""
    return Rule(result(x), {"x": "elu_backward(g, x)"})


@op
@primitive
def leaky_relu(x: Tensor, *, negative_slope: float = 0.01) -> Rule:
    """y = x where x > 0, else negative_slope x"""
    return Rule(result(x), {"x": "leaky_relu_backward(g, x)"})


@op
@primitive
def softplus(x: Tensor) -> Rule:
    """y = ln(1 + e^x)"""
    return Rule(result(x), {"x": "softplus_backward(g, x)"})


@op
def ReLU(x: Tensor) -> Tensor:
    """y = max(x, 0)"""
    y: Tensor = relu(x)
    return y


@op
def Sigmoid(x: Tensor) -> Tensor:
    """y = 1 / (1 + e^-x)"""
    y: Tensor = sigmoid(x)
    return y


@op
def Tanh(x: Tensor) -> Tensor:
    """y = tanh x"""
    y: Tensor = tanh(x)
    return y


@op
def GELU(x: Tensor, *, approximate: str = "none") -> Tensor:
    """y = x Φ(x)"""
    y: Tensor = gelu(x, approximate=approximate)
    return y


@op
def SiLU(x: Tensor) -> Tensor:
    """y = x sigmoid(x)"""
    y: Tensor = silu(x)
    return y


@op
def ELU(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^x - 1)"""
    y: Tensor = elu(x, alpha=alpha)
    return y


@op
def LeakyReLU(x: Tensor, *, negative_slope: float = 0.01) -> Tensor:
    """y = x where x > 0, else negative_slope x"""
    y: Tensor = leaky_relu(x, negative_slope=negative_slope)
    return y


@op
def Softplus(x: Tensor) -> Tensor:
    """y = ln(1 + e^x)"""
    y: Tensor = softplus(x)
    return y
