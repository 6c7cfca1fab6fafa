"""The names a statement can see, with Python's lifetimes: variables, the previous result, symbols, blocks, modules."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from analyzer.build.source import Block, Module
from analyzer.graph import Tensor
from analyzer.polynomial import Poly
from analyzer.problems import Origin
from analyzer.tracing import Tracer

if TYPE_CHECKING:
    from analyzer.build.lists import Items


class Poison:
    """Stands for a result that an earlier problem left unknown; what uses it is skipped."""


POISON = Poison()


class Word(str):
    """A block's parameter that is a word: one the op knows, or a misspelled symbol; `origin` is where it was given."""

    __slots__ = ("origin",)
    origin: Origin

    def __new__(cls, text: str, origin: Origin) -> Word:
        word = super().__new__(cls, text)
        word.origin = origin
        return word


Bound = Union[Tensor, Poison]
Constant = Union[Poly, str, bool]


@dataclass(slots=True)
class Frame:
    """One running function: a model, a block, or the training loop."""

    tracer: Tracer
    symbols: MappingOf[str, Constant]
    blocks: MappingOf[str, Block]
    modules: MappingOf[str, tuple[Module, Frame]]
    path: str = ""
    label: str = ""
    variables: dict[str, Bound] = field(default_factory=dict)
    previous: tuple[Bound, ...] = ()
    previous_owned: bool = False
    used: set[str] = field(default_factory=set)
    loop_variables: bool = False  # names are variables of the training loop and live on into the next step
    beyond: MappingOf[str, Bound] = field(default_factory=dict)  # variables that a loss, or a block, cannot see
    block: str = ""  # which one this is a call of
    lists: MappingOf[str, Items] = field(default_factory=dict)  # those of the functions that are running
    styles: MappingOf[str, str] = field(default_factory=dict)  # how its modules are divided among GPUs
    home: tuple[str, str] = ("", "")  # path and label of its named modules, whatever iteration of a loop calls them

    def __post_init__(self) -> None:
        self.home = (self.path, self.label)

    def now(self, value: Bound) -> Bound:
        """A value after what has been changed in it since it was named."""
        return self.tracer.latest(value) if isinstance(value, Tensor) else value

    def assign(self, name: str, value: Bound, *, owned: bool) -> None:
        """Bind a name; `owned` when the value's reference is handed over."""
        old = self.variables.get(name)
        if isinstance(value, Tensor) and not owned:
            self.tracer.own(value)
        self.variables[name] = value
        if isinstance(value, Tensor):
            self.tracer.names.setdefault(f"{self.label}.{name}" if self.label else name, value)
        if isinstance(value, Tensor) and self.loop_variables:
            self.tracer.bind(f"loop.{name}", value)
        if isinstance(old, Tensor):
            self.tracer.release(old)

    def forget_previous(self) -> None:
        """The unnamed result of the statement before is no longer needed."""
        if self.previous_owned:
            for value in self.previous:
                if isinstance(value, Tensor):
                    self.tracer.release(value)
        self.previous, self.previous_owned = (), False

    def remember(self, results: tuple[Bound, ...], names: tuple[str, ...]) -> None:
        """A statement's results: named ones become variables, others wait for the next statement."""
        old, old_owned = self.previous, self.previous_owned
        for name, value in zip(names, results):
            self.assign(name, value, owned=True)
        self.previous, self.previous_owned = results, not names
        if old_owned:
            for value in old:
                if isinstance(value, Tensor):
                    self.tracer.release(value)


@contextmanager
def located(frame: Frame, path: str, label: str) -> Iterator[None]:
    """Name what is made after the module it belongs to."""
    tracer = frame.tracer
    before = tracer.path, tracer.label
    tracer.path, tracer.label = path, label
    try:
        yield
    finally:
        tracer.path, tracer.label = before
