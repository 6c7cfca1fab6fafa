"""Arguments of ops: YAML values converted by the op's own signature."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from analyzer.build.frame import Frame, Poison
from analyzer.build.source import RESERVED, Statement
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import NotWhole, evaluate
from analyzer.expressions import size
from analyzer.graph import Tensor
from analyzer.ops import Argument, Op
from analyzer.polynomial import Poly
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import sizes

WANTED = {
    "tensor": "the name of a tensor", "size": "a whole number or an expression", "sizes": "a list of whole numbers",
    "number": "a number", "index": "a whole number", "indices": "a list of whole numbers", "word": "a word",
    "flag": "true or false", "none": "null",
}  # fmt: skip


def refuse(origin: Origin, message: str, hint: str = "") -> InvalidConfig:
    """An InvalidConfig with one problem."""
    return InvalidConfig(Problem(origin, message, hint))


def symbol(frame: Frame, origin: Origin) -> Any:
    """A lookup of sizes for expressions. Raises InvalidConfig for a name that is no size."""

    def lookup(name: str) -> Poly:
        value = frame.symbols.get(name)
        if isinstance(value, Poly):
            return value
        if name in frame.symbols:
            raise refuse(origin, f"'{name}' is {value!r}, not a number")
        if name in frame.variables:
            raise refuse(origin, f"'{name}' is a tensor, not a size")
        raise refuse(origin, f"unknown symbol '{name}'", nearest(name, frame.symbols))

    return lookup


def size_of(value: Value, frame: Frame) -> Poly:
    """A size. Raises InvalidConfig when the value is none."""
    if not isinstance(value, Scalar) or isinstance(value.value, bool) or value.value is None:
        raise refuse(value.origin, "expected a whole number or an expression")
    return size(value.value, symbol(frame, value.origin), value.origin)


def tensor_of(name: str, origin: Origin, frame: Frame) -> Tensor | Poison:
    """The tensor that a name stands for. Raises InvalidConfig when there is none."""
    if name in frame.variables:
        frame.used.add(name)
        return frame.variables[name]
    if name in frame.symbols:
        raise refuse(origin, f"'{name}' is a symbol, not a tensor")
    raise refuse(origin, f"'{name}' is used before it is defined", nearest(name, frame.variables))


def incoming(statement: Statement, frame: Frame) -> list[Tensor | Poison]:
    """The tensors a statement takes: named by `in`, else the previous result."""
    given = statement.option("in")
    if given is None:
        return list(frame.previous)
    items = given.items if isinstance(given, Sequence) else (given,)
    result = []
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            raise refuse(item.origin, "'in' must name tensors")
        result.append(tensor_of(item.value, item.origin, frame))
    return result


def bound_names(statement: Statement) -> tuple[str, ...]:
    """The names under `as`."""
    given = statement.option("as")
    if given is None:
        return ()
    items = given.items if isinstance(given, Sequence) else (given,)
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or not item.value.isidentifier():
            raise refuse(item.origin, "'as' must be a name or a list of names")
    return tuple(str(item.value) for item in items if isinstance(item, Scalar))


def op_arguments(op: Op, statement: Statement, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
    """Positional tensors and keyword attributes of a call. Raises InvalidConfig listing everything wrong with it."""
    tensors = incoming(statement, frame)
    given = _named(op, statement)
    positional: list[Any] = []
    attributes: dict[str, Any] = {}
    problems: list[Problem] = []
    for argument in op.arguments:
        try:
            if argument.name in given:
                value = convert(argument, given[argument.name], frame)
            elif argument.takes_tensor and tensors and argument.required or (argument.takes_tensor and tensors):
                value = tensors if "tensors" in argument.kinds else tensors.pop(0)
                tensors = [] if "tensors" in argument.kinds else tensors
            elif argument.required:
                raise refuse(statement.origin, f"{op.name} needs {argument.name}", f"{WANTED.get(argument.kinds[0], '')}")
            else:
                value = argument.default
        except InvalidConfig as error:
            problems.extend(error.problems)
            continue
        _place(argument, value, positional, attributes)
    if tensors and not problems and statement.option("in") is not None:
        problems.append(Problem(statement.origin, f"{op.name} takes {len(positional)} tensor(s), not {len(positional) + len(tensors)}"))
    if problems:
        raise InvalidConfig(*problems)
    return positional, attributes


def _place(argument: Argument, value: Any, positional: list[Any], attributes: dict[str, Any]) -> None:
    if not argument.keyword:
        positional.append(value)
    else:
        attributes[argument.name] = value


def _named(op: Op, statement: Statement) -> dict[str, Value]:
    """Arguments by name; a value alone is the first argument after the input."""
    known = [a.name for a in op.arguments]
    given = {k: v for k, v in statement.options.items() if k not in RESERVED}
    unknown = [k for k in given if k not in known]
    if unknown:
        value = given[unknown[0]]
        origin = Origin(value.origin.path, value.origin.line, value.origin.column)
        hint = nearest(unknown[0], [*known[1:], *RESERVED])
        raise InvalidConfig(*(Problem(given[k].origin if k != unknown[0] else origin, f"{op.name} has no argument '{k}'",
                                      hint if k == unknown[0] else nearest(k, known)) for k in unknown))  # fmt: skip
    if statement.value is not None:
        rest = [a.name for a in op.arguments if not (a is op.arguments[0] and a.takes_tensor)]
        if not rest:
            raise refuse(statement.value.origin, f"{op.name} takes no argument")
        given[rest[0]] = statement.value
    return given


def convert(argument: Argument, value: Value, frame: Frame) -> Any:
    """A YAML value as the argument wants it. Raises InvalidConfig saying what was expected."""
    for kind in sorted(argument.kinds, key=lambda k: k == "sizes"):
        matched, result = _as_kind(kind, value, frame)
        if matched:
            return result
    wanted = " or ".join(WANTED[k] for k in argument.kinds if k != "none")
    raise refuse(value.origin, f"'{argument.name}' must be {wanted}")


def _as_kind(kind: str, value: Value, frame: Frame) -> tuple[bool, Any]:
    if isinstance(value, Mapping):
        return False, None
    if isinstance(value, Sequence):
        if kind == "sizes":
            return True, [size_of(item, frame) for item in value.items]
        if kind == "indices":
            return True, [_whole(item, frame) for item in value.items]
        if kind == "tensors":
            return True, [tensor_of(str(i.value), i.origin, frame) for i in value.items if isinstance(i, Scalar)]
        return False, None
    return _scalar_as(kind, value, frame)


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
        case "tensor", str() if raw in frame.variables or raw not in frame.symbols and raw.isidentifier():
            return True, tensor_of(raw, value.origin, frame)
        case ("size", str() | int() | Fraction()) if not isinstance(raw, bool):
            return True, size_of(value, frame)
        case ("sizes", str() | int()) if not isinstance(raw, bool):
            return True, [size_of(value, frame)]
        case ("number", str() | int() | Fraction()) if not isinstance(raw, bool):
            return True, float(_number(value, frame))
        case ("index", str() | int()) if not isinstance(raw, bool):
            return True, _whole(value, frame)
        case ("indices", str() | int()) if not isinstance(raw, bool):
            return True, [_whole(value, frame)]
    return False, None


def _number(value: Scalar, frame: Frame) -> Fraction:
    result = size_of(value, frame)
    if result.constant is not None:
        return Fraction(result.constant)
    return Fraction(evaluate(result, sizes().values))


def _whole(value: Value, frame: Frame) -> int:
    result = size_of(value, frame)
    try:
        return evaluate(result, sizes().values)
    except NotWhole as error:
        raise refuse(value.origin, str(error)) from None


