"""A table before any format: columns with units, cells that are text, numbers, formulas, orders or shapes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Union

from analyzer.graph import Shape
from analyzer.polynomial import Poly


@dataclass(frozen=True, slots=True)
class Order:
    """The leading order of a closed form: O(B·r²·c²)."""

    form: Poly


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a module, so many levels below the outermost one of the table."""

    text: str
    level: int = 0


Cell = Union[str, int, Fraction, Poly, Order, Name, Shape, None]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, the unit of its numbers, and whether the title is a symbol of the config."""

    title: str
    unit: str = ""
    is_symbol: bool = False
    is_number: bool = False
    is_long: bool = False  # formulas, which may take several lines


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. `heads` are rows below the titles (formulas), `sections` the rows that begin a part."""

    name: str
    caption: str
    label: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    heads: tuple[tuple[Cell, ...], ...] = ()
    sections: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


def label_of(*words: str) -> str:
    """A label for cross references: tab:bioformer-attention-and-outer-product."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in "-".join(words).lower())
    return "tab:" + "-".join(part for part in kept.split("-") if part)
