"""A closed form of the largest value of a symbol: what a card has, set against the bytes requested at the peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, lcm

from analyzer.analysis import Analysis
from analyzer.bisection import last_within
from analyzer.evaluate import exact
from analyzer.expressions import size
from analyzer.formula import text
from analyzer.peaks import Piece
from analyzer.polynomial import Monomial, Number, Poly, opened, symbol, symbols_of
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin

ROOM = "M"


@dataclass(frozen=True, slots=True)
class Bound:
    """No value above fits, because of one moment's requested bytes alone; M stands for the bytes that segments may take."""

    formula: str  # Python
    value: int
    where: str  # the moment


def bound(analysis: Analysis, symbols: Mapping[str, int], piece: Piece, name: str, room: int) -> Bound | None:
    """The bound that the peak's polynomial sets; None when its bytes are no polynomial of the symbol, or do not grow with it."""
    form = _in_terms_of(opened(piece.form), analysis, name)
    parts = _coefficients(form, name) if form is not None else None
    if parts is None or len(parts) < 2:
        return None
    scale = lcm(*(Fraction(c).denominator for part in parts.values() for c in part.terms.values()))
    parts = {power: part * scale for power, part in parts.items()}
    where = f"{piece.phase}, {piece.last.label}"
    numbers = {power: int(exact(part, symbols)) for power, part in parts.items()}
    total = room * scale
    a, b, c = (numbers.get(power, 0) for power in (2, 1, 0))
    left = symbol(ROOM) * scale - parts.get(0, Poly())
    if max(parts) == 1 and b > 0:
        return Bound(f"({text(left)})//{_wrapped(parts[1])}", max(0, (total - c) // b), where)
    if max(parts) == 2 and a > 0:
        return Bound(_quadratic(parts, left), _root(a, b, c - total), where)
    if any(value < 0 for value in numbers.values()):
        return None
    value = last_within([lambda x: sum(n * x**power for power, n in numbers.items())], total)
    whole = text(sum((part * symbol(name) ** power for power, part in parts.items()), Poly()))
    return Bound(f"the largest {name} with {whole} <= {text(symbol(ROOM) * scale)}", value, where)


def _root(a: int, b: int, c: int) -> int:
    """⌊the larger root of a x² + b x + c⌋, 0 when there is none above it."""
    square = b * b - 4 * a * c
    return max(0, (isqrt(square) - b) // (2 * a)) if square >= 0 else 0


def _quadratic(parts: Mapping[int, Poly], left: Poly) -> str:
    a, b = parts[2], parts.get(1, Poly())
    if not b:
        return f"isqrt(({text(left)})//{_wrapped(a)})"
    return f"(isqrt({_wrapped(b)}**2 + 4*{_wrapped(a)}*({text(left)})) - {_wrapped(b)})//(2*{_wrapped(a)})"


def _wrapped(value: Poly) -> str:
    written = text(value)
    return written if written.isidentifier() or written.isdigit() else f"({written})"


def _in_terms_of(form: Poly, analysis: Analysis, name: str) -> Poly | None:
    """The form with symbols that are defined by this one written out, functions of them left out; None when one divides."""
    for _ in range(8):
        derived = [s for s in sorted(symbols_of(form)) if s != name and name in _words(analysis, s)]
        if not derived:
            return form
        for other in derived:
            replaced = _substituted(form, other, analysis.symbols.definitions[other])
            if replaced is None:
                return None
            form = replaced
    return None


def _words(analysis: Analysis, name: str) -> frozenset[str]:
    """The symbols that a symbol's definition needs, also by way of others."""
    definition = analysis.symbols.definitions.get(name)
    if definition is None:
        return frozenset()
    try:
        direct = symbols_of(size(definition, symbol, Origin(COMMAND_LINE)))
    except InvalidConfig:
        return frozenset()
    return direct.union(*(_words(analysis, other) for other in direct))


def _substituted(form: Poly, name: str, definition: str) -> Poly | None:
    value = size(definition, symbol, Origin(COMMAND_LINE))
    result = Poly()
    for monomial, coefficient in form.terms.items():
        power = next((e for atom, e in monomial if atom == name), 0)
        if _inside(monomial, name) and coefficient > 0:
            continue  # a function is never negative
        if power < 0 or _inside(monomial, name):
            return None
        result = result + Poly({tuple((a, e) for a, e in monomial if a != name): coefficient}) * value**power
    return result


def _coefficients(form: Poly, name: str) -> dict[int, Poly] | None:
    """By power of the symbol, what multiplies it, functions of it (scratch, padding) left out: a bound may be too high.

    None when the symbol divides.
    """
    found: dict[int, dict[Monomial, Number]] = {}
    for monomial, coefficient in form.terms.items():
        power = next((e for atom, e in monomial if atom == name), 0)
        if _inside(monomial, name) and coefficient > 0:
            continue  # a function is never negative
        if power < 0 or _inside(monomial, name):
            return None
        found.setdefault(power, {})[tuple((a, e) for a, e in monomial if a != name)] = coefficient
    return {power: Poly(terms) for power, terms in found.items()}


def _inside(monomial: Monomial, name: str) -> bool:
    return any(not isinstance(atom, str) and any(name in symbols_of(arg) for arg in atom.args) for atom, _ in monomial)
