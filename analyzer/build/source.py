"""The sections of a config as checked values: symbols, inputs, blocks, modules, statements, run settings."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from keyword import iskeyword

from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.problems import LONGEST, InvalidConfig, Origin, Problem, nearest
from analyzer.sizes import Broken, RefusedSizes

SECTIONS = (
    "name", "doc", "source", "include", "symbols", "inputs", "blocks", "modules", "layers", "outputs", "loss",
    "inference", "run", "data", "tables", "frozen", "tie", "variants", "notes",
)  # fmt: skip
LISTS = ("list", "append", "item", "replace")  # words about lists of tensors
CONTROL = ("repeat", "let", "as", "del", "retain", "no_grad", "no_autocast", *LISTS)
MAPPINGS = ("let", "append", "replace")  # words whose mapping is no mapping of arguments
REGIONS = ("no_grad", "no_autocast")  # words with statements of their own
CHECKPOINT = "checkpoint"
RESERVED = ("in", "as", "name", CHECKPOINT)
MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Statement:
    """One item of `layers`: a word (op, block, module or control) and what is given to it; no word when unreadable."""

    word: str
    origin: Origin
    value: Value | None  # the leading argument, or None
    options: MappingOf[str, Value] = field(default_factory=dict)
    body: tuple[Statement, ...] = ()
    name: str = ""  # of the module instance it makes
    places: MappingOf[str, Origin] = field(default_factory=dict)  # of the options' names

    def option(self, key: str) -> Value | None:
        """A named argument, or None."""
        return self.options.get(key)

    def place(self, key: str) -> Origin:
        """Where the name of an argument stands."""
        return self.places.get(key, self.origin)

    @property
    def given(self) -> dict[str, Value]:
        """The named arguments of the op, block or module itself."""
        return {k: v for k, v in self.options.items() if k not in RESERVED}


@dataclass(frozen=True, slots=True)
class Tie:
    """A parameter that is another one: paths below the model or block that says so."""

    name: str
    target: str
    origin: Origin  # of the name
    target_origin: Origin


@dataclass(frozen=True, slots=True)
class Block:
    """A macro: inputs, parameters with defaults, own modules, statements, outputs."""

    name: str
    origin: Origin
    inputs: tuple[str, ...]
    symbols: tuple[tuple[str, Value], ...]
    modules: MappingOf[str, Module]
    layers: tuple[Statement, ...]
    outputs: tuple[Scalar, ...]
    doc: str = ""
    ties: tuple[Tie, ...] = ()
    shard: MappingOf[str, Scalar] = field(default_factory=dict)  # how modules and symbols are divided among GPUs


@dataclass(frozen=True, slots=True)
class Module:
    """A named instance: its statement, and the shapes to infer sizes from when it is never called."""

    statement: Statement
    shapes: tuple[Sequence, ...] = ()
    origin: Origin = field(default_factory=lambda: Origin(""))  # of its name


@dataclass(slots=True)
class Problems:
    """Collects problems so that one reading reports all of them, and what they leave unknown."""

    found: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)  # names of inputs, blocks and modules
    unreadable: bool = False  # a whole section is unknown
    because: Broken | None = None  # what sizes the first problem comes from, where it comes from sizes alone

    def add(self, origin: Origin, message: str, hint: str = "") -> None:
        """Remember a problem. Raises InvalidConfig when there are too many to go on."""
        self.extend((Problem(origin, message, hint),))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Remember several problems. Raises InvalidConfig when there are too many to go on."""
        for problem in problems:
            self.found.append(problem)
            if len(self.found) > MAX_PROBLEMS:
                raise TooMany(*self.found)

    def raise_any(self) -> None:
        """Raise InvalidConfig if there was a problem."""
        if self.found and self.because:
            raise RefusedSizes(tuple(self.found), self.because)
        if self.found:
            raise InvalidConfig(*self.found)


class TooMany(InvalidConfig):
    """So much is wrong, or so much is asked, that reading on is of no use."""


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
        problems.unreadable = True
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
        if isinstance(item, Scalar) and isinstance(item.value, str) and is_name(item.value):
            result.append(item)
        else:
            problems.add(item.origin, f"{what} must be names", NAME)
    return tuple(result)


NAME = f"a name is a word of up to {LONGEST} letters, digits and _, and no keyword of Python"


def is_name(word: str) -> bool:
    """Whether a word can name a tensor, symbol, block or module."""
    return word.isidentifier() and word.isascii() and len(word) <= LONGEST and not iskeyword(word) and not word.startswith("__")
