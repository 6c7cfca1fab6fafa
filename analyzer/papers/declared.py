"""The tables of a config as sheets: bindings as rows below the formulas, or as columns beside them."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.papers.order import leading
from analyzer.papers.sheet import Cell, Column, Order, Sheet, label_of
from analyzer.report import Report, Table


def declared(report: Report, table: Table, unit: str = "", order: bool = False) -> Sheet:
    """A table of the config; a unit and the orders may be asked for on top of what it says."""
    unit, order = unit or table.units, order or table.order
    caption = table.caption or f"{report.model}: {table.name}"
    label = table.label or label_of(report.model, table.name)
    if table.by == "columns":
        columns, heads, rows = _by_columns(table, unit, order)
    else:
        columns, heads, rows = _by_rows(table, unit, order)
    return Sheet(table.name, caption, label, columns, rows, heads)


Parts = tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...], tuple[tuple[Cell, ...], ...]]


def _by_rows(table: Table, unit: str, order: bool) -> Parts:
    blank: tuple[Cell, ...] = tuple(None for _ in table.symbols)
    heads: list[tuple[Cell, ...]] = [(*blank, *table.forms.values())]
    heads += [(*blank, *(Order(leading(form)) for form in table.forms.values()))] if order else []
    rows = tuple((*(symbols[s] for s in table.symbols), *(values[h] for h in table.forms)) for symbols, values in table.rows)
    symbols = (Column(s, is_symbol=True, is_number=True) for s in table.symbols)
    return (*symbols, *(Column(h, unit, is_number=True) for h in table.forms)), tuple(heads), rows


def _by_columns(table: Table, unit: str, order: bool) -> Parts:
    columns = [Column(""), Column("formula", is_long=True)] + [Column("order")] * order
    columns += [Column(_bound(symbols), unit, is_number=True) for symbols, _ in table.rows]
    rows: list[tuple[Cell, ...]] = []
    for name, form in table.forms.items():
        orders: tuple[Cell, ...] = (Order(leading(form)),) if order else ()
        rows.append((name, form, *orders, *(values[name] for _, values in table.rows)))
    return tuple(columns), (), tuple(rows)


def _bound(symbols: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in symbols.items()) or "value"
