"""Arithmetic, one output element for each input element."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from analyzer.graph import FLOATING, ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops import layout
from analyzer.ops.registry import Operand, op, primitive
from analyzer.polynomial import Poly
from analyzer.tracing import Refused, current

HALF_MAX = 65504
NUMERIC_ORDER = ("bool", "uint8", "int8", "int16", "int32", "int64", "float8", "float16", "bfloat16", "float32", "float64")


class Typed(Protocol):
    """A tensor of the trace, or an array of the simulation."""

    @property
    def shape(self) -> Shape: ...
    @property
    def dtype(self) -> str: ...


def promoted(*operands: Operand) -> str:
    """The dtype of a result: the widest of the tensors with dimensions, numbers and scalars yielding to them."""
    tensors = [t for t in operands if isinstance(t, Tensor)]
    numbers = [n.constant for n in operands if isinstance(n, Poly)]
    found = promoted_dtype(*tensors)
    if found not in FLOATING and any(isinstance(n, Fraction) for n in numbers):
        return "float32"
    return "int64" if found == "bool" and numbers else found


def promoted_dtype(*tensors: Typed) -> str:
    """The widest dtype of the tensors with dimensions, scalars yielding to them unless they are of a higher kind."""
    dtypes = {t.dtype for t in tensors if t.shape} or {t.dtype for t in tensors}
    if dtypes >= {"float16", "bfloat16"} and "float64" not in dtypes:
        return "float32"
    if not dtypes & FLOATING and any(t.dtype in FLOATING for t in tensors):
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


def statement(value: Tensor, *temporaries: Tensor) -> Tensor:
    """The value of a statement in C++ or Python; what the statement made on the way goes."""
    for temporary in temporaries:
        current().release(temporary)
    return value


@op
@primitive
def add(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x + other"""
    return Rule(result(x, other), {"other": "g", "x": "g"})


