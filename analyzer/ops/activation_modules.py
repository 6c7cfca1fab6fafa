"""Activations as torch.nn classes."""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops import activation as functions
from analyzer.ops import inplace as overwriting
from analyzer.ops.registry import op
from analyzer.polynomial import Poly, poly
from analyzer.tracing import current


@op
def ReLU(x: Tensor, *, inplace: bool = False) -> Tensor:
    """y = max(x, 0)"""
    y: Tensor = overwriting.relu_(x) if inplace else functions.relu(x)
    return y


@op
def Sigmoid(x: Tensor) -> Tensor:
    """y = 1 / (1 + e^-x)"""
    y: Tensor = functions.sigmoid(x)
    return y


@op
def Tanh(x: Tensor) -> Tensor:
    """y = tanh x"""
    y: Tensor = functions.tanh(x)
    return y


@op
def GELU(x: Tensor, *, approximate: str = "none") -> Tensor:
    """y = x Φ(x)"""
    y: Tensor = functions.gelu(x, approximate=approximate)
    return y


@op
def SiLU(x: Tensor, *, inplace: bool = False) -> Tensor:
    """y = x sigmoid(x)"""
    y: Tensor = overwriting.silu_(x) if inplace else functions.silu(x)
    return y


@op
def Mish(x: Tensor) -> Tensor:
    """y = x tanh(ln(1 + e^x))"""
    y: Tensor = functions.mish(x)
    return y


@op
def ELU(x: Tensor, *, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else alpha (e^x - 1)"""
    y: Tensor = overwriting.elu_(x, alpha=alpha) if inplace else functions.elu(x, alpha=alpha)
    return y


@op
def CELU(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^(x / alpha) - 1)"""
    y: Tensor = functions.celu(x, alpha=alpha)
    return y


@op
def SELU(x: Tensor) -> Tensor:
    """y = 1.0507 x where x > 0, else 1.7581 (e^x - 1)"""
    y: Tensor = functions.selu(x)
    return y


@op
def LeakyReLU(x: Tensor, *, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """y = x where x > 0, else negative_slope x"""
    y: Tensor = (
        overwriting.leaky_relu_(x, negative_slope=negative_slope) if inplace else functions.leaky_relu(x, negative_slope=negative_slope)
    )
    return y


@op
def Softplus(x: Tensor, *, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """y = ln(1 + e^(beta x)) / beta"""
    y: Tensor = functions.softplus(x, beta=beta, threshold=threshold)
    return y


@op
def LogSigmoid(x: Tensor) -> Tensor:
    """y = -ln(1 + e^-x)"""
    y: Tensor = functions.logsigmoid(x)
    return y


@op
def Hardsigmoid(x: Tensor) -> Tensor:
    """y = max(0, min(1, x/6 + 1/2))"""
    y: Tensor = functions.hardsigmoid(x)
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
def ReLU6(x: Tensor) -> Tensor:
    """y = x held between 0 and 6"""
    y: Tensor = functions.relu6(x)
    return y


@op
def Hardshrink(x: Tensor, *, lambd: float = 0.5) -> Tensor:
    """y = x where |x| > lambd, else 0"""
    y: Tensor = functions.hardshrink(x, lambd=lambd)
    return y


@op
def Softshrink(x: Tensor, *, lambd: float = 0.5) -> Tensor:
    """y = x towards 0 by lambd"""
    y: Tensor = functions.softshrink(x, lambd=lambd)
    return y


@op
def Threshold(x: Tensor, *, threshold: float, value: float) -> Tensor:
    """y = x where x > threshold, else value"""
    y: Tensor = functions.threshold(x, threshold=threshold, value=value)
    return y


@op
def Softsign(x: Tensor) -> Tensor:
    """y = x / (1 + |x|)"""
    y: Tensor = functions.softsign(x)
    return y


@op
def Tanhshrink(x: Tensor) -> Tensor:
    """y = x - tanh x"""
    y: Tensor = functions.tanhshrink(x)
    return y


@op
def GLU(x: Tensor, *, dim: int = -1) -> Tensor:
    """y = a sigmoid(b), a and b the halves of x along a dimension"""
    y: Tensor = functions.glu(x, dim=dim)
    return y


@op
def PReLU(x: Tensor, *, num_parameters: Poly = poly(1)) -> Tensor:
    """y = x where x > 0, else w x, w: (num_parameters)"""
    y: Tensor = functions.prelu(x, current().parameter("weight", (num_parameters,)))
    return y
