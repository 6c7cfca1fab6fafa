"""The report as Markdown, laid out by templates/report.md.j2. The only file that imports jinja2."""

from __future__ import annotations

from pathlib import Path

import jinja2

from analyzer.bisection import LARGEST
from analyzer.host_report import HostReport
from analyzer.render import host
from analyzer.render.units import binary, count, decimal, duration, in_unit, settings
from analyzer.report import CATEGORIES, Report

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def as_markdown(report: Report) -> str:
    """The report as a Markdown document."""
    return environment().get_template("report.md.j2").render(report=report, memory_names=CATEGORIES, largest=LARGEST)


def data_as_markdown(report: HostReport) -> str:
    """The report of a config that describes data and no model, as a Markdown document."""
    return environment().get_template("data.md.j2").render(report=report)


def environment(*, escaped: bool = False) -> jinja2.Environment:
    """Templates with the filters that layouts share; `escaped` where texts of a config must not become markup."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=escaped,
    )  # fmt: skip
    environment.filters |= {
        "binary": binary,
        "count": count,
        "in_unit": in_unit,
        "decimal": decimal,
        "duration": duration,
        "cell": cell,
        "settings": settings,
    }
    environment.filters |= {f.__name__: f for f in (host.beside, host.layout, host.number, host.saving, host.times_one, host.totals)}
    environment.filters["verdict"] = host.verdict
    environment.globals |= {"ways": host.BY, "outside": host.OUTSIDE}
    return environment


def cell(text: object) -> str:
    """Text that does not end a table cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")
