"""Arithmetic, one output element for each input element."""

from __future__ import annotations

from analyzer.graph import FLOATING, ITEMSIZE, Rule, Spec, Tensor
from analyzer.ops import layout
from analyzer.ops.registry import Operand, op, primitive
from analyzer.polynomial import Poly
from analyzer.tracing import Refused

NUMERIC_ORDER = ("bool", "uint8", "int8", "int16", "int32", "int64", "float8", "float16", "bfloat16", "float32", "float64")


def promoted(*operands: Operand) -> str:
    """The dtype of a result: the widest of the tensors with dimensions, numbers and scalars yielding to them."""
    tensors = [t for t in operands if isinstance(t, Tensor)]
    ranked = [t for t in tensors if t.shape] or tensors
    dtypes = {t.dtype for t in ranked}
    if dtypes == {"float16", "bfloat16"}:
        return "float32"
    if any(t.dtype in FLOATING for t in tensors) and not dtypes & FLOATING:
        return "float32"
    return max(dtypes, key=NUMERIC_ORDER.index)


def result(*operands: Operand, dtype: str = "") -> Spec:
    """What an elementwise kernel over these operands allocates."""
    tensors = [t for t in operands if isinstance(t, Tensor)]
    shape = layout.broadcast(*(t.shape for t in tensors))
    strides = layout.elementwise_strides(shape, [(t.shape, t.strides) for t in tensors])
    return Spec(shape, dtype or promoted(*operands), strides)


def floating(x: Tensor) -> str:
    """The dtype of a function that turns integers into floats."""
    return x.dtype if x.dtype in FLOATING else "float32"


@op
@primitive
def add(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x + other"""
    return Rule(result(x, other), {"x": "g", "other": "g"})


@op
@primitive
def sub(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x - other"""
    return Rule(result(x, other), {"x": "g", "other": "-g"})


@op
@primitive
def rsub(x: Tensor, other: Poly) -> Rule:
    """y = other - x"""
    return Rule(result(x), {"x": "-g"})


@op
@primitive
def mul(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x * other"""
    return Rule(result(x, other), {"x": "g * other", "other": "g * x"})


@op
@primitive
def div(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x / other"""
    return Rule(result(x, other, dtype=floating(x) if not isinstance(other, Tensor) else ""),
                {"other": "-g * ((x / other) / other)", "x": "g / other"})  # fmt: skip


@op
@primitive
def reciprocal(x: Tensor) -> Rule:
    """y = 1 / x"""
    return Rule(result(x, dtype=floating(x)), {"x": "-g * (y * y)"})


@op
@primitive
def neg(x: Tensor) -> Rule:
    """y = -x"""
    return Rule(result(x), {"x": "-g"})


@op
@primitive
def pow(x: Tensor, exponent: Poly) -> Rule:
    """y = x ** exponent"""
    return Rule(result(x), {"x": "g * (2 * x ** 1)"})


@op
@primitive
def exp(x: Tensor) -> Rule:
    """y = e ** x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g * y"})


@op
@primitive
def log(x: Tensor) -> Rule:
    """y = ln x"""
    return Rule(result(x, dtype=floating(x)), {"x": "g / x"})


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
def abs(x: Tensor) -> Rule:
    """y = |x|"""
    return Rule(result(x), {"x": "g * sgn(x)"})


@op
def square(x: Tensor) -> Tensor:
    """y = x²"""
    squared: Tensor = pow(x, 2)
    return squared


@op
@primitive
def clamp(x: Tensor, *, min: float | None = None, max: float | None = None) -> Rule:
    """y = x held between min and max"""
    if min is None and max is None:
        raise Refused("clamp needs min or max")
    mask = "compare(x)" if min is None or max is None else "logical_and_(compare(x), compare(x))"
    return Rule(result(x), {"x": f"where({mask}, g, scalar())"})


@op
@primitive
def masked_fill(x: Tensor, mask: Tensor, *, value: float = 0.0) -> Rule:
    """y = value where mask, else x"""
    return Rule(result(x, mask, dtype=x.dtype), {"x": "masked_fill(g, mask)"})


@primitive
def _cast(x: Tensor, dtype: str) -> Rule:
    return Rule(result(x, dtype=dtype), {"x": "cast(g, x.dtype)"})


@op
def to(x: Tensor, *, dtype: str) -> Tensor:
    """y = x in another dtype; x itself where it has it"""
    converted: Tensor = x if x.dtype == dtype else _cast(x, dtype)
    return converted


@op
def div_(x: Tensor, other: Poly) -> Tensor:
    """x ← x / other, in place; other is a number"""
    divided: Tensor = _div_(x, other)
    return divided


@primitive
def _div_(x: Tensor, other: Poly) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {"x": "g / other"}, inplace="x")


def itemsize(x: Tensor) -> int:
    """Bytes of one element."""
    return ITEMSIZE[x.dtype]
