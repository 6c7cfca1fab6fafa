"""The commands that tell everything about one config: report, explain."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, OUTPUT, VALUES, is_data_only, read, width, write
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Model
    from analyzer.report import Report

DEPTH = 3


@click.command()
@CONFIG
@ASSIGNMENTS
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help="A GPU of `peakform gpus`; repeatable. The first is the device kernels run on."
)
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv", "html"]), default="text", show_default=True)
@click.option("--depth", default=DEPTH, show_default=True, type=click.IntRange(1, 40), help="Text: how deep modules are listed.")
@click.option("--layers", is_flag=True, help="Text: also every layer of the forward.")
@click.option("--full", is_flag=True, help="Text: every module and layer.")
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="markdown: draw pictures into DIR and show them."
)
@click.option(
    "--sets", type=click.IntRange(1, 60), metavar="N", help="html: at most so many sets of formulas, for where sliders go; 12 by default."
)
@VALUES
@OUTPUT
def report(
    config: str, assignments: tuple[str, ...], gpus: tuple[str, ...], form: str, depth: int, layers: bool, full: bool,
    plots: Path | None, sets: int | None, values: Path | None, output: Path | None,
) -> None:  # fmt: skip
    """Parameters, memory, peak and feasibility of CONFIG, as closed forms and numbers.

    CONFIG is a path to a YAML file, or the name of a bundled model (`peakform models`).

    \b
    peakform report scperb B=512
    peakform report bioformer run.mode=infer --gpu a100-80gb --format markdown -o report.md
    peakform report scperb --format markdown --plots pictures -o report.md
    peakform report mine.yaml --values train.yaml
    peakform report bert-base --full
    peakform report bert-base --format html -o page.html

    html is one page with a slider for every symbol: it evaluates the formulas by itself, offline.
    """
    model, symbols, settings = read(config, assignments, values)
    if plots is not None and form != "markdown":
        raise InvalidConfig(Problem(Origin("command line"), "--plots goes with --format markdown"))
    if sets is not None and form != "html":
        raise InvalidConfig(Problem(Origin("command line"), "--sets goes with --format html"))
    reported(model, symbols, settings, gpus, form, output, plots, 40 if full else depth, layers or full, sets)


def reported(
    model: Model, symbols: Mapping[str, str], settings: Mapping[str, str], gpus: tuple[str, ...], form: str, output: Path | None,
    plots: Path | None = None, depth: int = DEPTH, layers: bool = False, sets: int | None = None,
) -> None:  # fmt: skip
    """Write the report of a model; as text, modules down to a depth, and layers if asked for. Raises InvalidConfig."""
    from analyzer.analysis import analyze
    from analyzer.assemble import assemble
    from analyzer.assemble_host import host_report
    from analyzer.gpus import device_of, read_gpus, select
    from analyzer.render import render, render_host
    from analyzer.run.settings import read_run

    terminal = output is None and sys.stdout.isatty()
    if is_data_only(model, settings):
        if form == "html":
            raise InvalidConfig(Problem(model.origin, "a page needs 'layers', and this config has none", "use --format markdown"))
        if plots is not None:
            raise InvalidConfig(Problem(model.origin, "there is nothing to draw of a config without layers"))
        write(render_host(host_report(model, symbols), form, width(terminal), terminal), output)
        return
    chosen = select(read_gpus(), gpus)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device_of(chosen if gpus else ()))
    written = assemble(analysis, symbols, chosen)
    for warning in written.warnings:
        click.echo(f"warning: {warning}", err=True)
    if form == "html":
        from analyzer.commands.page import page

        write(page(written, analysis, chosen, gpus, (symbols, settings), sets), output)
        return
    if form == "markdown" and written.batch:
        from analyzer.ratios import ratios

        written = replace(written, ratios=ratios(analysis, symbols, written.batch))
    shown = _shortened(written, depth, layers) if form == "text" else written
    text = render(shown, form, width(terminal), terminal)
    if plots is not None:
        from analyzer.commands.plot import illustrated

        text += illustrated(model, symbols, analysis.run, chosen, plots, output.parent if output else Path())
    write(text, output)


def _shortened(report: Report, depth: int, layers: bool) -> Report:
    """A report without the modules below a depth, and without layers unless they are asked for; it says so."""
    modules = tuple(module for module in report.modules if module.path.count(".") < depth)
    left_out = [f"{len(report.modules) - len(modules)} modules below depth {depth} (--depth)"] * (len(modules) < len(report.modules))
    left_out += [] if layers or not report.layers else [f"{len(report.layers)} layers (--layers, or peakform layers)"]
    note = (f"not shown: {' and '.join(left_out)}; --full shows all",) if left_out else ()
    return replace(report, modules=modules, layers=report.layers if layers else (), notes=(*report.notes, *note))


@click.command()
@CONFIG
@ASSIGNMENTS
@click.option("--at", metavar="TEXT", help="List what is alive at the highest moment whose phase, label or op contains TEXT.")
@click.option("--rows", default=50, show_default=True, type=click.IntRange(1, 10000), help="Lines of the chart.")
@click.option("--format", "form", type=click.Choice(["text", "csv", "json"]), default="text", show_default=True)
@VALUES
@OUTPUT
def explain(
    config: str, assignments: tuple[str, ...], at: str | None, rows: int, form: str, values: Path | None, output: Path | None
) -> None:
    """Show how memory rises and falls over a step of CONFIG, by category and op.

    csv and json give every allocation; of a loop the first, second, last but one and last iteration stand for all.

    \b
    peakform explain bioformer B=2
    peakform explain bioformer B=2 --at softmax
    """
    from analyzer.analysis import analyze
    from analyzer.assemble import alive_at
    from analyzer.explain import course, named, sampled
    from analyzer.render.chart import as_alive, as_chart, as_json, as_rows
    from analyzer.run.settings import read_run

    model, symbols, settings = read(config, assignments, values)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    moments = course(analysis)
    if at is not None:
        found = named(moments, at)
        if not found:
            labels = {m.label.rpartition(".")[2] for m in moments}
            raise InvalidConfig(Problem(Origin("command line"), f"nothing is called '{at}' in the step", nearest(at, labels)))
        moment = max(found, key=lambda m: m.total)
        write(as_alive(moment, alive_at(analysis, moment.tick)), output)
    elif form == "text":
        write(as_chart(sampled(moments, rows), width(output is None and sys.stdout.isatty())), output)
    else:
        write(as_rows(moments) if form == "csv" else as_json(moments), output)
