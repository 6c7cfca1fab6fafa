"""The table of `peakform fit` as Markdown: configs and values down, cards across."""

from __future__ import annotations

from analyzer.fit import Cell, Fit, Refused, Row
from analyzer.render.fit import SHORT, value
from analyzer.render.units import binary, count
from analyzer.solve import Solution
from analyzer.verdict import Answer


def as_markdown(fit: Fit) -> str:
    """One table: a verdict with what it needs, or the largest value, in each cell."""
    names = list(fit.rows[0].values)
    solved = f"The largest {fit.symbol} that fits; in parentheses, up to where it is too close to call."
    what = solved if fit.symbol else "Whether it fits (close: too close to call), and what is needed of the card."
    heads = ["config", *names, *(f"{gpu.name}, {binary(gpu.capacity)}" for gpu in fit.gpus)]
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *(_line(row) for row in fit.rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    refused = dict.fromkeys(cell.reason for row in fit.rows for cell in row.cells if isinstance(cell, Refused))
    return f"{what}\n\n{table}" + "".join(f"\n-: refused: {reason}.\n" for reason in refused)


def _line(row: Row) -> list[str]:
    return [row.config, *(count(number) for number in row.values.values()), *(_cell(cell) for cell in row.cells)]


def _cell(cell: Cell) -> str:
    if isinstance(cell, Refused):
        return "-"
    if isinstance(cell, Answer):
        return f"{SHORT[cell.answer][0]}, {binary(cell.needed)}"
    assert isinstance(cell, Solution)
    return f"{value(cell.fits)} ({value(cell.close)})" if cell.close > cell.fits else value(cell.fits)
