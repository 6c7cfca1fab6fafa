"""Functions of one tensor, element by element."""

from __future__ import annotations

from analyzer.graph import Rule, Tensor
from analyzer.ops.elementwise import floating, result
from analyzer.ops.registry import op, primitive


@op
@primitive
def exp(x: Tensor) -> Rule:
    """y = e ** x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * y"})


@op
@primitive
def exp2(x: Tensor) -> Rule:
    """y = 2 ** x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * y * 1"})


@op
@primitive
def expm1(x: Tensor) -> Rule:
    """y = e ** x - 1"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * (y + 1)"})


@op
@primitive
def log(x: Tensor) -> Rule:
    """y = ln x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / x"})


@op
@primitive
def log1p(x: Tensor) -> Rule:
    """y = ln(1 + x)"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / (x + 1)"})


@op
@primitive
def log2(x: Tensor) -> Rule:
    """y = log2 x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / (x * 1)"})


@op
@primitive
def log10(x: Tensor) -> Rule:
    """y = log10 x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / (x * 1)"})


@op
@primitive
def lgamma(x: Tensor) -> Rule:
    """y = ln |gamma(x)|"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * digamma(x)"})


@op
@primitive
def sin(x: Tensor) -> Rule:
    """y = sin x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * cos(x)"})


@op
@primitive
def cos(x: Tensor) -> Rule:
    """y = cos x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * -sin(x)"})


@op
@primitive
def tan(x: Tensor) -> Rule:
    """y = tan x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * (1 + y ** 2)"})


@op
@primitive
def sinh(x: Tensor) -> Rule:
    """y = sinh x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * cosh(x)"})


@op
@primitive
def cosh(x: Tensor) -> Rule:
    """y = cosh x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * sinh(x)"})


@op
@primitive
def atan(x: Tensor) -> Rule:
    """y = arctan x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / (x * x + 1)"})


@op
@primitive
def erf(x: Tensor) -> Rule:
    """y = 2/√π ∫ e^-t² dt from 0 to x"""
    return Rule(result(x, dtype=floating(x)), {"x": "2 * exp(-(x ** 2)) * g"})


@op
@primitive
def abs(x: Tensor) -> Rule:
    """y = |x|"""
    return Rule(result(x), {"x": "g * sgn(x)"})


@op
@primitive
def sign(x: Tensor) -> Rule:
    """y = -1, 0 or 1, by the sign of x"""
    return Rule(result(x), {"x": "zeros_like(g)"})


@op
@primitive
def floor(x: Tensor) -> Rule:
    """y = ⌊x⌋"""
    return Rule(result(x), {"x": "zeros_like(g)"})


@op
@primitive
def ceil(x: Tensor) -> Rule:
    """y = ⌈x⌉"""
    return Rule(result(x), {"x": "zeros_like(g)"})


@op
@primitive
def round(x: Tensor) -> Rule:
    """y = x to the nearest whole number"""
    return Rule(result(x), {"x": "zeros_like(g)"})


@op
@primitive
def trunc(x: Tensor) -> Rule:
    """y = x towards 0"""
    return Rule(result(x), {"x": "zeros_like(g)"})


@op
@primitive
def nan_to_num(x: Tensor) -> Rule:
    """y = x, with 0 for NaN and the largest numbers for infinities"""
    return Rule(result(x), {"x": "g * isfinite(x)"})
