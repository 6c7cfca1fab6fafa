"""Powers and roots."""

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
    power = "pow_backward_exponent(g, x, y, is_zero_power(x, exponent))"
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
