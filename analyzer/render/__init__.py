"""Reports as text: layout only, nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.render.data import as_csv, as_json
from analyzer.report import Report

FORMATS = ("text", "markdown", "json", "csv")


def render(report: Report, form: str, width: int | None = None, color: bool = False) -> str:
    """The report in one of FORMATS, ending in a newline; width and color concern the terminal's text only."""
    if form == "text":
        from analyzer.render.terminal import as_text  # rich is loaded only where it is used

        return as_text(report, width, color)
    if form == "markdown":
        from analyzer.render.markdown import as_markdown  # as is jinja2

        return as_markdown(report)
    writers: dict[str, Callable[[Report], str]] = {"json": as_json, "csv": as_csv}
    return writers[form](report)
