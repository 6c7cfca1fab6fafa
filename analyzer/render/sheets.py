"""Tables as text for a terminal, Markdown, CSV and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from html import escape

from rich.console import Console

from analyzer.papers.sheet import Cell, Column, Sheet
from analyzer.render.cells import Writer, cell, grouped, title
from analyzer.render.grids import grid, show, written
from analyzer.render.latex import as_latex
from analyzer.typesetting import html, unicode

FORMATS = ("text", "latex", "markdown", "csv", "html")
STYLE = (
    "table{border-collapse:collapse;margin:1em 0;font-size:.95em}caption{text-align:left;padding:.4em 0}"
    "thead th{border-top:2px solid;border-bottom:1px solid}tbody tr:last-child td{border-bottom:2px solid}"
    "td,th{padding:.15em .7em;text-align:left;font-weight:normal;vertical-align:baseline}sub,sup{line-height:0}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
    "tr.s td{border-top:1px solid}body{font-family:serif;margin:2em}"
)


def _in_cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


TEXT = Writer(str, grouped, unicode, lambda form: f"O({form})", lambda text, level: "  " * level + text, " × ", str)
MARKDOWN = Writer(
    _in_cell, grouped, unicode, lambda form: f"O({form})", lambda text, level: "&emsp;" * level + f"`{_in_cell(text)}`", " × ", _in_cell
)
CSV = Writer(str, str, repr, lambda form: f"O({form})", lambda text, level: "  " * level + text, "x", str)
HTML = Writer(
    lambda text: escape(text).replace(" %", "&nbsp;%"), lambda plain: grouped(plain, "\u202f"), html, lambda form: f"<i>O</i>({form})",
    lambda text, level: f'<code style="margin-left:{level}em">{escape(text)}</code>', " × ", str,
)  # fmt: skip


def as_sheets(
    sheets: Iterable[Sheet], form: str, width: int | None = None, color: bool = False, standalone: bool = False, long: bool | None = None
) -> str:
    """Tables in one of FORMATS; `standalone` makes a whole document of LaTeX or HTML, `long` LaTeX's longtable, None where it needs it."""
    found = list(sheets)
    if form == "latex":
        return as_latex(found, standalone, long)
    if form == "markdown":
        return "\n".join(map(_markdown, found))
    if form == "csv":
        return "\n".join(map(_csv, found))
    if form == "html":
        body = "\n".join(map(_html, found))
        head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>peakform</title><style>{STYLE}</style></head>\n'
        return f"{head}<body>\n{body}</body></html>\n" if standalone else body
    return written(lambda console: _draw(console, found), width, color)


def _draw(console: Console, sheets: Iterable[Sheet]) -> None:
    for sheet in sheets:
        columns = [
            ("formula" if c.is_long and c.title == "formula" else title(c), "right" if c.is_number else "left") for c in sheet.columns
        ]
        table = grid(sheet.caption, *columns)
        for row in sheet.heads:
            table.add_row(*_row(row, sheet.columns, TEXT))
        if sheet.heads:
            table.add_section()
        for i, row in enumerate(sheet.rows):
            if i in sheet.sections and i:
                table.add_section()
            table.add_row(*_row(row, sheet.columns, TEXT))
        show(console, table)
        for note in sheet.notes:
            console.print(note, markup=False)


def _row(row: tuple[Cell, ...], columns: tuple[Column, ...], writer: Writer) -> list[str]:
    return [cell(value, column, writer) for value, column in zip(row, columns)]


def _markdown(sheet: Sheet) -> str:
    lines = [f"**{_in_cell(sheet.caption)}**", ""]
    lines += ["| " + " | ".join(_in_cell(title(c)) for c in sheet.columns) + " |"]
    lines += ["| " + " | ".join("---:" if c.is_number else "---" for c in sheet.columns) + " |"]
    lines += ["| " + " | ".join(_row(row, sheet.columns, MARKDOWN)) + " |" for row in (*sheet.heads, *sheet.rows)]
    return "\n".join((*lines, *(f"\n{note}" for note in sheet.notes))) + "\n"


def _csv(sheet: Sheet) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(title(c) for c in sheet.columns)
    writer.writerows(_row(row, sheet.columns, CSV) for row in (*sheet.heads, *sheet.rows))
    return out.getvalue()


def _html(sheet: Sheet) -> str:
    lines = [f'<table id="{sheet.label}"><caption>{escape(sheet.caption)}</caption>', "<thead>"]
    lines += ["<tr>" + "".join(f"<th{_class(c)}>{escape(title(c))}</th>" for c in sheet.columns) + "</tr>"]
    lines += [_line(row, sheet.columns, "th", "") for row in sheet.heads]
    lines += ["</thead>", "<tbody>"]
    lines += [_line(row, sheet.columns, "td", ' class="s"' * (i in sheet.sections and i > 0)) for i, row in enumerate(sheet.rows)]
    notes = [f"<p><small>{escape(note)}</small></p>" for note in sheet.notes]
    return "\n".join((*lines, "</tbody>", "</table>", *notes)) + "\n"


def _line(row: tuple[Cell, ...], columns: tuple[Column, ...], tag: str, kind: str) -> str:
    cells = (f"<{tag}{_class(c)}>{text}</{tag}>" for c, text in zip(columns, _row(row, columns, HTML)))
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _class(column: Column) -> str:
    return ' class="n"' if column.is_number else ""
