"""For which values of the symbols a piece stays the largest: one symbol at a time, the others as bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from analyzer.evaluate import Values, exact, term
from analyzer.peaks import Piece, contenders, dominates
from analyzer.polynomial import Monomial, Number, Poly, symbols_of

LIMIT = 1 << 24
Curve = Callable[[int], Number]


def regime(piece: Piece, candidates: Iterable[Piece], symbols: Mapping[str, int]) -> str:
    """A sentence that says where the piece is the maximum."""
    others = [p.form for p in contenders(candidates) if p is not piece and not dominates(piece.form, p.form)]
    if not others:
        return "the maximum for all values of the symbols"
    ranges = []
    for name in sorted(set().union(*(symbols_of(f) for f in (piece.form, *others))) & set(symbols)):
        low, high = _interval(piece.form, others, symbols, name)
        if low > 1 or high is not None:
            ranges.append(_range(name, low, high))
    if not ranges:
        return "the maximum whichever one symbol changes"
    return f"the maximum for {', '.join(ranges)}, each with the other symbols as given"


def _range(name: str, low: int, high: int | None) -> str:
    if high is None:
        return f"{name} >= {low}"
    if low == high:
        return f"{name} = {low}"
    return f"{name} <= {high}" if low == 1 else f"{low} <= {name} <= {high}"


def restricted(form: Poly, symbols: Mapping[str, int], name: str) -> Curve:
    """The form as a function of one symbol, everything else evaluated once."""
    powers, residue = _by_power(form, Values(symbols), name)
    values = Values(symbols)

    def curve(value: int) -> Number:
        if residue and values[name] != value:
            values[name] = value
            values.calls.clear()
        return _sum(powers, residue, values, value)

    return curve


def _by_power(form: Poly, symbols: Mapping[str, int], name: str) -> tuple[dict[int, Number], Poly]:
    """What multiplies each power of a symbol, and the terms that are no power of it."""
    powers: dict[int, Number] = {}
    rest: dict[Monomial, Number] = {}
    for monomial, coefficient in form.terms.items():
        power, others, inside = _around(monomial, name)
        if inside or power < 0:
            rest[monomial] = coefficient
        else:
            powers[power] = powers.get(power, 0) + term(others, coefficient, symbols)
    return powers, Poly(rest)


@lru_cache(maxsize=4096)
def _around(monomial: Monomial, name: str) -> tuple[int, Monomial, bool]:
    """The power of a symbol in a monomial, its other factors, and whether the symbol is inside a function."""
    power = next((e for atom, e in monomial if atom == name), 0)
    inside = any(not isinstance(a, str) and any(name in symbols_of(arg) for arg in a.args) for a, _ in monomial)
    return power, tuple((a, e) for a, e in monomial if a != name), inside


def _sum(powers: Mapping[int, Number], residue: Poly, values: Mapping[str, int], value: int) -> Number:
    total: Number = 0
    for power, coefficient in powers.items():
        total += coefficient * value**power
    return total + exact(residue, values) if residue.terms else total


def _interval(form: Poly, others: list[Poly], symbols: Mapping[str, int], name: str) -> tuple[int, int | None]:
    """The neighbourhood of the bound value in which the form is the largest; None for no upper end."""
    given = Values(symbols)
    ahead = [_by_power(form - other, given, name) for other in others]
    leads = [(powers, residue) for powers, residue in ahead if residue or min(powers.values(), default=0) < 0]

    def holds(value: int) -> bool:
        here = Values({**symbols, name: value})
        try:
            return all(_sum(powers, residue, here, value) >= 0 for powers, residue in leads)
        except (ValueError, ZeroDivisionError):
            return False

    low, high = _last(holds, symbols[name], -1), _last(holds, symbols[name], +1)
    return low or 1, high


def _last(holds: Callable[[int], bool], start: int, direction: int) -> int | None:
    """The last value from `start` on at which the condition holds; None when it holds up to the limit."""
    good, step = start, 1
    while True:
        probe = max(1, good + direction * step)
        if probe > LIMIT:
            return None
        if probe == good:
            return good
        if not holds(probe):
            break
        good, step = probe, step * 2
    while abs(probe - good) > 1:
        middle = (good + probe) // 2
        good, probe = (middle, probe) if holds(middle) else (good, middle)
    return good
