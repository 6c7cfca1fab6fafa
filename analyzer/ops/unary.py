"""Functions of one tensor, element by element, and powers."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Rule, Tensor
from analyzer.ops.elementwise import floating, result
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import Poly, poly


@op
@primitive
def reciprocal(x: Tensor) -> Rule:
    """y = 1 / x"""
    return Rule(result(x, dtype=floating(x)), {"x": "-g * (y * y)"})


@primitive
def _pow_tensor(x: Tensor, exponent: Tensor) -> Rule:
    power = "g * where(is_zero_power(x, exponent), scalar(), y * log(x))"
    base = "where(compare(exponent), scalar(), kept(g, y) * (exponent * x ** (exponent - 1)))"
    return Rule(result(x, exponent), {"exponent": power, "x": base})


@primitive
def _pow_number(x: Tensor, exponent: Poly) -> Rule:
    return Rule(result(x, exponent), {"x": "zeros_like(x)" if exponent == 0 else "g * (exponent * x ** (exponent - 1))"})


@primitive
def _pow_of_number(x: Poly, exponent: Tensor) -> Rule:
    base = () if x == 1 else (poly(ITEMSIZE["float64"]),)  # the number as a tensor on the device
    return Rule(result(x, exponent), {"exponent": "g * kept(y * x, exponent)"}, scratch=base)


@op
def pow(x: Tensor | Poly, exponent: Tensor | Poly) -> Tensor:
    """y = x ** exponent"""
    if isinstance(exponent, Poly):
        powered: Tensor = _pow_number(x, exponent)
        return powered
    y: Tensor = _pow_tensor(x, exponent) if isinstance(x, Tensor) else _pow_of_number(x, exponent)
    return y


@op
def square(x: Tensor) -> Tensor:
    """y = x²"""
    squared: Tensor = pow(x, poly(2))
    return squared


@op
@primitive
def sqrt(x: Tensor) -> Rule:
    """y = √x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / (2 * y)"})


@op
@primitive
def rsqrt(x: Tensor) -> Rule:
    """y = 1 / √x"""
    return Rule(result(x, dtype=floating(x)), {"x": "(-1 * g) * y ** 3"})


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
