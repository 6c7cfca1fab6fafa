"""What the tables of a terminal have in common."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from analyzer.render.units import count
from analyzer.report import Symbol


def written(draw: Callable[[Console], None], width: int | None, color: bool) -> str:
    """What `draw` prints, in at most `width` columns, without trailing spaces or two empty lines in a row; NO_COLOR is respected."""
    color = color and not os.environ.get("NO_COLOR")
    out = io.StringIO()
    draw(Console(file=out, width=width or 80, force_terminal=color, no_color=not color, highlight=False, emoji=False))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join(line for i, line in enumerate(lines) if line or (i and lines[i - 1])) + "\n"


def show(console: Console, table: Grid) -> None:
    """Print a table below an empty line."""
    console.print()
    console.print(table)


def grid(title: str, *columns: tuple[str, str]) -> Grid:
    """A table with (name, "left" or "right") columns; one called formula takes the room that is left."""
    table = Grid(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for name, justify in columns:
        if name == "formula":
            table.add_column(name, overflow="fold", ratio=1)
        else:
            table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=justify == "right", overflow="fold")
    return table


def symbol_table(console: Console, symbols: Sequence[Symbol]) -> None:
    """The symbols with their values and meanings; nothing when there are none."""
    if not symbols:
        return
    table = grid("Symbols", ("symbol", "left"), ("value", "right"), ("meaning", "left"))
    for s in symbols:
        meaning = ", ".join(part for part in (f"= {s.definition}" if s.definition else "", s.doc) if part)
        table.add_row(s.name, count(s.value), meaning)
    show(console, table)
