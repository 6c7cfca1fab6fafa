"""The command that says whether a config is right."""

from __future__ import annotations

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, is_data_only, read


@click.command()
@CONFIG
@ASSIGNMENTS
def check(config: str, assignments: tuple[str, ...]) -> None:
    """Say whether CONFIG is right: every problem with its line, or nothing wrong."""
    from analyzer.analysis import analyze
    from analyzer.assemble_host import assemble_host, host_report
    from analyzer.run.settings import read_run
    from analyzer.tables import tables

    model, symbols, settings = read(config, assignments)
    if is_data_only(model, settings):
        arrays = len(host_report(model, symbols).host.arrays)
        click.echo(f"{model.path}: right ({arrays} arrays in host memory, {len(model.symbols)} symbols)")
        return
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    assemble_host(model, analysis.symbols)
    tables(analysis, symbols)
    for warning in analysis.graph.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{model.path}: right ({len(analysis.graph.parameters)} parameter tensors, {len(model.symbols)} symbols)")
