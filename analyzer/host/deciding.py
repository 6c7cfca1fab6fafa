"""Which of several moments takes most: decided at the bound symbols, and written down unless it holds for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd

from analyzer.evaluate import exact
from analyzer.polynomial import Call, Poly, total
from analyzer.sizes import Sizes

Item = tuple[str, Poly]


def is_larger(a: Poly, b: Poly, sizes: Sizes) -> bool:
    """Whether a > b."""
    larger, difference = exact(a, sizes.values) > exact(b, sizes.values), a - b
    if not _certain(difference if larger else -difference):
        shared = gcd(*(int(c) for c in difference.terms.values())) if all(isinstance(c, int) for c in difference.terms.values()) else 1
        above = Poly({m: c / Fraction(shared) for m, c in difference.terms.items() if c > 0})
        sizes.assume(above, ">" if larger else "<=", above - difference / shared)
    return larger


def _certain(difference: Poly) -> bool:
    """Whether no positive whole numbers for the symbols make a form negative: at most a number is subtracted, and not too much."""
    if any(isinstance(atom, Call) for atom in difference.atoms) or any(e < 0 for m in difference.terms for _, e in m):
        return False
    return all(c >= 0 for m, c in difference.terms.items() if m) and sum(difference.terms.values()) >= 0


def largest(moments: Sequence[tuple[Item, ...]], sizes: Sizes) -> tuple[Item, ...]:
    """The moment whose items take most, without those that take nothing; the first of equals."""
    best = moments[0]
    for moment in moments[1:]:
        if is_larger(_sum(moment), _sum(best), sizes):
            best = moment
    return tuple((label, form) for label, form in best if form)


def _sum(items: tuple[Item, ...]) -> Poly:
    return total(form for _, form in items)
