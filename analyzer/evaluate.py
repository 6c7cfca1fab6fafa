"""Polynomials at numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from analyzer.assumptions import Assumption
from analyzer.functions import FUNCTIONS
from analyzer.polynomial import Call, Monomial, Number, Poly


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
        result += term(monomial, coefficient, symbols)
    if result.__class__ is int:  # isinstance asks an abstract class for every int
        return result
    return result.numerator if isinstance(result, Fraction) and result.denominator == 1 else result


def term(monomial: Monomial, coefficient: Number, symbols: Mapping[str, int]) -> Number:
    """A monomial times a number."""
    result = coefficient
    for atom, exponent in monomial:
        base = symbols[atom] if isinstance(atom, str) else _call(atom, symbols)
        if exponent == 1:
            result = result * base
        else:
            result = result * base**exponent if exponent >= 0 else Fraction(result) / base**-exponent
    return result


class Values(dict[str, int]):
    """Symbols with their values; what functions of them come to is remembered."""

    __slots__ = ("calls",)

    def __init__(self, symbols: Mapping[str, int]) -> None:
        super().__init__(symbols)
        self.calls: dict[Call, int] = {}


def holds(assumption: Assumption, symbols: Mapping[str, int]) -> bool:
    """Whether what a trace decided is true at the given symbols."""
    left, right = evaluate(assumption.left, symbols), evaluate(assumption.right, symbols)
    return {"==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}[assumption.relation]


def _call(atom: Call, symbols: Mapping[str, int]) -> int:
    if symbols.__class__ is not Values:
        return FUNCTIONS[atom.name](*(evaluate(arg, symbols) for arg in atom.args))
    known = symbols.calls
    if atom not in known:
        known[atom] = FUNCTIONS[atom.name](*(evaluate(arg, symbols) for arg in atom.args))
    return known[atom]
