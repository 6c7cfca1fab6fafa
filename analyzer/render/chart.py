"""The course of a step as a text chart, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from analyzer.explain import CATEGORIES, Moment
from analyzer.render.units import binary, count
from analyzer.report import Holding

MARKS = {"parameters": "P", "optimizer": "O", "gradients": "G", "inputs": "I", "kept": "k", "temporary": "t"}


def as_chart(moments: Sequence[Moment], width: int) -> str:
    """One line per moment: a bar of letters by category, bytes, and the op; the highest moment is marked."""
    top = max((m.total for m in moments), default=1) or 1
    room = max(20, width - 62)
    lines = [", ".join(f"{mark} {name}" for name, mark in MARKS.items())]
    phase = ""
    for moment in moments:
        if moment.phase != phase:
            phase = moment.phase
            lines += ["", phase]
        bar = "".join(MARKS[c] * round(moment.bytes[c] / top * room) for c in CATEGORIES)[:room]
        peak = "<" if moment.total == top else " "
        where = f"{moment.label}"[-38:]
        lines.append(f"{bar:<{room}}{peak} {binary(moment.total):>11}  {where} :{moment.line}")
    return "\n".join(lines) + "\n"


def as_rows(moments: Sequence[Moment]) -> str:
    """CSV: one row per moment, bytes by category."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("tick", "phase", "label", "op", "path", "line", *CATEGORIES, "total"))
    for m in moments:
        writer.writerow((m.tick, m.phase, m.label, m.op, m.path, m.line, *(m.bytes[c] for c in CATEGORIES), m.total))
    return out.getvalue()


def as_json(moments: Sequence[Moment]) -> str:
    """JSON: a list of moments."""
    rows = [
        {"tick": m.tick, "phase": m.phase, "label": m.label, "op": m.op, "path": m.path, "line": m.line, "bytes": dict(m.bytes)}
        for m in moments
    ]
    return json.dumps(rows, indent=1) + "\n"


def as_alive(moment: Moment, held: Sequence[Holding]) -> str:
    """What is alive at a moment, the largest first."""
    place = f"{moment.label} ({moment.op}), {moment.path}:{moment.line}"
    head = f"{binary(moment.total)} ({count(moment.total)} bytes) in {moment.phase}, after {place}"
    rows = [f"  {binary(h.amount.value):>11}  {h.kind:<12} {h.label}  = {h.amount.notation}" for h in held]
    return "\n".join([head, *rows]) + "\n"
