"""What formulas rely on, told briefly: a condition that others imply is left out, bounds of one size stand together.

Symbols are whole numbers of at least 1, so that r <= B*r, and a multiple of r is one of what divides r.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from analyzer.assumptions import Assumption
from analyzer.formula import text
from analyzer.polynomial import Call, Number, Poly

Exponents = dict[str, int]
_Multiple = tuple[Poly, Poly, str]  # a size, what divides it, and how it was told


@dataclass(slots=True)
class _Bounds:
    """What is known of one size: `low <= size <= high`, what it is not, and what it is."""

    size: Poly
    low: Number | None = None
    high: Number | None = None
    never: list[Number] = field(default_factory=list)
    value: Number | None = None
    said: str = ""  # of two sizes: as it was found

    def add(self, relation: str, number: Number) -> None:
        """One more relation of the size to a number."""
        if relation == "<=":
            self.high = number if self.high is None else min(self.high, number)
        elif relation == ">=":
            self.low = number if self.low is None else max(self.low, number)
        elif relation == "==":
            self.value = number
        else:
            self.never.append(number)

    def told(self) -> list[str]:
        """The relations that imply the rest."""
        name = text(self.size)
        if self.said:
            return [self.said]
        if self.value is not None:
            return [f"{name} == {self.value}"]
        lines = [f"{name} != {n}" for n in dict.fromkeys(self.never) if not self._excludes(n)]
        if self.low is not None and self.high is not None:
            return [f"{self.low} <= {name} <= {self.high}", *lines]
        if self.low is not None:
            return [f"{name} >= {self.low}", *lines]
        return [f"{name} <= {self.high}", *lines] if self.high is not None else lines

    def _excludes(self, number: Number) -> bool:
        return (self.low is not None and number < self.low) or (self.high is not None and number > self.high)


def essential(assumptions: Iterable[Assumption]) -> tuple[str, ...]:
    """The conditions that imply all: plain bounds, then multiples, then what only functions of sizes say."""
    bounds, multiples = dict[tuple[Poly, str], _Bounds](), list[_Multiple]()
    others: list[str] = []
    for a in assumptions:
        number = -(a.left - a.right).terms.get((), 0)
        size = a.left - a.right + number
        told, divided = f"{text(a.left)} {a.relation} {text(a.right)}", _divided(a)
        said = "" if a.right.constant is not None else told
        if divided:
            multiples.append((*divided, told))
        elif not size.terms or any(isinstance(atom, Call) for monomial in size.terms for atom, _ in monomial):
            others.append(told)
        else:
            bounds.setdefault((size, said), _Bounds(size, said=said)).add(a.relation, number)
    known = list(bounds.values())
    fixed = {name: b.value for b in known if b.value is not None and (name := _alone(b.size))}
    plain = [line for b in known if not _settled(b, fixed) for line in _trimmed(b, known).told()]
    return (*sorted(plain, key=len), *_multiples(multiples), *sorted(dict.fromkeys(others), key=len))


def _divided(a: Assumption) -> tuple[Poly, Poly] | None:
    """The size and the divisor of a condition that it is a multiple; None for another condition."""
    monomial = next(iter(a.left.terms)) if len(a.left.terms) == 1 else ()
    atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 and a.left.terms[monomial] == 1 else ""
    if not isinstance(atom, Call) or atom.name != "mod" or a.right.terms or a.relation != "==":
        return None
    return atom.args[0], atom.args[1]


def _multiples(found: list[_Multiple]) -> list[str]:
    """`r%8 == 0` for the sizes whose multiples the others are."""
    pairs = list(dict.fromkeys(found))
    return [told for size, by, told in pairs if not any(b == by and s != size and _divides(s, size) for s, b, _ in pairs)]


def _trimmed(b: _Bounds, known: list[_Bounds]) -> _Bounds:
    """The bounds without those that other sizes imply: from above what divides them, from below their multiples."""
    if b.said or b.value is not None:
        return b
    above = [o for o in known if o.size != b.size and _divides(b.size, o.size)]
    below = [o for o in known if o.size != b.size and _divides(o.size, b.size)]
    high = None if b.high is not None and any(o.high is not None and o.high <= b.high for o in above) else b.high
    low = None if b.low is not None and any(o.low is not None and o.low >= b.low for o in below) else b.low
    more_than_one = any((o.low is not None and o.low > 1) or 1 in o.never for o in below)
    return _Bounds(b.size, low, high, [n for n in b.never if n != 1 or not more_than_one])


def _settled(b: _Bounds, fixed: dict[str, Number]) -> bool:
    """Whether symbols of a fixed value leave nothing to be asked: B*c - c == 0 where B == 1."""
    if _alone(b.size) in fixed or not fixed:
        return False
    rest = Poly()
    for monomial, factor in b.size.terms.items():
        value: Number = factor
        for atom, exponent in monomial:
            if isinstance(atom, str) and atom in fixed:
                value = value * Fraction(fixed[atom]) ** exponent
        rest = rest + Poly({tuple(p for p in monomial if p[0] not in fixed): value})
    number = rest.constant
    if number is None:
        return False
    met = (b.value in (None, number), b.low is None or number >= b.low, b.high is None or number <= b.high, number not in b.never)
    return all(met)


def _alone(size: Poly) -> str:
    """The symbol that a size is; nothing for another one."""
    powers = _powers(size)
    return next(iter(powers), "") if powers is not None and size == _product(powers) and list(powers.values()) == [1] else ""


def _product(powers: Exponents) -> Poly:
    return Poly({tuple(sorted(powers.items())): 1})


def _powers(size: Poly) -> Exponents | None:
    """The exponents of a product of symbols; None for another size."""
    if len(size.terms) != 1:
        return None
    (monomial, factor), *_ = size.terms.items()
    plain = factor == 1 and all(isinstance(atom, str) and exponent > 0 for atom, exponent in monomial)
    return {str(atom): exponent for atom, exponent in monomial} if plain else None


def _divides(size: Poly, other: Poly) -> bool:
    """Whether another size is a product of symbols that has this one in it."""
    small, large = _powers(size), _powers(other)
    return small is not None and large is not None and all(large.get(name, 0) >= exponent for name, exponent in small.items())
