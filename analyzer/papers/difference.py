"""Two configs, or one in two settings, side by side: every quantity before, after, and what changed."""

from __future__ import annotations

from fractions import Fraction

from analyzer.papers.sheet import Cell, Column, Sheet, label_of
from analyzer.report import CATEGORIES, Amount, Report


def difference(before: Report, after: Report, names: tuple[str, str], unit: str, formulas: bool = False) -> tuple[Sheet, ...]:
    """Memory in a unit, parameters and FLOPs as they are; with `formulas` a second table of those that changed."""
    first, second = quantities(before), quantities(after)
    columns = (
        Column("memory"), Column(names[0], unit, is_number=True), Column(names[1], unit, is_number=True),
        Column("change", unit, is_number=True), Column("ratio", is_number=True),
    )  # fmt: skip
    counts = (Column("quantity"), *(Column(c.title, is_number=True) for c in columns[1:]))
    caption = f"{names[0]} and {names[1]}"
    sheets = [
        Sheet("memory", f"Memory: {caption}", label_of("diff", *names), columns, _rows(first[0], second[0])),
        Sheet("counts", f"Parameters and FLOPs: {caption}", label_of("diff", *names, "counts"), counts, _rows(first[1], second[1])),
    ]
    if formulas:
        long = (Column("bytes of"), Column(names[0], is_long=True), Column(names[1], is_long=True))
        changed = tuple(
            (name, _form(first[0].get(name)), _form(second[0].get(name)))
            for name in dict.fromkeys((*first[0], *second[0]))
            if _form(first[0].get(name)) != _form(second[0].get(name))
        )
        sheets.append(Sheet("formulas", f"Formulas that differ: {caption}", label_of("diff", *names, "formulas"), long, changed))
    return tuple(sheets)


def quantities(report: Report) -> tuple[dict[str, Amount], dict[str, Amount]]:
    """What is compared by name: bytes, and counts."""
    memory = {CATEGORIES.get(name, name): amount for name, amount in report.memory.items()}
    memory["temporaries at the peak"] = report.peak.temporaries
    memory |= {f"peak, {phase}": amount for phase, amount in report.peaks.items()}
    memory["peak"] = report.peak.amount
    if report.inference:
        memory["peak of inference"] = report.inference.amount
    memory["largest tensor"] = report.largest_tensor.amount
    counts = {"parameters": report.totals["total"], "trainable parameters": report.totals["trainable"]}
    counts |= {f"FLOPs, {phase}": amount for phase, amount in report.effort.flops.items() if amount.value}
    return memory, counts


def _rows(before: dict[str, Amount], after: dict[str, Amount]) -> tuple[tuple[Cell, ...], ...]:
    rows: list[tuple[Cell, ...]] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if not (old and old.value) and not (new and new.value):
            continue
        change = new.value - old.value if old and new else None
        ratio = Fraction(new.value, old.value) if old and new and old.value else None
        rows.append((name, old.value if old else None, new.value if new else None, change, ratio))
    return tuple(rows)


def _form(amount: Amount | None) -> Cell:
    return amount.form if amount else None
