"""Closed forms over a block of values: exact whole numbers in arrays of 64 bits, or none at all.

Every sum is bounded beforehand with Python's own integers; where a bound passes 2**62 nothing is computed and TooLarge is
raised, for the caller to take the scalar path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from analyzer.assumptions import Assumption
from analyzer.evaluate import exact
from analyzer.formula import over_common_denominator
from analyzer.polynomial import Atom, Call, Monomial, Poly, symbols_of
from analyzer.sweep.functions import Array, applied, headroom

SAFE, SHARED = 1 << 62, 4
COMPARE = {"==": np.equal, "!=": np.not_equal, ">=": np.greater_equal, "<=": np.less_equal}
Terms = tuple[tuple[int, Monomial], ...]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class TooLarge(ArithmeticError):
    """Numbers that 64 bits may not hold, or a function that does not take them: to be evaluated one by one."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form with everything bound that does not vary: whole coefficients of varying monomials, and what divides their sum."""

    terms: tuple[tuple[int, Monomial], ...]
    below: tuple[int, Monomial]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Values over a block, and where they are whole numbers; None for everywhere."""

    values: Array
    whole: Mask | None = None


class Forms:
    """Forms with the symbols bound that do not vary in a sweep, each prepared once."""

    def __init__(self, constants: Mapping[str, int]) -> None:
        self.constants = constants
        self.known: dict[Poly, Form] = {}

    def __call__(self, form: Poly) -> Form:
        if form not in self.known:
            self.known[form] = self._bound(form)
        return self.known[form]

    def _bound(self, form: Poly) -> Form:
        below, above = over_common_denominator(form)
        terms: dict[Monomial, int] = {}
        for monomial, coefficient in above.terms.items():
            number, varying = self._split(monomial)
            terms[varying] = terms.get(varying, 0) + int(coefficient) * number
        ((monomial, scale),) = below.terms.items()
        number, varying = self._split(monomial)
        return Form(tuple((c, m) for m, c in terms.items() if c), (int(scale) * number, varying))

    def _split(self, monomial: Monomial) -> tuple[int, Monomial]:
        """A monomial of positive powers as a number times what varies."""
        fixed = [f for f in monomial if self._fixed(f[0])]
        number = exact(Poly({tuple(fixed): 1}), self.constants) if fixed else 1
        return int(number), tuple(f for f in monomial if f not in fixed)

    def _fixed(self, atom: Atom) -> bool:
        return atom in self.constants if isinstance(atom, str) else all(symbols_of(a) <= self.constants.keys() for a in atom.args)


def cut(shape: tuple[int, ...], box: tuple[slice, ...]) -> tuple[slice, ...]:
    """A box of an array whose axes may be of length 1."""
    return tuple(s if length > 1 else slice(None) for length, s in zip(shape, box)) if shape else ()


def _add(sums: dict[tuple[int, ...], Array], term: Array) -> None:
    if term.shape in sums:
        sums[term.shape] += term
    else:
        sums[term.shape] = term


class Arrays:
    """Forms at the values of a block; what several forms share is computed once."""

    def __init__(self, forms: Forms, symbols: Mapping[str, Array], whole: Arrays | None = None, box: tuple[slice, ...] = ()) -> None:
        self.forms, self.whole, self.box = forms, whole, box  # of which block this is which part
        self.bounded: set[tuple[tuple[int, Monomial], ...]] = whole.bounded if whole else set()
        self.atoms: dict[Atom, Numbers] = {name: Numbers(values) for name, values in symbols.items()}
        self.limits: dict[Atom, int] = {name: int(np.max(values)) for name, values in symbols.items()}
        self.monomials: dict[Monomial, Array] = {}
        sides = np.broadcast_shapes(*(values.shape for values in symbols.values()))
        self.shape, self.narrow = sides, dict[Call, bool]()
        self.axis = sides.index(max(sides)) if sides else 0
        self.splits: dict[Monomial, tuple[Monomial, Monomial]] = {}
        self.known: dict[Poly, Numbers] = {}
        self.relations: dict[tuple[Poly, str, Poly], tuple[Mask, Mask | None]] = {}

    def true(self, assumption: Assumption) -> tuple[Mask, Mask | None]:
        """Where a relation holds, or cannot be said because a side is no whole number; and where both sides are. Raises TooLarge."""
        key = assumption.left, assumption.relation, assumption.right
        if key not in self.relations:
            self.relations[key] = self._true(assumption)
        return self.relations[key]

    def _true(self, assumption: Assumption) -> tuple[Mask, Mask | None]:
        left, right = self(assumption.left), self(assumption.right)
        holds = COMPARE[assumption.relation](left.values, right.values)
        masks = [m for m in (left.whole, right.whole) if m is not None]
        if not masks:
            return holds, None
        whole = np.logical_and.reduce(np.broadcast_arrays(*masks))
        return holds | ~whole, whole

    def __call__(self, form: Poly) -> Numbers:
        """The values of a form, each axis along which it does not vary of length 1. Raises TooLarge."""
        if form not in self.known:
            self.known[form] = self._evaluated(self.forms(form))
        return self.known[form]

    def called(self, atom: Call) -> Numbers:
        """The values of a function. Raises TooLarge."""
        return self._atom(atom)

    def part(self, box: tuple[slice, ...]) -> Arrays:
        """The same over a part of the block."""
        symbols = {name: n.values for name, n in self.atoms.items() if isinstance(name, str)}
        return Arrays(self.forms, {name: values[cut(values.shape, box)] for name, values in symbols.items()}, self, box)

    def _evaluated(self, form: Form) -> Numbers:
        atoms = {atom for _, m in form.terms for atom, _ in m} | {atom for atom, _ in form.below[1]}
        masks = [mask for atom in atoms if (mask := self._atom(atom).whole) is not None]
        above = self._sum(form.terms)
        if form.below != (1, ()):
            divisor = self._sum((form.below,))
            above, rest = np.divmod(above, divisor)
            masks.append(rest == 0)
        whole = None if not masks else masks[0] if len(masks) == 1 else np.logical_and.reduce(np.broadcast_arrays(*masks))
        return Numbers(above, whole)

    def _sum(self, terms: Terms) -> Array:
        """The sum of numbers times monomials, those along few axes first. Raises TooLarge."""
        if terms not in self.bounded:
            self._bound(terms)
        return self._added(terms)

    def _bound(self, terms: Terms) -> None:
        """Remember that every sum of these terms is held by 64 bits, here and in parts of the block. Raises TooLarge."""
        limits = self.whole.limits if self.whole and self.whole.limits.keys() >= {a for _, m in terms for a, _ in m} else self.limits
        if sum(abs(c) * prod(limits[atom] ** e for atom, e in m) for c, m in terms) >= SAFE:
            raise TooLarge
        if limits is not self.limits or not self.whole:
            self.bounded.add(terms)

    def _added(self, terms: Terms) -> Array:
        """The sum of terms; what varies along the longest axis alone is multiplied by the sum of what it stands before."""
        sums: dict[tuple[int, ...], Array] = {}
        before: dict[Monomial, list[tuple[int, Monomial]]] = {}
        for coefficient, monomial in terms:
            lead, rest = self._split(monomial)
            if lead and rest:
                before.setdefault(lead, []).append((coefficient, rest))
                continue
            values = self._monomial(monomial)
            _add(sums, values * coefficient)
        for lead, rests in before.items():
            _add(sums, self._monomial(lead) * self._added(tuple(rests)))
        result = np.zeros((), dtype=np.int64)
        for part in sorted(sums.values(), key=lambda s: s.size):
            result = result + part
        return result

    def _split(self, monomial: Monomial) -> tuple[Monomial, Monomial]:
        """The factors that vary along the longest axis alone, and those that do not vary along it; nothing where there are others."""
        if monomial not in self.splits:
            sides = {atom: self._atom(atom).values.shape for atom, _ in monomial}
            lead = tuple(f for f in monomial if len(sides[f[0]]) > self.axis and sides[f[0]][self.axis] > 1)
            alone = all(prod(sides[atom]) == sides[atom][self.axis] for atom, _ in lead)
            self.splits[monomial] = (lead, tuple(f for f in monomial if f not in lead)) if alone else ((), ())
        return self.splits[monomial]

    def _monomial(self, monomial: Monomial) -> Array:
        if monomial not in self.monomials:
            factors = [self._atom(atom).values ** e if e > 1 else self._atom(atom).values for atom, e in monomial]
            result = np.ones((), dtype=np.int64)
            for factor in sorted(factors, key=lambda f: f.size):
                result = result * factor
            self.monomials[monomial] = result
        return self.monomials[monomial]

    def _atom(self, atom: Atom) -> Numbers:
        if atom not in self.atoms:
            assert isinstance(atom, Call)
            shared = self.whole if self.whole and (atom in self.whole.atoms or self.whole._is_narrow(atom)) else None
            self.atoms[atom] = self._cut(shared._atom(atom)) if shared else self._called(atom)
            self.limits[atom] = int(np.max(np.abs(self.atoms[atom].values)))
        return self.atoms[atom]

    def _is_narrow(self, atom: Call) -> bool:
        """Whether a function varies along few axes: it has far fewer values than the block, and parts of the block share them."""
        if atom not in self.narrow:
            found = {name for arg in atom.args for name in symbols_of(arg)} & self.limits.keys()
            sides = np.broadcast_shapes(*(self.atoms[name].values.shape for name in found))
            self.narrow[atom] = SHARED * prod(sides) < prod(self.shape)
        return self.narrow[atom]

    def _cut(self, numbers: Numbers) -> Numbers:
        """Those of the block that lie in this part."""
        whole = numbers.whole if numbers.whole is None else numbers.whole[cut(numbers.whole.shape, self.box)]
        return Numbers(numbers.values[cut(numbers.values.shape, self.box)], whole)

    def _called(self, atom: Call) -> Numbers:
        args = [self(a) for a in atom.args]
        if not headroom(atom.name, [int(np.max(np.abs(a.values))) for a in args]):
            raise TooLarge
        masks = [a.whole for a in args if a.whole is not None]
        try:
            values = applied(atom.name, [a.values for a in args])
        except (ArithmeticError, ValueError):
            raise TooLarge from None
        return Numbers(values, np.logical_and.reduce(np.broadcast_arrays(*masks)) if masks else None)
