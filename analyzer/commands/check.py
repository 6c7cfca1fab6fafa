"""The command that says whether a config is right."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, FILES, GPUS, VALUES, is_data_only, read


@click.command()
@CONFIG
@ASSIGNMENTS
@GPUS
@FILES
@VALUES
def check(config: str, assignments: tuple[str, ...], gpus: tuple[str, ...], files: tuple[Path, ...], values: Path | None) -> None:
    """Say whether CONFIG is right: every problem with its line, or nothing wrong; with --gpu also whether it fits.

    \b
    peakform check my.yaml
    peakform check my.yaml B=32 --gpu a100-80gb && sbatch job.sh

    Exit status: 0 right, and fits on every GPU asked for; 1 does not fit; 2 wrong or refused; 3 too close to call.
    """
    from analyzer.analysis import analyze
    from analyzer.assemble_host import assemble_host, host_report
    from analyzer.fit import Asked, fit
    from analyzer.gpus import device_of, named, read_gpus
    from analyzer.render.fit import as_lines
    from analyzer.run.settings import read_run
    from analyzer.tables import tables

    cards = named(read_gpus(*files), gpus) if gpus or files else ()
    model, symbols, settings = read(config, assignments, values)
    if is_data_only(model, settings):
        arrays = len(host_report(model, symbols).host.arrays)
        click.echo(f"{model.path}: right ({arrays} arrays in host memory, {len(model.symbols)} symbols)")
        return
    run = read_run(model.run, settings, has_loss=bool(model.loss))
    analysis = analyze(model, symbols, run, device_of(cards))
    assemble_host(model, analysis.symbols)
    tables(analysis, symbols)
    for warning in analysis.graph.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{model.path}: right ({len(analysis.graph.parameters)} parameter tensors, {len(model.symbols)} symbols)")
    if cards:
        answers = fit([Asked(model, symbols, run, analysis)], cards, {}, ())
        click.echo(as_lines(answers), nl=False)
        sys.exit(answers.status)
