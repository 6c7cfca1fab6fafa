"""Activations as torch.nn classes."""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops import activation as functions
from analyzer.ops import inplace as overwriting
from analyzer.ops.registry import module, op
from analyzer.polynomial import Poly, poly
from analyzer.tracing import current


@op
def ReLU(x: Tensor, *, inplace: bool = False) -> Tensor:
    """y = max(x, 0)"""
    y: Tensor = overwriting.relu_(x) if inplace else functions.relu(x)
    return y


@op
def SiLU(x: Tensor, *, inplace: bool = False) -> Tensor:
    """y = x sigmoid(x)"""
    y: Tensor = overwriting.silu_(x) if inplace else functions.silu(x)
    return y


@op
def ELU(x: Tensor, *, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else alpha (e^x - 1)"""
    y: Tensor = overwriting.elu_(x, alpha=alpha) if inplace else functions.elu(x, alpha=alpha)
    return y


@op
def LeakyReLU(x: Tensor, *, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else negative_slope x"""
    y: Tensor = (
        overwriting.leaky_relu_(x, negative_slope=negative_slope) if inplace else functions.leaky_relu(x, negative_slope=negative_slope)
    )
    return y


@op
def Hardswish(x: Tensor, *, inplace: bool = False) -> Tensor:
    """y = x max(0, min(1, x/6 + 1/2))"""
    y: Tensor = overwriting.hardswish_(x) if inplace else functions.hardswish(x)
    return y


@op
def Hardtanh(x: Tensor, *, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x held between min_val and max_val"""
    y: Tensor = (
        overwriting.hardtanh_(x, min_val=min_val, max_val=max_val) if inplace else functions.hardtanh(x, min_val=min_val, max_val=max_val)
    )
    return y


@op
def PReLU(x: Tensor, *, num_parameters: Poly = poly(1)) -> Tensor:
    """y = x where x > 0, else w x, w: (num_parameters)"""
    y: Tensor = functions.prelu(x, current().parameter("weight", (num_parameters,)))
    return y


module("Sigmoid", functions.sigmoid)
module("Tanh", functions.tanh)
module("GELU", functions.gelu)
module("Mish", functions.mish)
module("CELU", functions.celu)
module("SELU", functions.selu)
module("Softplus", functions.softplus)
module("LogSigmoid", functions.logsigmoid)
module("Hardsigmoid", functions.hardsigmoid)
module("ReLU6", functions.relu6)
module("Hardshrink", functions.hardshrink)
module("Softshrink", functions.softshrink)
module("Threshold", functions.threshold)
module("Softsign", functions.softsign)
module("Tanhshrink", functions.tanhshrink)
module("GLU", functions.glu)
