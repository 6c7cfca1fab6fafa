"""The commands that tell everything about one config: report, explain."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, OUTPUT, VALUES, is_data_only, read, width, write
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Model


@click.command()
@CONFIG
@ASSIGNMENTS
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help="A GPU of `peakform gpus`; repeatable. The first is the device kernels run on."
)
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv"]), default="text", show_default=True)
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="markdown: draw pictures into DIR and show them."
)
@VALUES
@OUTPUT
def report(
    config: str,
    assignments: tuple[str, ...],
    gpus: tuple[str, ...],
    form: str,
    plots: Path | None,
    values: Path | None,
    output: Path | None,
) -> None:
    """Parameters, memory, peak and feasibility of CONFIG, as closed forms and numbers.

    CONFIG is a path to a YAML file, or the name of a bundled model (`peakform models`).

    \b
    peakform report scperb B=512
    peakform report bioformer run.mode=infer --gpu a100-80gb --format markdown -o report.md
    peakform report scperb --format markdown --plots pictures -o report.md
    peakform report mine.yaml --values train.yaml
    """
    model, symbols, settings = read(config, assignments, values)
    if plots is not None and form != "markdown":
        raise InvalidConfig(Problem(Origin("command line"), "--plots goes with --format markdown"))
    reported(model, symbols, settings, gpus, form, output, plots)


def reported(
    model: Model,
    symbols: Mapping[str, str],
    settings: Mapping[str, str],
    gpus: tuple[str, ...],
    form: str,
    output: Path | None,
    plots: Path | None = None,
) -> None:
    """Write the report of a model. Raises InvalidConfig."""
    from analyzer.analysis import analyze
    from analyzer.assemble import assemble
    from analyzer.assemble_host import host_report
    from analyzer.gpus import device_of, read_gpus, select
    from analyzer.render import render, render_host
    from analyzer.run.settings import read_run

    terminal = output is None and sys.stdout.isatty()
    if is_data_only(model, settings):
        write(render_host(host_report(model, symbols), form, width(terminal), terminal), output)
        return
    chosen = select(read_gpus(), gpus)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device_of(chosen if gpus else ()))
    written = assemble(analysis, symbols, chosen)
    for warning in written.warnings:
        click.echo(f"warning: {warning}", err=True)
    text = render(written, form, width(terminal), terminal)
    if plots is not None:
        from analyzer.commands.plot import illustrated

        text += illustrated(model, symbols, analysis.run, chosen, plots, output.parent if output else Path())
    write(text, output)


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
