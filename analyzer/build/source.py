"""The sections of a config as checked values: symbols, inputs, blocks, modules, statements, run settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping as MappingOf
from dataclasses import dataclass, field

from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

SECTIONS = (
    "name", "doc", "source", "include", "symbols", "inputs", "blocks", "modules", "layers", "outputs", "loss",
    "inference", "run", "tables", "tie", "frozen", "data", "notes",
)  # fmt: skip
CONTROL = ("repeat", "let", "as", "del", "retain", "no_grad")
RESERVED = ("in", "as", "name")


@dataclass(frozen=True, slots=True)
class Statement:
    """One item of `layers`: a word (op, block, module or control) and what is given to it."""

    word: str
    origin: Origin
    value: Value | None  # the leading argument, or None
    options: MappingOf[str, Value] = field(default_factory=dict)
    body: tuple["Statement", ...] = ()
    name: str = ""  # of the module instance it makes

    def option(self, key: str) -> Value | None:
        """A named argument, or None."""
        return self.options.get(key)


@dataclass(frozen=True, slots=True)
class Block:
    """A macro: inputs, parameters with defaults, own modules, statements, outputs."""

    name: str
    origin: Origin
    inputs: tuple[str, ...]
    symbols: tuple[tuple[str, Value], ...]
    modules: MappingOf[str, "Module"]
    layers: tuple[Statement, ...]
    outputs: tuple[Scalar, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """A named instance: its statement, and the shapes to infer sizes from when it is never called."""

    statement: Statement
    shapes: tuple[Sequence, ...] = ()


@dataclass(frozen=True, slots=True)
class Problems:
    """Collects problems so that one reading reports all of them."""

    found: list[Problem] = field(default_factory=list)

    def add(self, origin: Origin, message: str, hint: str = "") -> None:
        """Remember a problem."""
        self.found.append(Problem(origin, message, hint))

    def raise_any(self) -> None:
        """Raise InvalidConfig if there was a problem."""
        if self.found:
            raise InvalidConfig(*self.found)


def check_keys(mapping: Mapping, known: Iterable[str], what: str, problems: Problems) -> None:
    """Report keys that are not known."""
    words = tuple(known)
    for key, _ in mapping.entries:
        if key.value not in words:
            problems.add(key.origin, f"unknown key '{key.value}' in {what}", nearest(str(key.value), words))


def as_mapping(value: Value | None, what: str, problems: Problems) -> Mapping | None:
    """The value if it is a mapping; a problem if it is something else."""
    if isinstance(value, Mapping):
        return value
    if value is not None and not (isinstance(value, Scalar) and value.value is None):
        problems.add(value.origin, f"{what} must be a mapping of names to values")
    return None


def as_items(value: Value | None, what: str, problems: Problems) -> tuple[Value, ...]:
    """The items of a list; a single word counts as a list of one."""
    if isinstance(value, Sequence):
        return value.items
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return (value,)
    if value is not None and not (isinstance(value, Scalar) and value.value is None):
        problems.add(value.origin, f"{what} must be a list")
    return ()


def words(value: Value | None, what: str, problems: Problems) -> tuple[Scalar, ...]:
    """The words of a list."""
    result = []
    for item in as_items(value, what, problems):
        if isinstance(item, Scalar) and isinstance(item.value, str) and item.value.isidentifier():
            result.append(item)
        else:
            problems.add(item.origin, f"{what} must be names")
    return tuple(result)
