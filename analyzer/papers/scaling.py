"""How the peak grows with each symbol alone: the power, the term, its share, and from where on it is the larger part."""

from __future__ import annotations

from analyzer.analysis import Analysis
from analyzer.bisection import LARGEST
from analyzer.evaluate import NotWhole, exact
from analyzer.papers.order import leading
from analyzer.papers.sheet import Cell, Column, Order, Sheet, label_of
from analyzer.peaks import largest
from analyzer.polynomial import ONE, Atom, Call, Poly, opened, symbols_of
from analyzer.report import Report


def scaling(report: Report, analysis: Analysis) -> Sheet:
    """One row per symbol of the peak's formula."""
    values = analysis.symbols.values
    form = opened(largest(analysis.pieces, values).form)
    rows = [_row(name, value, form, analysis) for name, value in values.items() if name in symbols_of(form)]
    columns = (
        Column("symbol"), Column("value", is_number=True), Column("grows with"), Column("share"),
        Column("half of the peak from", is_number=True), Column("term", is_long=True),
    )  # fmt: skip
    note = "Each symbol alone, the others as given: its fastest term, its share of the peak, and from which value it is half of it."
    caption = f"{report.model}: which term of the peak dominates where"
    return Sheet("scaling", caption, label_of(report.model, "scaling"), columns, tuple(rows), notes=(note,))


def _row(name: str, value: int, form: Poly, analysis: Analysis) -> tuple[Cell, ...]:
    degree = max(_degree_of(m, name) for m in form.terms)
    top = Poly({m: c for m, c in form.terms.items() if _degree_of(m, name) == degree})
    power = Poly({((name, degree),): 1}) if degree else ONE
    values = analysis.symbols.values
    share = float(exact(top, values) / exact(form, values))
    half = _half(name, top, form, dict(values)) if degree else None
    return Poly({((name, 1),): 1}), value, Order(power), f"{100 * share:.1f} %", half, Order(leading(top)) if len(top.terms) > 6 else top


def _half(name: str, top: Poly, form: Poly, values: dict[str, int]) -> int | None:
    """The smallest value of a symbol from which a part of a sum is at least half of it; None for none."""

    def reached(value: int) -> bool:
        at = {**values, name: value}
        return 2 * exact(top, at) >= exact(form, at)

    low, high = 0, 1
    try:
        while not reached(high):
            low, high = high, 2 * high
            if high > LARGEST:
                return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle, high)
    except NotWhole:  # such as c/n heads at a c that n does not divide
        return None
    return high


def _degree_of(monomial: tuple[tuple[Atom, int], ...], name: str) -> int:
    return sum(exponent * _degree(atom, name) for atom, exponent in monomial)


def _degree(atom: Atom, name: str) -> int:
    """The power of a symbol with which a symbol or a function grows; a rounded quotient as the quotient does."""
    if isinstance(atom, str):
        return int(atom == name)
    degrees = [max((_degree_of(m, name) for m in arg.terms), default=0) for arg in atom.args]
    match atom:
        case Call(name="floordiv" | "ceildiv"):
            return degrees[0] - degrees[1]
        case Call(name="mod"):
            return degrees[1]
        case Call(name="min"):
            return min(degrees)
    return max(degrees, default=0)
