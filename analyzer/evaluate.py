"""Polynomials at numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from analyzer.assumptions import Assumption
from analyzer.functions import FUNCTIONS
from analyzer.polynomial import Atom, Number, Poly


class NotWhole(ValueError):
    """A size came out as a fraction, such as 10 / 4 elements."""


def evaluate(value: Poly, symbols: Mapping[str, int]) -> int:
    """The value at the given symbols. Raises NotWhole when it is no integer, KeyError for an unbound symbol."""
    result = exact(value, symbols)
    if result.__class__ is not int and isinstance(result, Fraction):
        raise NotWhole(f"{value!r} is {result}, not a whole number")
    return result


def exact(value: Poly, symbols: Mapping[str, int]) -> Number:
    """The value, a fraction where it is one."""
    result: Number = 0
    for monomial, coefficient in value.terms.items():
        term: Number = coefficient
        for atom, exponent in monomial:
            base = symbols[atom] if isinstance(atom, str) else _call(atom, symbols)
            term = term * base**exponent if exponent >= 0 else Fraction(term) / base**-exponent
        result += term
    if result.__class__ is int:  # isinstance asks an abstract class for every int
        return result
    return result.numerator if isinstance(result, Fraction) and result.denominator == 1 else result


def holds(assumption: Assumption, symbols: Mapping[str, int]) -> bool:
    """Whether what a trace decided is true at the given symbols."""
    left, right = evaluate(assumption.left, symbols), evaluate(assumption.right, symbols)
    return {"==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}[assumption.relation]


def _call(atom: Atom, symbols: Mapping[str, int]) -> int:
    assert not isinstance(atom, str)
    return FUNCTIONS[atom.name](*(evaluate(arg, symbols) for arg in atom.args))
