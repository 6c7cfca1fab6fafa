"""The report as one HTML page that evaluates itself at other values: laid out by templates/page.html.j2, alive by templates/page/."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from markupsafe import Markup

from analyzer.bisection import LARGEST
from analyzer.live import Ledger
from analyzer.render.markdown import TEMPLATES, environment
from analyzer.render.terminal import MEMORY_NAMES
from analyzer.report import Amount, ModuleRow, Report
from analyzer.verdict import ESTIMATED

STYLES = ("vendor/uPlot.min.css", "page/page.css")
SCRIPTS = ("vendor/uPlot.iife.min.js", "page/exact.js", "page/notation.js", "page/charts.js", "page/page.js")


@dataclass(slots=True)
class Branch:
    """A module by its own name, and the modules in it."""

    name: str
    amount: Amount
    children: list[Branch] = field(default_factory=list)


def as_page(report: Report, told: dict[str, Any], ledger: Ledger) -> str:
    """The page; `told` and the ledger are of `analyzer.live`."""
    style = "\n".join(_file(name) for name in STYLES)
    scripts = [_file(name) for name in SCRIPTS]
    made = environment(escaped=True)
    made.filters["form"] = lambda amount: ledger.form(amount.form)
    return made.get_template("page.html.j2").render(
        report=report, memory_names=MEMORY_NAMES, largest=LARGEST, modules=_tree(report.modules), band=f"{float(ESTIMATED):.0%}",
        bound_at=", ".join(f"{s.name} = {s.value:,}" for s in report.symbols if not s.definition),
        files={"style": Markup(style), "scripts": [Markup(script) for script in scripts]},
        policy={"styles": _hashes([style]), "scripts": _hashes(scripts)},
        data=lambda: _data({**told, "forms": ledger.forms, "atoms": ledger.atoms, "batch": report.batch}),
    )  # fmt: skip


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hashes(texts: list[str]) -> str:
    """What a Content-Security-Policy allows: these texts and nothing else."""
    return " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts)


def _data(told: dict[str, Any]) -> Markup:
    """JSON that no text of a config can end."""
    return Markup(json.dumps(told, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"))


def _tree(rows: tuple[ModuleRow, ...]) -> list[Branch]:
    """Modules under those that hold them."""
    roots: list[Branch] = []
    known: dict[str, Branch] = {}
    for row in rows:
        above, _, name = row.path.rpartition(".")
        known[row.path] = Branch(name, row.amount)
        (known[above].children if above in known else roots).append(known[row.path])
    return roots
