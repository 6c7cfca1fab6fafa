"""Decisions about symbolic sizes: taken at the bound values, and written down as assumptions.

A trace and its simulation are formulas that hold while their assumptions do (`B != 1`, `L >= 4`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from analyzer.assumptions import Assumption, always
from analyzer.evaluate import NotWhole, Values, evaluate, holds
from analyzer.polynomial import ONE, Poly, poly
from analyzer.problems import InvalidConfig, Problem

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Device:
    """What kernels ask of the GPU they run on."""

    name: str = "A100"
    sms: int = 108
    threads_per_sm: int = 2048
    capability: int = 80


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """What a trace was refused for: everything that was taken for granted until then, and what did not hold."""

    given: tuple[Assumption, ...]
    relation: Assumption
    fraction: bool  # whether a side of it is no whole number


class RefusedSizes(InvalidConfig):
    """A config that is refused at these values; what it was first refused for, where that is known to depend on them alone."""

    def __init__(self, problems: tuple[Problem, ...], broken: Broken) -> None:
        super().__init__(*problems)
        self.broken = broken


class Sizes:
    """The bound symbols, the device, and every decision taken so far."""

    def __init__(self, values: Mapping[str, int], device: Device) -> None:
        self.values, self.device = Values(values), device
        self.assumptions: dict[str, Assumption] = {}
        self.broken: Broken | None = None  # what did not hold last; an op refuses at once
        self._numbers: dict[Poly, int] = {}
        self.results: dict[tuple[object, ...], Any] = {}  # of functions that are remembered, by function and arguments

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make these the sizes that rules consult."""
        token = _sizes.set(self)
        try:
            yield
        finally:
            _sizes.reset(token)

    def number(self, value: Poly) -> int:
        """The value at the bound symbols. Raises NotWhole."""
        known = self._numbers.get(value)
        if known is None:
            try:
                known = self._numbers[value] = evaluate(value, self.values)
            except NotWhole:
                self.breaks(Assumption(ONE, "<=", value), fraction=True)
                raise
        return known

    def is_one(self, value: Poly) -> bool:
        """Whether a size is 1; a decision that depends on symbols is written down."""
        return value.constant == 1 if value.constant is not None else self._decided(value, ONE)

    def same(self, a: Poly, b: Poly) -> bool:
        """Whether two sizes agree; a decision by value only is written down."""
        return a == b or (self.number(a) == self.number(b) and self._decided(a, b))

    def agree(self, a: Poly, b: Poly) -> bool:
        """Whether two sizes agree, where both answers go on: either decision is written down."""
        return a == b or self._decided(a, b)

    def _decided(self, a: Poly, b: Poly) -> bool:
        equal = self.number(a) == self.number(b)
        self.assume(a, "==" if equal else "!=", b)
        return equal

    def assume(self, left: Poly, relation: str, right: Poly | int) -> None:
        """Write down a relation that the result relies on."""
        assumption = Assumption(left, relation, poly(right))
        self.assumptions.setdefault(f"{hash(left)} {relation} {hash(assumption.right)}", assumption)

    def demand(self, left: Poly, relation: str, right: Poly | int) -> bool:
        """Whether a relation holds without which an op refuses; one that depends on symbols is written down."""
        assumption = Assumption(left, relation, poly(right), demanded=True)
        if not holds(assumption, self.values):
            self.breaks(assumption)
            return False
        if not always(assumption):
            self.assumptions.setdefault(f"{hash(left)} {relation} {hash(assumption.right)}", assumption)
        return True

    def breaks(self, relation: Assumption, *, fraction: bool = False) -> None:
        """Remember a relation that does not hold, for the refusal that follows."""
        self.broken = Broken(tuple(self.assumptions.values()), relation, fraction)


_sizes: ContextVar[Sizes] = ContextVar("sizes")


def sizes() -> Sizes:
    """The sizes of the model being analyzed."""
    return _sizes.get()


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """A function of shapes that decides by sizes alone: what it came to is remembered, its decisions being written down."""

    @wraps(function)
    def known(*args: P.args, **named: P.kwargs) -> R:
        results, key = sizes().results, (function, *args, *named.values())
        if key not in results:
            results[key] = function(*args, **named)
        found: R = results[key]
        return found

    return known