@op
@primitive
def sub(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x - other"""
    return Rule(result(x, other), {"other": "-g", "x": "g"})


@op
@primitive
def rsub(x: Tensor, other: Poly) -> Rule:
    """y = other - x"""
    return Rule(result(x), {"x": "-g"})


@op
@primitive
def mul(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x * other"""
    return Rule(result(x, other), {"other": "g * x", "x": "g * other"})


@op
@primitive
def div(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x / other"""
    dtype = promoted(x, other)
    quotient = result(x, other, dtype=dtype if dtype in FLOATING else "float32")  # also of whole numbers
    return Rule(quotient, {"other": "-g * ((x / other) / other)", "x": "g / other"})


@op
@primitive
def neg(x: Tensor) -> Rule:
    """y = -x"""
    return Rule(result(x), {"x": "-g"})


@op
@primitive
def clamp(x: Tensor, *, min: float | None = None, max: float | None = None) -> Rule:
    """y = x held between min and max"""
    if min is None and max is None:
        raise Refused("clamp needs min or max")
    mask = "compare(x)" if min is None or max is None else "logical_and_(compare(x), compare(x))"
    return _held(x, f"where({mask}, g, scalar())", min, max)


def _held(x: Tensor, formula: str, *bounds: float | None) -> Rule:
    """x held by bounds: whole numbers that a fraction holds, and bools, are cast first (ATen/native/TensorCompare.cpp)."""
    fractions = x.dtype not in FLOATING and any(isinstance(bound, float) for bound in bounds)
    cast = "float32" if fractions else "int64" if x.dtype == "bool" else ""
    held = result(x, dtype=cast)
    return Rule(held, {"x": formula}, copies=(held.bytes,) if cast else ())


@op
@primitive
def masked_fill(x: Tensor, mask: Tensor, *, value: float = 0.0) -> Rule:
    """y = value where mask, else x"""
    fillable(x, mask, value)
    return Rule(Spec(layout.broadcast(x.shape, mask.shape), x.dtype), {"x": "masked_fill(g, mask)"})  # row-major, whatever x is


def fillable(x: Tensor, mask: Tensor, value: float) -> None:
    """Raises Refused where PyTorch would not fill: the mask is not of bool, or float16 has no such number."""
    if mask.dtype != "bool":
        raise Refused(f"a mask is of bool, not {mask.dtype}", "compare: ne: {in: mask, other: 0}")
    if x.dtype == "float16" and abs(value) > HALF_MAX:
        raise Refused(f"{value:g} is beyond float16", "at most 65504")


@op
@primitive
def clamp_min(x: Tensor, *, min: float) -> Rule:
    """y = max(x, min)"""
    return _held(x, "where(compare(x), g, scalar())", min)


@op
@primitive
def clamp_max(x: Tensor, *, max: float) -> Rule:
    """y = min(x, max)"""
    return _held(x, "where(compare(x), g, scalar())", max)


@op
@primitive
def maximum(x: Tensor, other: Tensor) -> Rule:
    """y = the larger of x and other"""
    half = "masked_fill_(where(compare(x, other), g / 2, g), compare(x, other))"
    return Rule(result(x, other), {"other": half, "x": half})


@op
@primitive
def minimum(x: Tensor, other: Tensor) -> Rule:
    """y = the smaller of x and other"""
    half = "masked_fill_(where(compare(x, other), g / 2, g), compare(x, other))"
    return Rule(result(x, other), {"other": half, "x": half})


@op
@primitive
def xlogy(x: Tensor, other: Tensor) -> Rule:
    """y = x ln(other), 0 where x is 0"""
    grads = {"other": "g * x / other", "x": "masked_fill(xlogy(g, other), logical_and(compare(x), compare(other)))"}
    return Rule(result(x, other, dtype="" if promoted(x, other) in FLOATING else "float32"), grads)


@primitive
def _where(condition: Tensor, x: Tensor, other: Tensor) -> Rule:
    chosen = promoted(x, other)
    cast = tuple(t.elements * ITEMSIZE[chosen] for t in (x, other) if t.dtype != chosen)
    return Rule(
        result(condition, x, other, dtype=chosen),
        {"other": "where(condition, scalar(), g)", "x": "where(condition, g, scalar())"},
        copies=cast,
    )


@primitive
def _scalar_tensor(dtype: str) -> Rule:
    return Rule(Spec((), dtype))


@op
def where(condition: Tensor, x: Tensor | Poly, other: Tensor | Poly) -> Tensor:
    """y = x where the condition holds, else other"""
    if not isinstance(x, Tensor) and not isinstance(other, Tensor):
        raise Refused("where needs a tensor to choose from")
    dtype = promoted(x, other)
    other = other if isinstance(other, Tensor) else _scalar_tensor(dtype)
    x = x if isinstance(x, Tensor) else _scalar_tensor(dtype)
    y: Tensor = _where(condition, x, other)
    return y


@op
@primitive
def lerp(x: Tensor, end: Tensor, weight: Tensor | Poly) -> Rule:
    """y = x + weight (end - x)"""
    grads = {"end": "g * weight", "x": "g * (1 - weight)", "weight": "kept(g, weight) * (end - x)"}
    return Rule(result(x, end, weight), grads)


@op
@primitive
def addcmul(x: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1.0) -> Rule:
    """y = x + value tensor1 tensor2"""
    grads = {"x": "g", "tensor1": "g * (tensor2 * 1)", "tensor2": "g * (tensor1 * 1)"}
    return Rule(result(x, tensor1, tensor2), grads)


@op
@primitive
def addcdiv(x: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1.0) -> Rule:
    """y = x + value tensor1 / tensor2"""
    grads = {"x": "g", "tensor1": "g * (1 / tensor2)", "tensor2": "-g * (1 * tensor1 / (tensor2 * tensor2))"}
    return Rule(result(x, tensor1, tensor2), grads)
