"""Cells of tables as text; what a format does in its own way it says in a Writer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from analyzer.papers.sheet import Cell, Column, Name, Order
from analyzer.polynomial import Poly
from analyzer.render.units import DECIMAL


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format writes text, numbers (given as plain digits), formulas, module names and shapes."""

    text: Callable[[str], str]
    number: Callable[[str], str]
    formula: Callable[[Poly], str]
    order: Callable[[str], str]  # around a formula
    name: Callable[[str, int], str]  # a module's name, how deep it lies
    times: str  # between the sizes of a shape, with what stands around a formula off
    mathematics: Callable[[str], str]  # around a formula


def cell(value: Cell, column: Column, writer: Writer) -> str:
    """One cell in a format."""
    match value:
        case None:
            return ""
        case str():
            return writer.text(value)
        case int() | Fraction():
            return writer.number(digits(value, column.unit))
        case Poly():
            return writer.mathematics(writer.formula(value))
        case Order(form=form):
            return writer.mathematics(writer.order(writer.formula(form)))
        case Name(text=text, level=level):
            return writer.name(text, level)
        case tuple():
            return writer.mathematics(writer.times.join(writer.formula(size) for size in value) or "1")


def digits(value: int | Fraction, unit: str) -> str:
    """A number in a unit as plain digits, three decimals at most: exact where it is short; 0.000 is a little more than 0."""
    scaled = Fraction(value) / DECIMAL.get(unit, 1)
    if scaled.denominator == 1:
        return str(scaled.numerator)
    rounded = round(Decimal(scaled.numerator) / Decimal(scaled.denominator), 3)
    return f"{rounded.normalize():f}" if rounded else "0.000"


def grouped(plain: str, separator: str = ",") -> str:
    """Digits with a separator between thousands."""
    whole, point, rest = plain.partition(".")
    return f"{int(whole):,}".replace(",", separator) + point + rest if whole not in ("-0", "") else plain


def title(column: Column) -> str:
    """A title with its unit."""
    return f"{column.title} ({column.unit})" if column.unit else column.title
