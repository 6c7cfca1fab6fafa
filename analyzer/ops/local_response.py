"""Local response normalization. Source: torch/nn/functional.py (local_response_norm), torch 2.13."""

from __future__ import annotations

from fractions import Fraction

from analyzer.graph import Tensor
from analyzer.ops.elementwise import add, div, mul, statement
from analyzer.ops.padding import pad
from analyzer.ops.pooling_average import avg_pool2d, avg_pool3d
from analyzer.ops.power import pow
from analyzer.ops.registry import op
from analyzer.ops.shape import squeeze, unsqueeze, view
from analyzer.polynomial import ONE, ZERO, Poly, poly
from analyzer.tracing import Refused, show


@op
def local_response_norm(x: Tensor, *, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y = x / (k + alpha mean of x² over neighbouring channels) ** beta"""
    if len(x.shape) < 3:
        raise Refused(f"local_response_norm needs at least 3 dimensions, its input is {show(x.shape)} from {x.origin}")
    squares = mul(x, x)
    if len(x.shape) == 3:
        whole = statement(unsqueeze(squares, dim=1), squares)
        around = [ZERO, ZERO, poly(size // 2), poly((size - 1) // 2)]
        whole = statement(pad(whole, pad=around), whole)
        whole = statement(avg_pool2d(whole, kernel_size=[poly(size), ONE], stride=ONE), whole)
        means = statement(squeeze(whole, dim=1), whole)
    else:
        whole = statement(view(squares, shape=[x.shape[0], ONE, x.shape[1], x.shape[2], -ONE]), squares)
        around = [ZERO, ZERO, ZERO, ZERO, poly(size // 2), poly((size - 1) // 2)]
        whole = statement(pad(whole, pad=around), whole)
        whole = statement(avg_pool3d(whole, kernel_size=[poly(size), ONE, ONE], stride=ONE), whole)
        flat = statement(squeeze(whole, dim=1), whole)
        means = statement(view(flat, shape=list(x.shape)), flat)
    scaled = mul(means, _number(alpha))
    scaled = statement(add(scaled, _number(k)), scaled)
    scaled = statement(pow(scaled, _number(beta)), scaled, means)
    y: Tensor = div(x, scaled)
    return y


def _number(value: float) -> Poly:
    """A number as it is written."""
    return poly(Fraction(str(value)))


@op
def LocalResponseNorm(x: Tensor, *, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y = x / (k + alpha mean of x² over neighbouring channels) ** beta"""
    y: Tensor = local_response_norm(x, size=size, alpha=alpha, beta=beta, k=k)
    return y
