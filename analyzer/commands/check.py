"""The command that says whether a config is right."""

from __future__ import annotations

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, read


@click.command()
@CONFIG
@ASSIGNMENTS
def check(config: str, assignments: tuple[str, ...]) -> None:
    """Say whether CONFIG is right: every problem with its line, or nothing wrong."""
    from analyzer.analysis import analyze
    from analyzer.run.settings import read_run
    from analyzer.tables import tables

    model, symbols, settings = read(config, assignments)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    tables(analysis, symbols)
    for warning in analysis.graph.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{model.path}: right ({len(analysis.graph.parameters)} parameter tensors, {len(model.symbols)} symbols)")
