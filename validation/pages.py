"""The pages of the systems in docs/, written from docs/sources with numbers that the analyzer gives while the page is made.

python -m validation.pages            # writes docs/NAME.md from every docs/sources/NAME.md.j2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from analyzer.analysis import analyze
from analyzer.assemble import assemble
from analyzer.build.model import read_model
from analyzer.commands.arguments import assigned, find
from analyzer.evaluate import evaluate
from analyzer.expressions import size
from analyzer.formula import text
from analyzer.gpus import device_of, read_gpus, select
from analyzer.memory import categories
from analyzer.polynomial import Poly, opened, symbol
from analyzer.problems import Origin
from analyzer.render.data import to_dict
from analyzer.render.units import DECIMAL
from analyzer.run.settings import read_run

DOCS = Path(__file__).resolve().parent.parent / "docs"
SOURCES = DOCS / "sources"
PAGES = sorted(path.name.removesuffix(".md.j2") for path in SOURCES.glob("*.md.j2"))


class Asked:
    """The reports that a page asked for, with the commands that print them."""

    def __init__(self) -> None:
        self.commands: dict[str, None] = {}

    def report(self, config: str, *assignments: str, gpu: str = "") -> Mapping[str, Any]:
        """A report as `peakform report ... --format json` prints it; with verdicts only for a GPU that is named."""
        command = " ".join(("peakform report", config, *assignments, *(("--gpu", gpu) if gpu else ())))
        self.commands[command] = None
        return _report(config, assignments, gpu)

    def tables(self, config: str) -> Any:
        """The tables of a config as its report has them."""
        self.commands[f"peakform report {config}"] = None
        return _report(config, (), "", tables=True)["tables"]


@cache
def _report(config: str, assignments: tuple[str, ...], gpu: str, *, tables: bool = False) -> Mapping[str, Any]:
    symbols, settings = assigned(assignments)
    model = read_model(*find(config))
    model = model if tables else replace(model, tables=None)
    chosen = select(read_gpus(), (gpu,)) if gpu else ()
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device_of(chosen))
    return to_dict(assemble(analysis, symbols, chosen)) | {"per_block": _per_block(categories(analysis)["kept_for_backward"])}


def _per_block(kept: Poly) -> str:
    """What another block keeps: the factor of L in what is kept for backward."""
    terms = opened(kept).terms.items()
    return text(Poly({tuple(f for f in powers if f[0] != "L"): c for powers, c in terms if dict(powers).get("L") == 1}))


def at(formula: str, **values: int) -> int:
    """A closed form of a report at other values of its symbols."""
    return evaluate(size(formula, symbol, Origin("page")), values)


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
    functions: dict[str, Callable[..., Any]] = {"report": asked.report, "verdict": verdict, "zip": zip, "at": at, "tables": asked.tables}
    environment.globals |= functions
    environment.filters |= {"unit": bytes_in, "figure": figure, "sum_of": sum_of, "count": lambda number: f"{number:,}"}
    page = environment.get_template(f"{name}.md.j2").render()
    return page.replace("COMMANDS", "\n".join(asked.commands))


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (DOCS / f"{name}.md").write_text(written(name), encoding="utf-8")


if __name__ == "__main__":
    main()
