"""Arguments of a statement: the tensors it takes, the names it binds, and an op's attributes by its own signature."""

from __future__ import annotations

from typing import Any

from analyzer.build.frame import POISON, Bound, Frame
from analyzer.build.source import CHECKPOINT, NAME, Statement, is_name
from analyzer.build.values import convert, refuse, shown, tensor_of, wanted
from analyzer.document import Scalar, Sequence, Value
from analyzer.ops import Argument, Op
from analyzer.problems import InvalidConfig, Problem, nearest


def operands(statement: Statement, frame: Frame, takes: bool) -> list[Bound]:
    """The tensors that a call takes; one that takes none leaves the previous result, which goes."""
    if takes or statement.option("in") is not None:
        return incoming(statement, frame)
    frame.forget_previous()
    return []


def incoming(statement: Statement, frame: Frame) -> list[Bound]:
    """The tensors a statement takes: named by `in`, else the previous result."""
    given = statement.option("in")
    if given is None:
        return [frame.now(value) for value in frame.previous]
    items = given.items if isinstance(given, Sequence) else (given,)
    result = []
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            raise refuse(item.origin, f"'in' cannot be {shown(item)}", "expected the name of a tensor, or a list of names")
        result.append(tensor_of(item.value, item.origin, frame))
    return result


def bound_names(statement: Statement) -> tuple[str, ...]:
    """The names under `as`. Raises InvalidConfig when they are none."""
    given = statement.option("as")
    if given is None:
        return ()
    items = given.items if isinstance(given, Sequence) else (given,)
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or not is_name(item.value):
            raise refuse(item.origin, f"'as' cannot be {shown(item)}", NAME)
    return tuple(str(item.value) for item in items if isinstance(item, Scalar))


def counted(number: int, what: str) -> str:
    """2 tensors, 1 tensor."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def op_arguments(op: Op, statement: Statement, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
    """Positional tensors and keyword attributes of a call. Raises InvalidConfig listing everything wrong with it."""
    tensors = operands(statement, frame, any(argument.takes_tensor for argument in op.arguments))
    given = _named(op, statement, frame)
    positional: list[Any] = []
    attributes: dict[str, Any] = {}
    problems: list[Problem] = []
    for argument in op.arguments:
        try:
            if argument.name in given:
                value = convert(argument, given[argument.name], frame)
            elif argument.takes_tensor and tensors:
                value = tensors if "tensors" in argument.kinds else tensors.pop(0)
                tensors = [] if "tensors" in argument.kinds else tensors
            elif argument.required:
                raise refuse(statement.origin, f"{op.name} needs '{argument.name}'", f"expected {wanted(argument)}")
            else:
                value = argument.default
        except InvalidConfig as error:
            problems.extend(error.problems)
            continue
        _place(argument, value, positional, attributes)
    if tensors and not problems and POISON not in tensors:
        taken = sum(a.takes_tensor and a.name not in given for a in op.arguments)
        hint = "" if statement.option("in") is not None else "in: NAME says which of the results before"
        problems.append(Problem(statement.place("in"), f"{op.name} takes {counted(taken, 'tensor')}, not {taken + len(tensors)}", hint))
    if problems:
        raise InvalidConfig(*problems)
    return positional, attributes


def _place(argument: Argument, value: Any, positional: list[Any], attributes: dict[str, Any]) -> None:
    if not argument.keyword:
        positional.append(value)
    else:
        attributes[argument.name] = value


def _named(op: Op, statement: Statement, frame: Frame) -> dict[str, Value]:
    """Arguments by name; a value alone is the first argument after the input."""
    problems = unknown_arguments(op, statement)
    if problems:
        raise InvalidConfig(*problems)
    given, alone = statement.given, statement.value
    if alone is not None:
        argument = next(a for a in op.arguments if a.name == _unnamed(op)[0])
        name = alone.value if isinstance(alone, Scalar) else None
        if isinstance(name, str) and name in frame.variables and name not in frame.symbols and not argument.takes_tensor:
            expected = f"to take it: - {op.name}: {{in: {name}}}"
            raise refuse(alone.origin, f"'{name}' is a tensor, and stands in the place of '{argument.name}'", expected)
        given[argument.name] = alone
    return given


def _unnamed(op: Op) -> list[str]:
    """The arguments that a value alone may stand for."""
    return [a.name for a in op.arguments if not (a is op.arguments[0] and a.takes_tensor)]


def unknown_arguments(op: Op, statement: Statement) -> list[Problem]:
    """What is given to an op that it does not take."""
    words = [*(a.name for a in op.arguments), "in", "as", "name"]
    unknown = [k for k in statement.options if k not in words]
    hints = {CHECKPOINT: "only blocks are recomputed"} | {k: nearest(k, words) for k in unknown if k != CHECKPOINT}
    problems = [Problem(statement.place(k), f"{op.name} has no argument '{k}'", hints[k]) for k in unknown]
    if statement.value is not None and not _unnamed(op):
        problems.append(Problem(statement.value.origin, f"{op.name} takes no argument", f"- {op.name}: {{in: x, as: y}}"))
    return problems
