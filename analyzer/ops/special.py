"""Less common functions, element by element.

Source: torchgen/packaged/autograd/derivatives.yaml, torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import FLOATING, Rule, Tensor
from analyzer.ops import unary
from analyzer.ops.comparison import eq, ne
from analyzer.ops.elementwise import floating, mul, promoted, result
from analyzer.ops.layout import dimension
from analyzer.ops.registry import alias, op, primitive
from analyzer.polynomial import ZERO, Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@op
@primitive
def asin(x: Tensor) -> Rule:
    """y = arcsin x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * rsqrt(-x * x + 1)"})


@op
@primitive
def acos(x: Tensor) -> Rule:
    """y = arccos x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * -rsqrt(-x * x + 1)"})


@op
@primitive
def asinh(x: Tensor) -> Rule:
    """y = the number whose hyperbolic sine is x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * rsqrt(x ** 2 + 1)"})


@op
@primitive
def acosh(x: Tensor) -> Rule:
    """y = the number whose hyperbolic cosine is x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * rsqrt(x * x - 1)"})


@op
@primitive
def atanh(x: Tensor) -> Rule:
    """y = the number whose hyperbolic tangent is x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * 1 / (1 - x ** 2)"})


@op
@primitive
def erfc(x: Tensor) -> Rule:
    """y = 1 - erf x"""
    return Rule(result(x, dtype=floating(x)), {"x": "2 * exp(-(x ** 2)) * g"})


@op
@primitive
def erfinv(x: Tensor) -> Rule:
    """y = the number whose erf is x"""
    return Rule(result(x, dtype=floating(x)), {"x": "2 * exp(abs(x) ** 2) * g"})


@op
@primitive
def logit(x: Tensor, *, eps: float | None = None) -> Rule:
    """y = ln(x / (1 - x))"""
    return Rule(result(x, dtype=floating(x)), {"x": "logit_backward(g, x)"})


@op
@primitive
def frac(x: Tensor) -> Rule:
    """y = x without its whole part"""
    return Rule(result(x), {"x": "g"})


@op
@primitive
def remainder(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x - other ⌊x / other⌋"""
    return Rule(result(x, other), {"other": "-g * (x / other)", "x": "g"})


@op
@primitive
def fmod(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x - other (x / other towards 0)"""
    return Rule(result(x, other), {"other": "-g * (x / other)", "x": "g"})


@op
@primitive
def hypot(x: Tensor, other: Tensor) -> Rule:
    """y = √(x² + other²)"""
    return Rule(result(x, other), {"other": "g * other / y", "x": "g * x / y"})


@op
@primitive
def logaddexp(x: Tensor, other: Tensor) -> Rule:
    """y = ln(e^x + e^other)"""
    return Rule(result(x, other), {"other": "g / (1 + exp(x - other))", "x": "g / (1 + exp(other - x))"})


@op
@primitive
def floor_divide(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = ⌊x / other⌋, of whole numbers"""
    if promoted(x, other) in FLOATING:
        raise Refused("floor_divide has a rule for whole numbers only", "div, then floor")
    return Rule(result(x, other))


@op
@primitive
def bitwise_and(x: Tensor, other: Tensor) -> Rule:
    """y = x and other, bit by bit"""
    return Rule(result(x, other, dtype=_bits(x, other)))


@op
@primitive
def bitwise_or(x: Tensor, other: Tensor) -> Rule:
    """y = x or other, bit by bit"""
    return Rule(result(x, other, dtype=_bits(x, other)))


@op
@primitive
def bitwise_xor(x: Tensor, other: Tensor) -> Rule:
    """y = x xor other, bit by bit"""
    return Rule(result(x, other, dtype=_bits(x, other)))


@op
@primitive
def bitwise_not(x: Tensor) -> Rule:
    """y = not x, bit by bit"""
    return Rule(result(x, dtype=_bits(x)))


def _bits(*operands: Tensor) -> str:
    """The dtype of a result. Raises Refused for floating-point numbers."""
    if promoted(*operands) in FLOATING:
        raise Refused(f"bitwise ops take bool or whole numbers, not {promoted(*operands)}")
    return promoted(*operands)


@op
def isfinite(x: Tensor) -> Tensor:
    """y = whether x is a number and not infinite"""
    if x.dtype not in FLOATING:
        raise Refused("isfinite has a rule for floating-point numbers", "whole numbers are finite")
    same = eq(x, x)
    size = unary.abs(x)
    y: Tensor = mul(same, ne(size, ZERO))
    return y


@op
def isinf(x: Tensor) -> Tensor:
    """y = whether x is infinite"""
    if x.dtype not in FLOATING:
        raise Refused("isinf has a rule for floating-point numbers", "whole numbers are finite")
    y: Tensor = eq(unary.abs(x), ZERO)
    return y


@op
@primitive
def cross(x: Tensor, other: Tensor, *, dim: int) -> Rule:
    """y = x × other along a dimension of size 3"""
    at = dimension(dim, len(x.shape))
    if len(x.shape) != len(other.shape) or not all(map(sizes().same, x.shape, other.shape)) or sizes().number(x.shape[at]) != 3:
        raise Refused(f"cross needs two tensors of one shape with 3 along dimension {dim}, not {show(x.shape)} and {show(other.shape)}")
    return Rule(result(x, other), {"other": "cross_backward(g, x)", "x": "cross_backward(other, g)"})


for _name, _function in {"arcsin": asin, "arccos": acos, "arcsinh": asinh, "arccosh": acosh, "arctanh": atanh}.items():
    alias(_name, _function)
