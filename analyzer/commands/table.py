"""The commands that make tables for a paper: table, diff."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import CONFIG, OUTPUT, read, width, write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.papers.sheet import Sheet
    from analyzer.report import Report

BUILT_IN = ("parameters", "memory", "scaling", "layers", "feasibility")
FORM = click.option("--format", "form", type=click.Choice(["text", "latex", "markdown", "csv", "html"]), default="text", show_default=True)
UNIT = click.option("--unit", type=click.Choice(["bytes", "kB", "MB", "GB", "KiB", "MiB", "GiB", "elements"]), help="Of the numbers.")
LONG = click.option(
    "--longtable/--float", "long", default=None, help="LaTeX: a table that goes on on another page, or not; by default where it is long."
)
STANDALONE = click.option("--standalone", is_flag=True, help="LaTeX and HTML: a whole document that compiles or opens by itself.")


@click.command()
@CONFIG
@click.argument("words", nargs=-1, metavar="[NAME]... [SYMBOL=VALUE | run.KEY=VALUE]...")
@FORM
@UNIT
@click.option("--order", is_flag=True, help="A row or column of leading orders: O(B r² c²).")
@click.option("--depth", default=4, show_default=True, type=click.IntRange(1, 40), help="How deep modules are listed.")
@click.option("--gpu", "gpus", multiple=True, metavar="NAME", help="The cards of `feasibility`; repeatable.")
@click.option("--caption", help="In place of the table's own.")
@click.option("--label", help="For references, in place of the table's own.")
@LONG
@STANDALONE
@OUTPUT
def table(
    config: str, words: tuple[str, ...], form: str, unit: str | None, order: bool, depth: int, gpus: tuple[str, ...],
    caption: str | None, label: str | None, long: bool | None, standalone: bool, output: Path | None,
) -> None:  # fmt: skip
    """Make tables of CONFIG for a paper: LaTeX (booktabs, siunitx), Markdown, CSV or HTML.

    NAME is an entry of the config's `tables:`, or one that every config has: parameters, memory (by block), scaling (which
    term dominates where), layers, feasibility (by GPU). Without a name: the config's own, or else the first three.

    \b
    peakform table bioformer --format latex
    peakform table scperb parameters --format latex --standalone -o scperb.tex
    peakform table cnn3d layers B=4 --unit GB --format markdown
    peakform table bert-base feasibility --gpu t4 --gpu h200
    """
    from dataclasses import replace

    from analyzer.render.sheets import as_sheets

    names = tuple(word for word in words if "=" not in word)
    if len(names) != 1 and (caption or label):
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "--caption and --label are of one table", "name it"))
    analysis, report = _reported(config, tuple(w for w in words if "=" in w), gpus, cards=not names or "feasibility" in names)
    sheets = [_sheet(name, analysis, report, unit, order, depth) for name in names or _usual(report)]
    sheets = [replace(sheet, caption=caption or sheet.caption, label=label or sheet.label) for sheet in sheets]
    terminal = output is None and sys.stdout.isatty()
    write(as_sheets(sheets, form, width(terminal), terminal, standalone, long), output)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="A [B] [SYMBOL=VALUE | run.KEY=VALUE]...")
@click.option("--before", multiple=True, metavar="NAME=VALUE", help="A symbol or run setting of the first only; repeatable.")
@click.option("--after", multiple=True, metavar="NAME=VALUE", help="One of the second only; repeatable.")
@click.option("--both", multiple=True, metavar="NAME=VALUE", help="One of both; repeatable.")
@click.option("--formulas", is_flag=True, help="Also the closed forms that differ.")
@FORM
@UNIT
@LONG
@STANDALONE
@OUTPUT
def diff(
    words: tuple[str, ...], before: tuple[str, ...], after: tuple[str, ...], both: tuple[str, ...], formulas: bool, form: str,
    unit: str | None, long: bool | None, standalone: bool, output: Path | None,
) -> None:  # fmt: skip
    """Put two configs side by side, or one config in two settings: memory, peaks, parameters and FLOPs.

    With two configs, what is assigned holds for both. With one config, it is what changes.

    \b
    peakform diff bioformer-later bioformer-chunked B=4 r=256
    peakform diff bioformer run.checkpoint=bioformer_block --both B=2
    peakform diff scperb --before run.optimizer=SGD --after run.optimizer=AdamW
    peakform diff gpt2 gpt2-medium --formulas --format latex -o sizes.tex
    """
    from analyzer.papers.difference import difference
    from analyzer.render.sheets import as_sheets

    configs, assignments = [w for w in words if "=" not in w], tuple(w for w in words if "=" in w)
    if not 1 <= len(configs) <= 2:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"{len(configs)} configs", "one in two settings, or two"))
    common = (*both, *assignments) if len(configs) == 2 else both
    changed = (*after, *(assignments if len(configs) == 1 else ()))
    if len(configs) == 1 and not changed and not before:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "nothing to compare with", f"peakform diff {configs[0]} run.mode=infer"))
    first = _reported(configs[0], (*common, *before), (), cards=False)[1]
    second = _reported(configs[-1], (*common, *changed), (), cards=False)[1]
    names = _names(configs, before, changed)
    sheets = difference(first, second, names, unit or largest_unit(max(first.peak.amount.value, second.peak.amount.value)), formulas)
    terminal = output is None and sys.stdout.isatty()
    write(as_sheets(sheets, form, width(terminal), terminal, standalone, long), output)


def _names(configs: list[str], before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, str]:
    """How the two are called: by what tells them apart."""
    if len(configs) == 2:
        return Path(configs[0]).stem, Path(configs[1]).stem
    return ", ".join(before) or "as described", ", ".join(after) or "as described"


def _reported(config: str, assignments: tuple[str, ...], gpus: tuple[str, ...], *, cards: bool) -> tuple[Analysis, Report]:
    """A config analysed and reported on, on cards where the table needs them. Raises InvalidConfig."""
    from analyzer.analysis import analyze
    from analyzer.assemble import assemble
    from analyzer.gpus import device_of, read_gpus, select
    from analyzer.run.settings import read_run

    model, symbols, settings = read(config, assignments)
    chosen = select(read_gpus(), gpus) if gpus or cards else ()
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device_of(chosen if gpus else ()))
    made = assemble(analysis, symbols, chosen)
    for warning in made.warnings:
        click.echo(f"warning: {warning}", err=True)
    return analysis, made


def _usual(report: Report) -> tuple[str, ...]:
    return tuple(t.name for t in report.tables) or BUILT_IN[:3]


def largest_unit(size: int) -> str:
    """The binary unit in which a size has at most five digits before the point, and what is smaller than it still shows."""
    return "GiB" if size >= 100 << 30 else "MiB" if size >= 100 << 10 else "KiB"


def _sheet(name: str, analysis: Analysis, report: Report, unit: str | None, order: bool, depth: int) -> Sheet:
    """A table by name. Raises InvalidConfig for a name that neither the config nor every config has."""
    from analyzer.papers import builtin
    from analyzer.papers.declared import declared
    from analyzer.papers.scaling import scaling

    own = {t.name: t for t in report.tables}
    if name in own:
        return declared(report, own[name], unit or "", order)
    if name not in BUILT_IN:
        known = ", ".join((*own, *BUILT_IN))
        hint = nearest(name, (*own, *BUILT_IN)) or f"one of: {known}"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"{report.path} has no table '{name}'", hint))
    chosen = unit or largest_unit(report.peak.amount.value)
    match name:
        case "parameters":
            return builtin.parameters(report, depth, order)
        case "memory":
            return builtin.memory(report, analysis, depth, chosen, order)
        case "scaling":
            return scaling(report, analysis)
        case "layers":
            return builtin.layers(report, analysis, chosen, order)
    if order:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "--order: 'feasibility' has no formulas to tell the order of"))
    return builtin.feasibility(report, unit or "GiB")
