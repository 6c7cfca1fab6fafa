"""What a trace took for granted at the bound values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from analyzer.polynomial import ONE, Poly, opened, ordered


@dataclass(frozen=True, slots=True, eq=False)
class Assumption:
    """A decision taken at the bound values: `left relation right` held; where a demanded one does not hold, an op refuses."""

    left: Poly
    relation: str
    right: Poly
    demanded: bool = False

    def __str__(self) -> str:
        return f"{self.left!r} {self.relation} {self.right!r}"


def always(assumption: Assumption) -> bool:
    """Whether a relation that holds here holds for all values of the symbols: of numbers, or for want of a negative term."""
    larger, smaller = (assumption.left, assumption.right) if assumption.relation == ">=" else (assumption.right, assumption.left)
    more = opened(larger - smaller).terms
    least = sum(c for m, c in more.items() if c > 0 and all(isinstance(atom, str) and e > 0 for atom, e in m))
    below = {m: c for m, c in more.items() if c < 0}
    numbers = assumption.left.constant is not None and assumption.right.constant is not None
    return numbers or (assumption.relation in ("<=", ">=") and below.keys() <= {()} and least >= -sum(below.values()))


@lru_cache(maxsize=65536)
def without_common(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Two sizes divided by what all their terms have: 8*n*c and 4*c are as 2*n and 1, and B*c and c/n as B*n and 1."""
    if not a.terms or not b.terms:
        return a, b
    terms = [*a.terms.items(), *b.terms.items()]
    atoms = dict.fromkeys(atom for monomial, _ in terms for atom, _ in monomial)
    powers = {atom: [dict(monomial).get(atom, 0) for monomial, _ in terms] for atom in atoms}
    numbers = [Fraction(coefficient) for _, coefficient in terms]
    content = Fraction(gcd(*(n.numerator for n in numbers)), lcm(*(n.denominator for n in numbers)))
    shared = {atom: min(e) if min(e) > 0 else max(e) for atom, e in powers.items() if min(e) > 0 or max(e) < 0}
    divisor = Poly({ordered(shared.items()): content})
    left, right = a / divisor, b / divisor
    below = {atom: min(e - shared.get(atom, 0) for e in several) for atom, several in powers.items()}
    whole = Poly({ordered((atom, -e) for atom, e in below.items() if e < 0): 1})
    return (left, right) if {left, right} <= {a, b, ONE} else (left * whole, right * whole)
