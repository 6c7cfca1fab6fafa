"""A report's page against Python: sliders are moved at random, and every number on the page is compared.

    python -m validation.page [CONFIG]... [--positions N] [--seed N] [--write]

Without CONFIG five configs at 1,000 positions each. Where the page shows no numbers because the config is refused, Python must refuse
it too. --write puts what was found into validation/results/page.json and the table of docs/page.md. Exit status: 0 all equal, 1 not.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzer import __version__
from analyzer.analysis import Analysis, analyze
from analyzer.assemble import assemble
from analyzer.build.model import read_model
from analyzer.cli import find
from analyzer.commands.page import page
from analyzer.evaluate import evaluate
from analyzer.figures import Binder, figures
from analyzer.gpus import Gpu, read_gpus, select
from analyzer.peaks import largest
from analyzer.problems import InvalidConfig
from analyzer.report import Figures
from analyzer.run.settings import read_run
from validation.browser import Page, opened, version

ROOT = Path(__file__).resolve().parent.parent
RESULTS, DOCS = ROOT / "validation" / "results" / "page.json", ROOT / "docs" / "page.md"
CONFIGS = ("bert-base", "bioformer", "cnn3d", "scperb", "llama-3.1-8b")
POSITIONS, SETS = 1000, 24  # of each config; --sets of its page
READ = """(() => {
  const number = (text) => text.replaceAll(",", "");
  const rows = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => rows(selector).map((e) => e.textContent);
  return {
    symbols: Object.fromEntries(rows(".symbol").map((e) => [e.dataset.symbol, e.querySelector("[type=number]").value])),
    told: document.getElementById("regime").hidden ? "" : document.getElementById("regime").textContent,
    set: document.getElementById("programs").textContent,
    peak: number(document.getElementById("peak-bytes").textContent),
    phases: Object.fromEntries(rows("[data-phase]").map((e) => [e.dataset.phase, number(e.querySelector(".count").textContent)])),
    numbers: texts("[data-as=count]:not(#kept *)").map(number),
    kept: texts("#kept [data-as=count]").map(number).sort(),
  };
})()"""
MOVE = """(() => {{
  const range = document.getElementById("range-" + {name});
  range.value = Math.floor({where} * (Number(range.max) + 1));
  range.dispatchEvent(new Event("input", {{ bubbles: true }}));
  range.dispatchEvent(new Event("change", {{ bubbles: true }}));
}})()"""
TYPE = """(() => {{
  const field = document.querySelector(`[data-symbol=${{ {name} }}] [type=number]`);
  field.value = Math.max(1, Math.round(2 * Number(field.value) ** (2 * {where})));
  field.dispatchEvent(new Event("input", {{ bubbles: true }}));
  field.dispatchEvent(new Event("blur"));
}})()"""
RESET = "document.getElementById('reset').click()"
TYPED = 5  # one position of so many is typed into a field, where any value can stand


REFUSED = ("The config is refused", "These values are refused")


@dataclass(slots=True)
class Compared:
    """A config's page at random positions: how many had numbers, were said to be refused, had no formulas; and what was wrong."""

    config: str
    bytes: int = 0  # of the page
    sets: int = 0  # of formulas
    positions: int = 0
    numbers: int = 0
    refused: int = 0
    without: int = 0
    wrong: list[str] = field(default_factory=list)


def analysed(config: str, overrides: Mapping[str, str] = {}) -> Analysis:
    """A bundled model at some values."""
    model = read_model(*find(config))
    return analyze(model, overrides, read_run(model.run, {}, has_loss=bool(model.loss)))


def written(analysis: Analysis, gpus: tuple[Gpu, ...]) -> str:
    """The page of an analysis."""
    return page(assemble(analysis, {}, gpus), analysis, gpus, (), ({}, {}), SETS)


def expected(analysis: Analysis) -> dict[str, Any]:
    """What the page should say, by Python: the figures of an analysis made anew."""
    found = figures(analysis, Binder(analysis.symbols.values), ())
    return {
        "peak": str(evaluate(largest(analysis.pieces, analysis.symbols.values).form, analysis.symbols.values)),
        "phases": {phase: str(amount.value) for phase, amount in found.peaks.items()},
        "numbers": [str(number) for number in _numbers(found)],
        "kept": sorted(str(held.amount.value) for held in found.kept),
    }


def _numbers(found: Figures) -> Iterator[int]:
    """Every count of the page from top to bottom, but for what is kept."""
    yield from (found.totals["total"].value, found.totals["trainable"].value)
    yield from (amount.value for amount in found.memory.values())
    if found.rule_of_thumb:
        yield found.rule_of_thumb.value
    yield from (row.amount.value for row in found.modules)
    yield from (row.parameters.value for row in found.layers)
    for phase, moved in found.effort.moved.items():
        yield from (found.effort.flops[phase].value, moved.value)


