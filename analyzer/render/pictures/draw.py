"""A picture into a file: PNG, SVG or PDF by its name, or its numbers as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from analyzer.pictures.shown import Course, Curves, Field, Frontier, Picture, Shares, Sizes
from analyzer.render.pictures.fields import draw_contour, draw_surface
from analyzer.render.pictures.lines import draw_curves, draw_frontier, draw_sizes
from analyzer.render.pictures.moments import draw_bar, draw_course, draw_pie
from analyzer.render.pictures.style import NO_DATE, STYLE

Draw = Callable[[Any, float, str | None], Figure]
DRAWN: dict[str, tuple[type[Picture], Draw]] = {
    "memory": (Curves, draw_curves), "surface": (Field, draw_surface), "contour": (Field, draw_contour),
    "frontier": (Frontier, draw_frontier), "bar": (Shares, draw_bar), "pie": (Shares, draw_pie),
    "timeline": (Course, draw_course), "parameters": (Sizes, draw_sizes),
}  # fmt: skip


def drawn(kind: str, picture: Picture, width: float, title: str | None) -> Figure:
    """The figure of a picture, so many inches wide."""
    shown, draw = DRAWN[kind]
    assert isinstance(picture, shown)
    with matplotlib.rc_context(STYLE):
        return draw(picture, width, title)


def save(kind: str, picture: Picture, path: Path, width: float, title: str | None = None) -> None:
    """Draw into a file; the same picture gives the same bytes. Raises OSError."""
    form = path.suffix[1:].lower()
    if form == "csv":
        path.write_text(numbers(picture), encoding="utf-8")
        return
    with matplotlib.rc_context(STYLE):
        drawn(kind, picture, width, title).savefig(path, format=form, metadata=NO_DATE[form])


def numbers(picture: Picture) -> str:
    """The values behind a picture as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(picture.table())
    return out.getvalue()
