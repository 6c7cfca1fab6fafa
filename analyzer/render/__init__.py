"""Reports as text: layout only, nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.host_report import HostReport
from analyzer.render.data import as_csv, as_json, data_as_csv, data_as_json
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


def render_host(report: HostReport, form: str, width: int | None = None, color: bool = False) -> str:
    """The report of a config that describes data and no model, in one of FORMATS."""
    if form == "text":
        from analyzer.render.terminal import data_as_text

        return data_as_text(report, width, color)
    if form == "markdown":
        from analyzer.render.markdown import data_as_markdown

        return data_as_markdown(report)
    writers: dict[str, Callable[[HostReport], str]] = {"json": data_as_json, "csv": data_as_csv}
    return writers[form](report)