def moved(shown: Page, chosen: random.Random) -> dict[str, Any]:
    """What the page says after a slider or two were put somewhere, or a value was typed; from a place without numbers all go back."""
    if not shown.evaluate("document.getElementById('regime').hidden"):
        shown.evaluate(RESET)
    action = TYPE if chosen.randrange(TYPED) == 0 else MOVE
    names = shown.evaluate("[...document.querySelectorAll('.symbol')].map((e) => e.dataset.symbol)")
    for name in chosen.sample(names, min(len(names), chosen.randint(1, 2))):
        shown.evaluate(action.format(name=repr(name), where=chosen.random()))
    said: dict[str, Any] = shown.evaluate(READ)
    return said


def compared(config: str, positions: int, seed: int = 0) -> Compared:
    """The page of a config in a browser beside Python; sliders go on from where they are."""
    chosen, analysis = random.Random(f"{config} {seed}"), analysed(config)
    text = written(analysis, select(read_gpus(), ()))
    found = Compared(config, len(text.encode()), positions=positions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(text, encoding="utf-8")
        with opened(path) as shown:
            found.sets = shown.evaluate("Number(/(\\d+) sets/.exec(document.getElementById('programs').textContent)?.[1] ?? 1)")
            shown.evaluate("document.body.hidden = true")  # what is not painted says the same, sooner
            for _ in range(positions):
                _compare(found, moved(shown, chosen), analysis)
            found.wrong += [f"the console says {error}" for error in shown.errors]
            found.wrong += [f"asks for {address}" for address in shown.requests]
    return found


def _compare(found: Compared, said: Mapping[str, Any], analysis: Analysis) -> None:
    """Count one position, and note what is not as Python has it."""
    refused = said["told"].startswith(REFUSED)
    found.numbers += not said["told"]
    found.refused += refused
    found.without += bool(said["told"]) and not refused
    if said["told"] and not refused:
        return
    try:
        wanted = expected(analyze(analysis.model, said["symbols"], analysis.run, analysis.device))
    except InvalidConfig as error:
        found.wrong += [] if refused else [f"at {said['symbols']}: Python refuses, {error}"]
        return
    if refused:
        found.wrong.append(f"at {said['symbols']}: {said['told']} Python does not refuse")
        return
    different = [name for name, value in wanted.items() if said[name] != value]
    found.wrong += [f"at {said['symbols']}: {name} {said[name]}, expected {wanted[name]}" for name in different]


def table(results: Mapping[str, Any]) -> str:
    """The committed results in Markdown."""
    titles = ("config", "page", "sets of formulas", "positions", "with numbers", "refused", "without formulas", "wrong")
    lines = [f"| {' | '.join(titles)} |", f"| --- |{' ---: |' * 7}"]
    for row in results["configs"]:
        counts = (row[name] for name in ("sets", "positions", "numbers", "refused", "without"))
        cells = (row["config"], f"{row['bytes'] / 1000:,.0f} kB", *(f"{count:,}" for count in counts), len(row["wrong"]))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    made = f"{results['date']}, {results['browser']}, Python {results['python']}, seed {results['seed']}"
    return "\n".join([*lines, "", f"Measured {made}."])


def with_table(text: str, results: Mapping[str, Any]) -> str:
    """The page of docs with the table of today between its marks."""
    before, begin, rest = text.partition("<!-- positions -->\n")
    _, end, after = rest.partition("<!-- end of positions -->")
    return f"{before}{begin}\n{table(results)}\n\n{end}{after}"


def write(rows: Sequence[Compared], seed: int, browser: str) -> None:
    """The results file and the table in docs."""
    head = {"date": datetime.now(UTC).date().isoformat(), "peakform": __version__, "python": platform.python_version()}
    results = {**head, "browser": browser, "seed": seed, "configs": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    DOCS.write_text(with_table(DOCS.read_text(encoding="utf-8"), results), encoding="utf-8")


def main() -> int:
    """Exit status 0 where everything is equal."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("configs", nargs="*", default=CONFIGS)
    reader.add_argument("--positions", type=int, default=POSITIONS)
    reader.add_argument("--seed", type=int, default=0)
    reader.add_argument("--write", action="store_true")
    asked = reader.parse_args()
    rows = []
    for config in asked.configs:
        rows.append(row := compared(config, asked.positions, asked.seed))
        counts = f"{row.numbers} with numbers, {row.refused} refused, {row.without} without formulas, {len(row.wrong)} wrong"
        print(f"{config}: {row.positions} positions, {counts}", *row.wrong[:5], sep="\n  ", flush=True)
    if asked.write:
        write(rows, asked.seed, version())
    return int(any(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())
