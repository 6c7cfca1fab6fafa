"""The pages of the systems in docs/, written from docs/sources with numbers that the analyzer gives while the page is made.

python -m validation.pages [NAME]...    # writes docs/NAME.md from docs/sources/NAME.md.j2
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from analyzer.analysis import Analysis, analyze
from analyzer.assemble import assemble
from analyzer.build.model import read_model
from analyzer.commands.arguments import assigned, find
from analyzer.evaluate import evaluate
from analyzer.expressions import size
from analyzer.formula import text
from analyzer.gpus import device_of, read_gpus, select
from analyzer.memory import categories
from analyzer.parameters import count
from analyzer.peaks import largest
from analyzer.polynomial import Poly, opened, symbol
from analyzer.problems import Origin
from analyzer.render.data import to_dict
from analyzer.render.units import DECIMAL
from analyzer.run.settings import read_run
from analyzer.tables import tables

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCES = DOCS / "sources"
PAGES = sorted(path.name.removesuffix(".md.j2") for path in SOURCES.glob("*.md.j2"))


class Asked:
    """The reports that a page asked for, with the commands that print them."""

    def __init__(self) -> None:
        self.commands: dict[str, None] = {}

    def report(self, config: str, *assignments: str, gpu: str = "") -> Mapping[str, Any]:
        """A report as `peakform report ... --format json` prints it; with verdicts only for a GPU that is named."""
        self._note(config, *assignments, *(("--gpu", gpu) if gpu else ()))
        chosen = select(read_gpus(), (gpu,)) if gpu else ()
        return to_dict(assemble(_analysis(config, assignments, gpu), assigned(assignments)[0], chosen))

    def memory(self, config: str, *assignments: str) -> Mapping[str, Any]:
        """The memory of a report: bytes and closed forms by category, of each phase's peak, and what another block keeps."""
        self._note(config, *assignments)
        traced = _analysis(config, assignments, "")
        found = categories(traced)
        values = traced.symbols.values
        peaks = {phase: largest([p for p in traced.pieces if p.phase == phase], values).form for phase in traced.timeline.spans}
        amounts = {name: _amount(form, values) for name, form in found.items()}
        phases = {phase: _amount(form, values) for phase, form in peaks.items()}
        most = max(phases.values(), key=lambda amount: amount["bytes"])
        return amounts | {"peaks": phases, "peak": most, "per_block": _factor(found["kept_for_backward"], "L", 1)}

    def parameters(self, config: str, *assignments: str) -> int:
        """How many parameters a model has."""
        self._note(config, *assignments)
        traced = _analysis(config, assignments, "")
        return evaluate(count(traced.graph.parameters.values()), traced.symbols.values)

    def tables(self, config: str) -> Any:
        """The tables of a config as its report has them."""
        self._note(config)
        described = read_model(*find(config))
        traced = analyze(described, {}, read_run(described.run, {}, has_loss=bool(described.loss)))
        return [{"formulas": t.header, "rows": [{"symbols": s, "values": v} for s, v in t.rows]} for t in tables(traced, {})]

    def _note(self, *words: str) -> None:
        self.commands[" ".join(("peakform report", *words))] = None


@cache
def _analysis(config: str, assignments: tuple[str, ...], gpu: str) -> Analysis:
    """A model without its tables."""
    symbols, settings = assigned(assignments)
    model = replace(read_model(*find(config)), tables=None)
    device = device_of(select(read_gpus(), (gpu,)) if gpu else ())
    return analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device)


def _amount(form: Poly, values: Mapping[str, int]) -> dict[str, Any]:
    return {"formula": text(form), "bytes": evaluate(form, values)}


def _factor(form: Poly, name: str, power: int) -> str:
    """What multiplies a power of a symbol in a closed form."""
    terms = opened(form).terms.items()
    return text(Poly({tuple(f for f in powers if f[0] != name): c for powers, c in terms if dict(powers).get(name) == power}))


def _read(formula: str) -> Poly:
    return size(formula, symbol, Origin("page"))


def at(formula: str, **values: int) -> int:
    """A closed form of a report at other values of its symbols."""
    return evaluate(_read(formula), values)


def bytes_in(amount: float, unit: str, digits: int = 2) -> str:
    """An amount of bytes in MB, MiB, GB or GiB: `348.52 MB`."""
    return f"{amount / DECIMAL[unit]:,.{digits}f} {unit}"


def figure(amount: float, unit: str, digits: int = 2) -> str:
    """The same without the unit."""
    return f"{amount / DECIMAL[unit]:,.{digits}f}"


def verdict(said: str, amount: float, unit: str = "bytes", *, about: bool = False) -> str:
    """Whether a figure that somebody states, or says it is about, is an amount to the digits it is stated with; else how far it is off."""
    value, digits = float(said.replace(",", "")), len(said.partition(".")[2])
    if round(amount / DECIMAL[unit], digits) == value:
        return "holds"
    other = unit.replace("B", "iB")
    if other in DECIMAL and round(amount / DECIMAL[other], digits) == value:
        return f"**wrong unit**, these are {other}"
    off = value * DECIMAL[unit] / amount - 1
    amiss = f"{100 * abs(off):.2g} %" if abs(off) < 0.995 else f"{off + 1:,.1f} times"
    if about and abs(off) < 0.06:
        return f"about right, {amiss} too {'high' if off > 0 else 'low'}"
    return f"**wrong**, {amiss} too {'high' if off > 0 else 'low'}" if off < 0.995 else f"**wrong**, {amiss} what is"


def factor(formula: str, name: str, power: int) -> str:
    """What multiplies a power of a symbol in a closed form of a report."""
    return _factor(_read(formula), name, power)


def parabola(figures: list[tuple[int, int, float]]) -> str:
    """The parabola and the line nearest to (batch, length, figure) at the batch that has several lengths, and how near."""
    points = sorted((length, value) for batch, length, value in figures if batch == 8)
    x, y = (np.array(column, dtype=float) for column in zip(*points))
    fits = [np.polyfit(x, y, degree) for degree in (2, 1)]
    near = [1 - float(((np.polyval(fit, x) - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()) for fit in fits]
    a, b, c = fits[0]
    return f"{a:+.6f}·r² {b:+.4f}·r {c:+.2f} (R² {near[0]:.4f}; of a line {near[1]:.4f})"


def sum_of(paths: list[str], rows: Mapping[str, Any]) -> int:
    """Bytes of the outputs of layers together."""
    return sum(rows[path]["output"]["bytes"] for path in paths)


def written(name: str) -> str:
    """A page as it should be. Raises jinja2.UndefinedError where a source asks for what no report has."""
    asked = Asked()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    functions: dict[str, Callable[..., Any]] = {
        "report": asked.report, "memory": asked.memory, "parameters": asked.parameters, "tables": asked.tables,
        "verdict": verdict, "at": at, "factor": factor,
    }  # fmt: skip
    environment.globals |= functions | {"zip": zip}
    environment.filters |= {"unit": bytes_in, "figure": figure, "sum_of": sum_of, "parabola": parabola, "count": lambda n: f"{n:,}"}
    page = environment.get_template(f"{name}.md.j2").render()
    return page.replace("COMMANDS", "\n".join(asked.commands))


def main() -> None:
    """Write the pages that are named, or all."""
    for name in sys.argv[1:] or PAGES:
        (DOCS / f"{name}.md").write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
