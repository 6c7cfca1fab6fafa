"""The report as one HTML page that evaluates itself at other values: laid out by templates/page.html.j2, alive by templates/page/."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from zlib import compress

from markupsafe import Markup

from analyzer.bisection import LARGEST
from analyzer.live import Ledger
from analyzer.render.markdown import TEMPLATES, environment
from analyzer.report import CATEGORIES, Amount, Figures, ModuleRow, Report
from analyzer.verdict import ESTIMATED

STYLES = ("vendor/uPlot.min.css", "page/page.css")
SCRIPTS = ("vendor/uPlot.iife.min.js", "page/exact.js", "page/notation.js", "page/charts.js", "page/page.js")
BODIES = ("totals", "memory", "modules", "kept", "layers", "effort")  # macros of templates/page/tables.html.j2
NUMBERS = re.compile(r'(<data [^>]*>|<td class="num (?:binary|exact count)">|<td class="form"><span class="formula">)[^<]*')


@dataclass(slots=True)
class Branch:
    """A module by its own name, and the modules in it."""

    name: str
    amount: Amount
    children: list[Branch] = field(default_factory=list)


def as_page(report: Report, figures: Sequence[Figures], told: dict[str, Any], ledger: Ledger) -> str:
    """The page; `figures` of each program, the report's own first, `told` and the ledger of `analyzer.live`."""
    style = "\n".join(_file(name) for name in STYLES)
    scripts = [_file(name) for name in SCRIPTS]
    made = environment(escaped=True)
    made.filters["form"] = lambda amount: ledger.form(amount.form)
    made.filters["tree"] = _tree
    made.globals["memory_names"] = CATEGORIES
    first, bodies, chosen = _bodies(figures, made.get_template("page/tables.html.j2").module)
    programs = [program | {"bodies": own} for program, own in zip(told["programs"], chosen, strict=True)]
    return made.get_template("page.html.j2").render(
        report=report, largest=LARGEST, bodies=first, band=_band(told["programs"][0]["cards"]),
        bound_at=", ".join(f"{s.name}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{s.value:,}" for s in report.symbols if not s.definition),
        files={"style": Markup(style), "scripts": [Markup(script) for script in scripts]},
        policy={"styles": _hashes([style]), "scripts": _hashes(scripts)},
        data=_packed({**told, "programs": programs, "bodies": bodies, "batch": report.batch, **ledger.told()}),
    )  # fmt: skip


def _band(cards: Sequence[dict[str, Any]]) -> str:
    """The largest part of a card's room that an estimate has to leave: 10%."""
    rooms = ((card["capacity"] - card["context"], card["sure"]) for card in cards)
    return f"{max(((room - sure) / room for room, sure in rooms), default=float(ESTIMATED)):.0%}"


def _bodies(figures: Sequence[Figures], macros: object) -> tuple[dict[str, Markup], dict[str, list[str]], list[dict[str, int]]]:
    """The tables of the first program; those of all without numbers, each once, the first one's left out; which one a program has."""
    first: dict[str, Markup] = {}
    bodies: dict[str, list[str]] = {name: [] for name in BODIES}
    chosen = []
    for one in figures:
        texts = {name: str(getattr(macros, name)(one)) for name in BODIES}
        first = first or {name: Markup(text) for name, text in texts.items()}
        bare = {name: NUMBERS.sub(r"\1", text) for name, text in texts.items()}
        for name, text in bare.items():
            bodies[name] += [text] if text not in bodies[name] else []
        chosen.append({name: bodies[name].index(text) for name, text in bare.items()})
    return first, {name: ["", *texts[1:]] for name, texts in bodies.items()}, chosen


def _file(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hashes(texts: list[str]) -> str:
    """What a Content-Security-Policy allows: these texts and nothing else."""
    return " ".join(f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts)


def _packed(told: dict[str, Any]) -> str:
    """JSON, deflated and in base64: no text of a config can end it."""
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return b64encode(compress(text.encode(), 9)).decode()


def _tree(rows: tuple[ModuleRow, ...]) -> list[Branch]:
    """Modules under those that hold them."""
    roots: list[Branch] = []
    known: dict[str, Branch] = {}
    for row in rows:
        above, _, name = row.path.rpartition(".")
        known[row.path] = Branch(name, row.amount)
        (known[above].children if above in known else roots).append(known[row.path])
    return roots
