"""How an op is declared, and the table of all that are.

`@primitive` turns a function that returns a Rule into one that records a step and returns tensors. `@op` puts a
function into the vocabulary of configs under its own name: its signature is its schema, its docstring its equation.
Tensors come first, attributes are keyword-only.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any

from analyzer.graph import Rule, Tensor
from analyzer.polynomial import Poly
from analyzer.tracing import current


class Ratio(Poly):
    """A size that may be a fraction: only the annotation of an attribute."""


Probability = Annotated[float, "probability"]  # an attribute from 0 to 1
Result = Tensor | tuple[Tensor, ...]
Operand = Tensor | Poly  # a tensor, or a number that takes no memory


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an op: a tensor, several tensors, or an attribute with its kinds and default."""

    name: str
    kinds: tuple[str, ...]  # what KINDS names
    default: object = inspect.Parameter.empty
    keyword: bool = False

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is inspect.Parameter.empty

    @property
    def takes_tensor(self) -> bool:
        """Whether a tensor may stand here."""
        return "tensor" in self.kinds or "tensors" in self.kinds


@dataclass(frozen=True, slots=True)
class Op:
    """One word of the vocabulary."""

    name: str
    family: str
    declared: Callable[..., Any]  # as it is written
    function: Callable[..., Result]

    @property
    def equation(self) -> str:
        """What the docstring says, in one line."""
        return " ".join((inspect.getdoc(self.declared) or "").split())

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the signature says; read when it is first asked for, as few of the many ops are used at once."""
        return _arguments(self.declared)

    @property
    def is_module(self) -> bool:
        """Whether it is a torch.nn class (made once, called many times) rather than a function."""
        return self.name[0].isupper()


OPS: dict[str, Op] = {}
KINDS: dict[object, str] = {
    Tensor: "tensor", list[Tensor]: "tensors", Poly: "size", list[Poly]: "sizes", float: "number", str: "word",
    bool: "flag", type(None): "none", int: "index", list[int]: "indices",
    Ratio: "ratio", Probability: "probability",
}  # fmt: skip


def op(function: Callable[..., Any]) -> Callable[..., Any]:
    """Put a function into the vocabulary."""
    if function.__name__ in OPS:
        raise ValueError(f"op {function.__name__} is declared twice")
    traced = function if hasattr(function, "rule") else _composite(function)
    family = function.__module__.rpartition(".")[2]
    OPS[function.__name__] = Op(function.__name__, family, inspect.unwrap(function), traced)
    return traced


@functools.cache
def _arguments(declared: Callable[..., Any]) -> tuple[Argument, ...]:
    hints, parameters = typing.get_type_hints(declared, include_extras=True), inspect.signature(declared).parameters.values()
    return tuple(Argument(p.name, _kinds(hints[p.name]), p.default, p.kind is p.KEYWORD_ONLY) for p in parameters)


def module(name: str, function: Callable[..., Any]) -> None:
    """Put a torch.nn class without parameters into the vocabulary: a declared function under another name."""
    if name in OPS:
        raise ValueError(f"op {name} is declared twice")
    OPS[name] = replace(OPS[function.__name__], name=name, function=_composite(function))


def alias(name: str, function: Callable[..., Any]) -> None:
    """Put a declared function into the vocabulary under the other name that torch has for it."""
    module(name, function)


@contextmanager
def prepared(name: str, args: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arguments of an op, cast where autocast is on and says so."""
    if not current().autocast:
        yield args
        return
    from analyzer.ops import autocast  # its cast is an op itself

    with autocast.prepared(name, args) as ready:
        yield ready


def latest(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments with tensors as they are after the in-place ops on them."""
    tracer = current()
    return tuple(tracer.current(a) if isinstance(a, Tensor) else [latest((t,))[0] for t in a] if isinstance(a, list) else a for a in args)


def _kinds(hint: object) -> tuple[str, ...]:
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union else (hint,)
    return tuple(KINDS[part] for part in parts)


def _composite(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def traced(*args: Any, **attributes: Any) -> Any:
        tracer = current()
        tracer.push()
        with prepared(function.__name__, latest(args)) as ready:
            result = function(*ready, **attributes)
        results = tracer.pop(result if isinstance(result, tuple) else (result,))
        return results if isinstance(result, tuple) else results[0]

    return traced


def primitive(rule: Callable[..., Rule]) -> Callable[..., Any]:
    """Make the function that applies a rule: it records a step and returns its output, or outputs as a tuple."""
    code = rule.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(rule)
    def applied(*given: Any, **attributes: Any) -> Any:
        with prepared(rule.__name__.lstrip("_"), latest(given)) as args:
            return record(args, attributes)

    def record(args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        inputs: dict[str, Tensor] = {}
        for name, value in zip(names, args):
            if isinstance(value, Tensor):
                inputs[name] = value
            elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Tensor):
                inputs |= {f"{name}{i}": tensor for i, tensor in enumerate(value)}
        numbers = {name: value for name, value in zip(names, args) if isinstance(value, (int, Poly))}
        outcome = rule(*args, **attributes)
        if numbers:
            outcome = replace(outcome, constants={**numbers, **outcome.constants})
        outputs = current().step(rule.__name__.strip("_"), outcome, inputs)
        return outputs if isinstance(outcome.out, tuple) else outputs[0]

    applied.rule = rule  # type: ignore[attr-defined]
    return applied
