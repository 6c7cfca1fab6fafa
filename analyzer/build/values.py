"""YAML values as what an op's signature wants: tensors, sizes, numbers, words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as MappingOf
from fractions import Fraction
from math import prod
from typing import Any

from analyzer.assumptions import Assumption
from analyzer.build.frame import Bound, Frame, Word
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import NotWhole, exact
from analyzer.expressions import size
from analyzer.graph import ITEMSIZE
from analyzer.ops import Argument
from analyzer.polynomial import ONE, Number, Poly
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import sizes

WANTED = {
    "tensor": "the name of a tensor", "tensors": "a list of tensors", "size": "a whole number or an expression",
    "sizes": "a list of whole numbers", "number": "a number", "index": "a whole number", "indices": "a list of whole numbers",
    "ratio": "a number or an expression", "probability": "a number from 0 to 1", "word": "a word", "flag": "true or false", "none": "null",
}  # fmt: skip
CHOICES: MappingOf[str, tuple[str, ...]] = {
    "dtype": tuple(ITEMSIZE), "reduction": ("none", "mean", "sum"), "approximate": ("none", "tanh"),
    "padding": ("same", "valid"),
}  # fmt: skip
MAX_RANK, MAX_TERMS, MAX_DEGREE = 64, 1000, 256


def refuse(origin: Origin, message: str, hint: str = "") -> InvalidConfig:
    """An InvalidConfig with one problem."""
    return InvalidConfig(Problem(origin, message, hint))


def shown(value: object) -> str:
    """A value as a message names it."""
    if isinstance(value, Sequence):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping"
    plain = value.value if isinstance(value, Scalar) else value
    if plain is None or isinstance(plain, bool):
        return {None: "null", True: "true", False: "false"}[plain]
    if isinstance(plain, (int, Fraction)):
        return str(plain if isinstance(plain, int) else float(plain))
    return f"'{plain}'"


def symbol(frame: Frame, source: Scalar) -> Callable[[str], Poly]:
    """A lookup of sizes for an expression. Raises InvalidConfig for a name that is no size."""

    def lookup(name: str) -> Poly:
        value = frame.symbols.get(name)
        if isinstance(value, Poly):
            return value
        if isinstance(value, Word):
            raise refuse(value.origin, f"unknown symbol '{value}'", nearest(value, frame.symbols))
        if name in frame.symbols:
            raise refuse(source.at(name), f"'{name}' is {shown(value)}, not a number")
        if name in frame.variables:
            raise refuse(source.at(name), f"'{name}' is a tensor, not a size")
        raise refuse(source.at(name), f"unknown symbol '{name}'", nearest(name, frame.symbols))

    return lookup


def size_of(value: Value, frame: Frame) -> Poly:
    """A size, maybe a fraction. Raises InvalidConfig when the value is none."""
    if not isinstance(value, Scalar) or isinstance(value.value, bool) or value.value is None:
        raise refuse(value.origin, f"{shown(value)} is no size", "expected a whole number or an expression")
    return size(value.value, symbol(frame, value), value.origin)


def whole_size_of(value: Value, frame: Frame) -> Poly:
    """A size that is a whole number at the bound symbols. Raises InvalidConfig when it is not."""
    result = size_of(value, frame)
    whole(value, frame)
    return result


def positive_size_of(value: Value, frame: Frame) -> Poly:
    """A size of at least 1. Raises InvalidConfig when it is not."""
    result = whole_size_of(value, frame)
    if whole(value, frame) < 1:
        raise refuse(value.origin, f"{shown(value)} is {whole(value, frame)}", "expected a size of at least 1")
    return result


def whole(value: Value, frame: Frame) -> int:
    """A whole number. Raises InvalidConfig when it is none."""
    number = number_of(value, frame)
    if isinstance(number, Fraction):
        told = shown(value)
        sizes().breaks(Assumption(ONE, "<=", size_of(value, frame)), fraction=True)
        raise refuse(value.origin, f"{told} is not a whole number" if isinstance(value, Scalar) and isinstance(value.value, Fraction)
                     else f"{told} is {number}, not a whole number")  # fmt: skip
    if isinstance(value, Scalar) and isinstance(value.value, str):
        sizes().demand_whole(size_of(value, frame))
    return number


def unwieldy(shape: Iterable[Poly]) -> str:
    """Why a shape is beyond all reason, or nothing."""
    sizes = tuple(shape)
    if len(sizes) > MAX_RANK:
        return f"more than {MAX_RANK} dimensions"
    if prod(max(1, len(size.terms)) for size in sizes) > MAX_TERMS:
        return f"a product of sizes with more than {MAX_TERMS} terms"
    powers = (abs(exponent) for size in sizes for monomial in size.terms for _, exponent in monomial)
    return f"a symbol to a power beyond {MAX_DEGREE}" if any(power > MAX_DEGREE for power in powers) else ""


def shape_of(value: Sequence, frame: Frame, one: Callable[[Value, Frame], Poly]) -> list[Poly]:
    """A list of sizes, each read by `one`. Raises InvalidConfig."""
    shape = [one(item, frame) for item in value.items]
    reason = unwieldy(shape)
    if reason:
        raise refuse(value.origin, f"the shape has {reason}")
    return shape


def number_of(value: Value, frame: Frame) -> Number:
    """A size at the bound symbols. Raises InvalidConfig when it has no value there."""
    try:
        return exact(size_of(value, frame), sizes().values)
    except (ZeroDivisionError, NotWhole) as error:
        raise refuse(value.origin, f"{shown(value)}: {'division by zero' if isinstance(error, ZeroDivisionError) else error}") from None


def tensor_of(name: str, origin: Origin, frame: Frame) -> Bound:
    """The tensor that a name stands for. Raises InvalidConfig when there is none."""
    if name in frame.variables:
        frame.used.add(name)
        return frame.now(frame.variables[name])
    if name in frame.symbols:
        raise refuse(origin, f"'{name}' is a symbol, not a tensor")
    if name in frame.lists:
        raise refuse(origin, f"'{name}' is a list, not a tensor", f"- item: {name} is its tensor for the running iteration of a loop")
    raise undefined(name, origin, frame, frame.variables)


def undefined(name: str, origin: Origin, frame: Frame, known: Iterable[str]) -> InvalidConfig:
    """The problem with a name that nothing visible has."""
    if not name.isidentifier():
        return refuse(origin, f"'{name}' stands where the name of a tensor does", "give it a name in a statement, or in let, before")
    if name in frame.beyond and frame.block:
        message = f"'{name}' is a variable of what calls block '{frame.block}'; the block sees its own inputs"
        return refuse(origin, message, "add it to the block's 'inputs', and to 'in' of its calls")
    if name in frame.beyond:
        return refuse(
            origin, f"'{name}' is a variable of the model; its loss sees inputs and outputs", f"name it under 'outputs': [{name}]"
        )
    return refuse(origin, f"'{name}' is used before it is defined", nearest(name, known))


def wanted(argument: Argument) -> str:
    """What may stand for an argument, in words."""
    kinds = [WANTED[k] for k in argument.kinds if k != "none"]
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]


def convert(argument: Argument, value: Value, frame: Frame) -> Any:
    """A YAML value as the argument wants it. Raises InvalidConfig saying what was expected."""
    named = isinstance(value, Scalar) and value.value in CHOICES.get(argument.name, ())
    for kind in sorted(argument.kinds, key=lambda k: (named and k != "word", k == "sizes")):
        matched, result = _as_kind("operand" if kind == "size" and not argument.keyword else kind, value, frame)
        if matched:
            return allowed(argument, result, value.origin)
    raise refuse(value.origin, f"'{argument.name}' cannot be {shown(value)}", f"expected {wanted(argument)}")


def allowed(argument: Argument, result: Any, origin: Origin) -> Any:
    """A word or a number that the argument may be. Raises InvalidConfig saying what it may be."""
    choices = CHOICES.get(argument.name, ())
    if choices and isinstance(result, str) and result not in choices:
        raise refuse(origin, f"'{argument.name}' cannot be '{result}'", nearest(result, choices))
    if "probability" in argument.kinds and isinstance(result, float) and not 0 <= result <= 1:
        raise refuse(origin, f"'{argument.name}' cannot be {result:g}", f"expected {wanted(argument)}")
    return result


def _as_kind(kind: str, value: Value, frame: Frame) -> tuple[bool, Any]:
    if isinstance(value, Mapping):
        return False, None
    if isinstance(value, Sequence):
        if kind == "sizes":
            return True, shape_of(value, frame, whole_size_of)
        if kind == "indices":
            return True, [whole(item, frame) for item in value.items]
        if kind == "tensors":
            return True, [_listed(item, frame) for item in value.items]
        return False, None
    return _scalar_as(kind, value, frame)


def _listed(item: Value, frame: Frame) -> Bound:
    """A tensor of a list of tensors."""
    if not isinstance(item, Scalar) or not isinstance(item.value, str):
        raise refuse(item.origin, f"{shown(item)} is no tensor", "expected a list of names")
    return tensor_of(item.value, item.origin, frame)


def _scalar_as(kind: str, value: Scalar, frame: Frame) -> tuple[bool, Any]:
    raw = value.value
    local = frame.symbols.get(raw) if isinstance(raw, str) else None
    match kind, raw:
        case "none", None:
            return True, None
        case "flag", bool():
            return True, raw
        case "flag", str() if isinstance(local, bool):
            return True, local
        case "word", str():
            return True, local if isinstance(local, str) else raw
        case "tensor", str() if raw in frame.variables or (raw not in frame.symbols and raw.isidentifier()):
            return True, tensor_of(raw, value.origin, frame)
    if raw is None or isinstance(raw, bool) or kind not in NUMBERS:
        return False, None
    return True, NUMBERS[kind](value, frame)


def plain_number(value: int | Fraction) -> int | float:
    """A number as Python code would have it: PyTorch takes whole ones for integers, where dtypes are chosen."""
    return int(value) if value == int(value) else float(value)


NUMBERS: MappingOf[str, Callable[[Scalar, Frame], Any]] = {
    "operand": size_of,
    "size": whole_size_of,
    "ratio": size_of,
    "sizes": lambda value, frame: [whole_size_of(value, frame)],
    "number": lambda value, frame: plain_number(number_of(value, frame)),
    "probability": lambda value, frame: float(number_of(value, frame)),
    "index": whole,
    "indices": lambda value, frame: [whole(value, frame)],
}
