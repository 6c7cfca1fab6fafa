"""Decisions about symbolic sizes: taken at the bound values, and written down as assumptions.

A trace and its simulation are formulas that hold while their assumptions do (`B != 1`, `L >= 4`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from functools import wraps
from math import ceil, lcm, prod
from typing import Any, ParamSpec, TypeVar

from analyzer.assumptions import Assumption, always, without_common
from analyzer.evaluate import NotWhole, Values, evaluate, holds
from analyzer.polynomial import ONE, Atom, Number, Poly, poly, total
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

    def refuses(self, symbols: Mapping[str, int]) -> bool:
        """Whether a trace at other values is refused for the same."""
        try:
            if not all(holds(assumption, symbols) for assumption in self.given):
                return False
        except (NotWhole, ZeroDivisionError):
            return False
        try:
            return not holds(self.relation, symbols) and not self.fraction
        except (NotWhole, ZeroDivisionError):
            return self.fraction


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
        self._decisions: dict[tuple[Poly, str, Poly], bool] = {}
        self._one, self._least = set[Atom](), dict[Atom, int]()  # symbols and functions known to be 1, or at least so much
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
        return value.constant == 1 if value.constant is not None else self._once(value, "==", ONE, self._equal)

    def same(self, a: Poly, b: Poly) -> bool:
        """Whether two sizes agree, where an op refuses if they do not; agreement by value only is written down."""
        if a == b or self.number(a) != self.number(b):
            return a == b
        self.assume(a, "==", b)
        return True

    def agree(self, a: Poly, b: Poly) -> bool:
        """Whether two sizes agree, where both answers go on: either decision is written down, without the factors of both."""
        return a == b or self._once(a, "==", b, self._equal)

    def below(self, a: Poly, b: Poly) -> bool:
        """Whether a size is less than another, where both answers go on; a decision that depends on symbols is written down."""
        return a != b and self._once(a, "<", b, self._less)

    def _once(self, a: Poly, relation: str, b: Poly, decide: Callable[[Poly, Poly], bool]) -> bool:
        known = self._decisions.get((a, relation, b))
        if known is None:
            known = self._decisions[a, relation, b] = decide(a, b)
        return known

    def _equal(self, a: Poly, b: Poly) -> bool:
        equal = self.number(a) == self.number(b)
        self._write(self._without_ones(a), self._without_ones(b), equal)
        return equal

    def _less(self, a: Poly, b: Poly) -> bool:
        less, (left, right) = self.number(a) < self.number(b), without_common(a, b)
        if left == ONE:  # no size is less than 1, so that one which is not 1 is more
            self._write(right, ONE, not less)
        elif right != ONE:
            claim = Assumption(left, "<=", right - 1) if less else Assumption(left, ">=", right)
            if less and left.constant is not None:
                claim = Assumption(right, ">=", left + 1)
            if not always(claim):
                self.assume(claim.left, claim.relation, claim.right)
        return less

    def _write(self, a: Poly, b: Poly, equal: bool) -> None:
        """Write down that two sizes agree, or that they do not and might."""
        left, right = (a, b) if b == ONE else without_common(a, b)
        if left.constant is not None or (right.constant is None and repr(right) < repr(left)):
            left, right = right, left
        if left.constant is None and (equal or not self._apart(left, right)):
            self.assume(left, "==" if equal else "!=", right)

    def _apart(self, a: Poly, b: Poly) -> bool:
        """Whether two sizes differ wherever what is written down holds: one has more of everything, or its factors are too large."""
        grown = always(Assumption(a, ">=", b + 1)) or always(Assumption(b, ">=", a + 1))
        return grown or (b.constant is not None and self._at_least(a) > b.constant)

    def _at_least(self, size: Poly) -> Number:
        """What a product cannot fall below, by the bounds of its factors that are written down; 0 of another size."""
        ((monomial, coefficient), *others) = size.terms.items() or [((), 0)]
        if others or any(exponent < 0 for _, exponent in monomial):
            return 0
        least: Number = coefficient * prod([self._least.get(atom, 1) ** exponent for atom, exponent in monomial])
        return least

    def _without_ones(self, size: Poly) -> Poly:
        """A size without the symbols that are known to be 1."""
        if self._one.isdisjoint(size.atoms):
            return size
        return total(Poly({tuple(p for p in m if p[0] not in self._one): c}) for m, c in size.terms.items())

    def _learn(self, found: Assumption) -> None:
        """Note what a relation says of a single symbol: that it is 1, or what it is at least."""
        ((monomial, coefficient), *others) = found.left.terms.items() or [((), 0)]
        bound = found.right.constant
        if others or len(monomial) != 1 or monomial[0][1] != 1 or coefficient != 1 or bound is None:
            return
        atom = monomial[0][0]
        if found.relation == "==" and bound == 1:
            self._one.add(atom)
        elif found.relation == ">=" or (found.relation == "!=" and bound == 1):
            self._least[atom] = max(self._least.get(atom, 1), ceil(bound) + (found.relation == "!="))

    def assume(self, left: Poly, relation: str, right: Poly | int) -> None:
        """Write down a relation that the result relies on."""
        assumption = Assumption(left, relation, poly(right))
        self.assumptions.setdefault(f"{hash(left)} {relation} {hash(assumption.right)}", assumption)
        self._learn(assumption)

    def demand(self, left: Poly, relation: str, right: Poly | int) -> bool:
        """Whether a relation holds without which an op refuses; one that depends on symbols is written down."""
        assumption = Assumption(left, relation, poly(right), demanded=True)
        if not holds(assumption, self.values):
            self.breaks(assumption)
            return False
        if not always(assumption):
            self.assumptions.setdefault(f"{hash(left)} {relation} {hash(assumption.right)}", assumption)
        return True

    def demand_whole(self, size: Poly) -> None:
        """Write down that a size with fractions, which is a whole number here, must be one: (k - 1)%2 == 0 of k/2 - 1/2."""
        below = lcm(*(Fraction(coefficient).denominator for coefficient in size.terms.values()))
        if below > 1:
            self.demand(size * below % below, "==", 0)

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
        results, key = sizes().results, (function, args, *named.items())
        if key not in results:
            results[key] = function(*args, **named)
        found: R = results[key]
        return found

    return known
