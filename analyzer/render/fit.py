"""The table of `peakform fit`: for a terminal of 80 columns, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from analyzer.bisection import LARGEST
from analyzer.fit import Cell, Fit, Refused, Row
from analyzer.render.grids import grid, show, written
from analyzer.render.units import binary, count
from analyzer.solve import Solution
from analyzer.verdict import CLOSE, FITS, UNFIT, Answer

SHORT = {FITS: ("fits", "green"), CLOSE: ("close", "yellow"), UNFIT: ("no", "red")}


def as_text(fit: Fit, width: int | None = None, color: bool = False) -> str:
    """The answers with their reasons for one row, a matrix for several."""

    def draw(console: Console) -> None:
        if len(fit.rows) > 1:
            _matrix(console, fit)
        elif fit.symbol:
            _solutions(console, fit, fit.rows[0])
        else:
            _answers(console, fit.rows[0])
        for note in dict.fromkeys(f"{gpu.name}: {gpu.note}" for gpu in fit.gpus if gpu.note):
            console.print(f"Note: {note}.", markup=False)

    return written(draw, width, color)


def as_lines(fit: Fit) -> str:
    """One line per verdict, with its reason."""
    return "".join(f"{c.gpu.name} {c.answer}: {c.reason}\n" for row in fit.rows for c in row.cells if isinstance(c, Answer))


def _answers(console: Console, row: Row) -> None:
    console.print(Text(f"{row.config}{_said(row.values)}", style="bold"))
    table = grid("", ("GPU", "left"), ("capacity", "right"), ("needed", "right"), ("", "left"), ("headroom", "right"))
    for cell in row.cells:
        if isinstance(cell, Answer):
            shown = Text(cell.answer, style=SHORT[cell.answer][1])
            table.add_row(cell.gpu.name, binary(cell.gpu.capacity), binary(cell.needed), shown, binary(cell.gpu.capacity - cell.needed))
    show(console, table)
    for cell in row.cells:
        if isinstance(cell, Answer):
            console.print(f"{cell.gpu.name} {cell.answer}: {cell.reason}.", markup=False)
            if cell.answer == UNFIT and cell.message:
                console.print(f"  {cell.message.partition(' If reserved')[0]}", markup=False)


def _solutions(console: Console, fit: Fit, row: Row) -> None:
    columns = ("capacity", f"{fit.symbol} fits to", "too close to", "next", "bound")
    console.print(Text(f"{row.config}{_said(row.values)}: the largest {fit.symbol}", style="bold"))
    table = grid("", ("GPU", "left"), *((name, "right") for name in columns))
    solutions = [cell for cell in row.cells if isinstance(cell, Solution)]
    for s in solutions:
        close, following = value(s.close) if s.close > s.fits else "", count(s.following) if s.following else ""
        table.add_row(s.gpu.name, binary(s.gpu.capacity), value(s.fits), close, following, value(s.bound.value) if s.bound else "")
    show(console, table)
    for reason, cards in _grouped({s.gpu.name: s.refused for s in solutions}).items():
        console.print(f"{cards}: values in between are refused: {reason}.", markup=False)
    for s in solutions:
        if s.gaps:
            console.print(
                f"{s.gpu.name}: {fit.symbol} = {', '.join(map(count, s.gaps))} does not fit, by how memory is fragmented.", markup=False
            )
        if s.again:
            console.print(
                f"{s.gpu.name}: {fit.symbol} = {', '.join(map(count, s.again))} would fit again, by how memory is fragmented.", markup=False
            )
    for formula in dict.fromkeys(s.bound.formula for s in solutions if s.bound):
        where = next(s.bound.where for s in solutions if s.bound and s.bound.formula == formula)
        console.print(f"\nBound by what is requested at the peak ({where}):", markup=False)
        console.print(f"  {fit.symbol} <= {formula}", markup=False)
    if any(s.bound for s in solutions):
        console.print("  M: capacity less CUDA context. What the allocator rounds up and scatters is not in the bound.", markup=False)
    for why in dict.fromkeys(s.band.why for s in solutions):
        console.print(f"Too close to call: {why}.", markup=False)
    console.print(f"Assumed: what fits at one {fit.symbol} fits at every smaller one.", markup=False)


def _matrix(console: Console, fit: Fit) -> None:
    configs = list(dict.fromkeys(row.config for row in fit.rows))
    names = list(fit.rows[0].values)
    lead = [("config", "left")] * (len(configs) > 1) + [(name, "right") for name in names]
    what = f"the largest {fit.symbol} that fits" if fit.symbol else "verdicts"
    console.print(Text(f"{configs[0] + ': ' if len(configs) == 1 else ''}{what}", style="bold"))
    heads = [[name for name, _ in lead], *(_head(row)[-len(lead) :] for row in fit.rows)]
    room = console.width - sum(3 + max(map(len, column)) for column in zip(*heads))
    widest = max(len(_short(cell).plain) for row in fit.rows for cell in row.cells)
    each = max(1, room // (3 + max(widest, *(len(gpu.name) for gpu in fit.gpus))))
    for start in range(0, len(fit.gpus), each):
        cards = range(len(fit.gpus))[start : start + each]
        table = grid("", *lead, *((fit.gpus[i].name, "right") for i in cards))
        for row in fit.rows:
            table.add_row(*_head(row)[-len(lead) :], *(_short(row.cells[i]) for i in cards))
        show(console, table)
    cells = [cell for row in fit.rows for cell in row.cells]
    if any(isinstance(cell, Solution) and cell.close > cell.fits for cell in cells):
        console.print("In parentheses: too close to call up to here.", markup=False)
    if any(isinstance(cell, Answer) and cell.answer == CLOSE for cell in cells):
        console.print("close: too close to call.", markup=False)
    for reason in dict.fromkeys(cell.reason for cell in cells if isinstance(cell, Refused)):
        console.print(f"-: refused: {reason}.", markup=False)


def _head(row: Row) -> list[str]:
    return [row.config, *(count(number) for number in row.values.values())]


def _short(cell: Cell) -> Text:
    if isinstance(cell, Refused):
        return Text("-")
    if isinstance(cell, Answer):
        return Text(SHORT[cell.answer][0], style=SHORT[cell.answer][1])
    return Text(f"{value(cell.fits)} ({value(cell.close)})" if cell.close > cell.fits else value(cell.fits))


def value(solved: int) -> str:
    """A solved value: any where nothing grows with it, none where none fits."""
    return "any" if solved >= LARGEST else "none" if solved < 1 else count(solved)


def _said(values: Mapping[str, int]) -> str:
    return f" {' '.join(f'{name}={number}' for name, number in values.items())}" if values else ""


def _grouped(texts: Mapping[str, str]) -> dict[str, str]:
    """The cards of each text that is not empty."""
    return {text: ", ".join(card for card, other in texts.items() if other == text) for text in dict.fromkeys(texts.values()) if text}


def as_json(fit: Fit) -> str:
    """Every figure for a script; bytes are whole numbers."""
    rows = [{"config": row.config, "symbols": dict(row.values), "cells": [_plain(cell) for cell in row.cells]} for row in fit.rows]
    return json.dumps({"status": fit.status, "solved": fit.symbol or None, "rows": rows}, indent=2) + "\n"


def _plain(cell: Cell) -> dict[str, Any]:
    told: dict[str, Any] = {"gpu": cell.gpu.name, "capacity_bytes": cell.gpu.capacity, "context_bytes": cell.gpu.context}
    if isinstance(cell, Refused):
        return {**told, "refused": cell.reason}
    told["band"] = {"sure_bytes": cell.band.sure, "room_bytes": cell.band.room, "hopeful_bytes": cell.band.hopeful, "why": cell.band.why}
    told["estimated"] = cell.estimated
    if isinstance(cell, Solution):
        bound = None if cell.bound is None else {"formula": cell.bound.formula, "value": cell.bound.value, "where": cell.bound.where}
        return {
            **told, "symbol": cell.symbol, "fits": cell.fits, "replay_runs": cell.runs, "too_close_to": cell.close,
            "next": cell.following or None, "fits_again": list(cell.again), "gaps": list(cell.gaps),
            "refused_between": cell.refused or None, "bound": bound,
        }  # fmt: skip
    failure = None if cell.failure is None else asdict(cell.failure)
    return {
        **told,
        "answer": cell.answer,
        "reason": cell.reason,
        "needed_bytes": cell.needed,
        "failure": failure,
        "message": cell.message or None,
    }


def as_csv(fit: Fit) -> str:
    """One line per config, values and card."""
    out = io.StringIO()
    names: Sequence[str] = list(fit.rows[0].values)
    result = ["fits", "too_close_to", "next", "bound"] if fit.symbol else ["answer", "needed_bytes", "reason"]
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["config", *names, "gpu", "capacity_bytes", *result, "refused"])
    for row in fit.rows:
        for cell in row.cells:
            told = _plain(cell) | {"bound": cell.bound.value if isinstance(cell, Solution) and cell.bound else ""}
            figures = [told.get(key, "") for key in result]
            lines.writerow(
                [row.config, *(row.values[n] for n in names), cell.gpu.name, cell.gpu.capacity, *figures, told.get("refused", "")]
            )
    return out.getvalue()
