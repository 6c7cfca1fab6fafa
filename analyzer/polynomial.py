"""Sizes: sparse polynomials over the model's symbols with rational coefficients and integer exponents.

An exponent may be negative (c/n). What is no polynomial (a floor division, a kernel's scratch) stands in a monomial as a
`Call`: a named function of polynomials, evaluated by `analyzer.functions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Union

Number = Union[int, Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A named function applied to polynomials; two calls are one atom when they read alike."""

    name: str
    args: tuple[Poly, ...]
    key: str

    def __str__(self) -> str:
        return self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and other.key == self.key


Atom = Union[str, Call]
Monomial = tuple[tuple[Atom, int], ...]
UNIT: Monomial = ()


def ordered(powers: Iterable[tuple[Atom, int]]) -> Monomial:
    """A monomial: symbols by name, then calls by text."""
    return tuple(sorted(powers, key=lambda item: (not isinstance(item[0], str), str(item[0]))))


@lru_cache(maxsize=65536)
def times(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, 0) + exponent
    return ordered((x, e) for x, e in powers.items() if e)


def _whole(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


class Poly:
    """A polynomial as a value: equal when the terms are equal, whatever order built them."""

    __slots__ = ("_hash", "terms")
    terms: dict[Monomial, Number]

    def __init__(self, terms: Mapping[Monomial, Number] | None = None) -> None:
        self.terms = {m: c if c.__class__ is int else _whole(c) for m, c in terms.items() if c} if terms else {}
        self._hash: int | None = None

    def __add__(self, other: Poly | Number) -> Poly:
        return total((self, poly(other)))

    __radd__ = __add__

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly | Number) -> Poly:
        return total((self, -poly(other)))

    def __rsub__(self, other: Poly | Number) -> Poly:
        return total((poly(other), -self))

    def __mul__(self, other: Poly | Number) -> Poly:
        few, many = self.terms, (other if isinstance(other, Poly) else poly(other)).terms
        if len(many) < len(few):
            few, many = many, few
        if len(few) == 1:  # different terms stay different
            ((m, c),) = few.items()
            if not m and c == 1:
                return self if many is self.terms else poly(other)
            return Poly({times(m, n): c * d for n, d in many.items()} if m else {n: c * d for n, d in many.items()})
        product: dict[Monomial, Number] = {}
        for m, c in few.items():
            for n, d in many.items():
                key = times(m, n)
                product[key] = product.get(key, 0) + c * d
        return Poly(product)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Poly:
        if exponent < 0:
            return ONE / (self**-exponent)
        result = ONE
        for _ in range(exponent):
            result = result * self
        return result

    def __truediv__(self, other: Poly | Number) -> Poly:
        """The exact quotient; a divisor of several terms makes a floor division that the caller must know to be exact."""
        divisor = poly(other)
        if len(divisor.terms) != 1:
            return ONE if divisor == self else call("floordiv", self, divisor)
        ((m, c),) = divisor.terms.items()
        inverse = tuple((atom, -e) for atom, e in m)
        return Poly({times(n, inverse): Fraction(d) / c for n, d in self.terms.items()})

    def __floordiv__(self, other: Poly | Number) -> Poly:
        return call("floordiv", self, poly(other))

    def __mod__(self, other: Poly | Number) -> Poly:
        return call("mod", self, poly(other))

    def __eq__(self, other: object) -> bool:
        if other.__class__ is Poly:  # isinstance asks an abstract class whether it is a number
            return self.terms == other.terms
        return isinstance(other, (int, Fraction)) and self.terms == poly(other).terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __repr__(self) -> str:
        from analyzer.formula import text  # the printer reads polynomials, not the other way round

        return text(self)

    @property
    def constant(self) -> Number | None:
        """The value when no symbol occurs, else None."""
        if not self.terms:
            return 0
        return self.terms[UNIT] if len(self.terms) == 1 and UNIT in self.terms else None

    @property
    def atoms(self) -> frozenset[Atom]:
        """The symbols and calls that occur, those inside calls left out."""
        return frozenset(atom for m in self.terms for atom, _ in m)


def poly(value: Poly | Number) -> Poly:
    """A number as a polynomial; a polynomial as it is."""
    return value if isinstance(value, Poly) else Poly({UNIT: value})


ZERO, ONE = Poly(), Poly({UNIT: 1})


def symbol(name: str) -> Poly:
    """The polynomial that is one symbol."""
    return Poly({((name, 1),): 1})


def total(terms: Iterable[Poly | int]) -> Poly:
    """The sum of many polynomials, in one pass."""
    result: dict[Monomial, Number] = {}
    for term in terms:
        for m, c in poly(term).terms.items():
            result[m] = result.get(m, 0) + c
    return Poly(result)


@lru_cache(maxsize=65536)
def _named(name: str, args: tuple[Poly, ...]) -> Poly:
    """One opaque atom."""
    from analyzer.formula import call_text

    return Poly({((Call(name, args, call_text(name, args)), 1),): 1})


def product(factors: Iterable[Poly | int]) -> Poly:
    """The product of many polynomials; 1 for none."""
    return _product(tuple(factors))


@lru_cache(maxsize=65536)
def _product(factors: tuple[Poly | int, ...]) -> Poly:
    result = ONE
    for factor in factors:
        result = result * factor
    return result


def call(name: str, *args: Poly | int) -> Poly:
    """A named function of sizes: simplified where that is safe, else one opaque atom."""
    from analyzer.functions import FUNCTIONS, simplified  # functions know how each name simplifies

    polys = tuple(poly(a) for a in args)
    simple = simplified(name, polys)
    if simple is not None:
        return simple
    constants = [p.constant for p in polys]
    if all(isinstance(c, int) for c in constants):
        return poly(FUNCTIONS[name](*constants))
    return _named(name, polys)


def opened(value: Poly) -> Poly:
    """The polynomial with sums that stood in parentheses multiplied out."""
    result = ZERO
    for monomial, coefficient in value.terms.items():
        term = Poly({UNIT: coefficient})
        for atom, exponent in monomial:
            closed = isinstance(atom, Call) and atom.name == "size"
            base = opened(atom.args[0]) if isinstance(atom, Call) and closed else Poly({((atom, 1),): 1})
            term = term * (base**exponent if exponent > 0 else Poly({((atom, exponent),): 1}))
        result = result + term
    return result


def symbols_of(value: Poly) -> frozenset[str]:
    """Every symbol that occurs, also inside calls."""
    found: set[str] = set()
    for atom in value.atoms:
        if isinstance(atom, str):
            found.add(atom)
        else:
            found.update(*(symbols_of(arg) for arg in atom.args))
    return frozenset(found)
