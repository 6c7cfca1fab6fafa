"""A report's page against Python: sliders are moved at random, and every number on the page is compared.

python -m validation.page            # 1,000 positions, five configs
python -m validation.page bert-base --positions 50
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analyzer.analysis import Analysis, analyze
from analyzer.assemble import assemble
from analyzer.build.model import read_model
from analyzer.cli import find
from analyzer.commands.page import page
from analyzer.gpus import Gpu, read_gpus, select
from analyzer.problems import InvalidConfig
from analyzer.report import Report
from analyzer.run.settings import read_run
from validation.browser import Page, opened

CONFIGS = ("bert-base", "bioformer", "cnn3d", "scperb", "llama-3.1-8b")
POSITIONS = 1000
READ = """(() => {
  const number = (text) => text.replaceAll(",", "");
  const rows = (selector) => [...document.querySelectorAll(selector)];
  const texts = (selector) => rows(selector).map((e) => e.textContent);
  return {
    symbols: Object.fromEntries(rows(".symbol").map((e) => [e.dataset.symbol, e.querySelector("[type=number]").value])),
    holds: document.getElementById("regime").hidden,
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


def analysed(config: str, overrides: Mapping[str, str] = {}) -> Analysis:
    """A bundled model at some values."""
    model = read_model(*find(config))
    return analyze(model, overrides, read_run(model.run, {}, has_loss=bool(model.loss)))


def written(analysis: Analysis, gpus: tuple[Gpu, ...]) -> str:
    """The page of an analysis."""
    return page(assemble(analysis, {}, gpus), analysis, gpus, (), ({}, {}))


def expected(analysis: Analysis) -> dict[str, Any]:
    """What the page should say, by Python: the report of an analysis made anew."""
    report: Report = assemble(analysis, {}, ())
    return {
        "peak": str(report.peak.amount.value),
        "phases": {phase: str(amount.value) for phase, amount in report.peaks.items()},
        "numbers": [str(number) for number in _numbers(report)],
        "kept": sorted(str(held.amount.value) for held in report.kept),
    }


def _numbers(report: Report) -> Iterator[int]:
    """Every count of the page from top to bottom, but for what is kept."""
    yield from (report.totals["total"].value, report.totals["trainable"].value)
    yield from (amount.value for amount in report.memory.values())
    if report.rule_of_thumb:
        yield report.rule_of_thumb.value
    yield from (row.amount.value for row in report.modules)
    yield from (row.parameters.value for row in report.layers)
    for phase, moved in report.effort.moved.items():
        yield from (report.effort.flops[phase].value, moved.value)


def moved(shown: Page, chosen: random.Random) -> dict[str, Any]:
    """What the page says after a slider or two were put somewhere."""
    names = shown.evaluate("[...document.querySelectorAll('.symbol')].map((e) => e.dataset.symbol)")
    for name in chosen.sample(names, min(len(names), chosen.randint(1, 2))):
        shown.evaluate(MOVE.format(name=repr(name), where=chosen.random()))
    said: dict[str, Any] = shown.evaluate(READ)
    return said


def differences(config: str, positions: int, seed: int = 0) -> Iterator[str]:
    """Where page and Python disagree, one line each."""
    chosen = random.Random(f"{config} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(written(analysed(config), select(read_gpus(), ())), encoding="utf-8")
        with opened(path) as shown:
            for _ in range(positions):
                said = moved(shown, chosen)
                yield from compared(config, said)
            yield from (f"{config}: the console says {error}" for error in shown.errors)
            yield from (f"{config}: asks for {address}" for address in shown.requests)


def compared(config: str, said: Mapping[str, Any]) -> Iterator[str]:
    """The figures of one position that are not Python's."""
    if not said["holds"]:
        return
    try:
        wanted = expected(analysed(config, said["symbols"]))
    except InvalidConfig as error:
        yield f"{config} at {said['symbols']}: Python refuses, {error}"
        return
    for name, value in wanted.items():
        if said[name] != value:
            yield f"{config} at {said['symbols']}: {name} {said[name]}, expected {value}"


def main() -> int:
    """Exit status 0 where everything is equal."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("configs", nargs="*", default=CONFIGS)
    reader.add_argument("--positions", type=int, default=POSITIONS)
    asked = reader.parse_args()
    failed = 0
    for config in asked.configs:
        found = list(differences(config, asked.positions))
        failed += bool(found)
        print(f"{config}: {asked.positions} positions, {len(found)} differences", *found[:5], sep="\n  ", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
