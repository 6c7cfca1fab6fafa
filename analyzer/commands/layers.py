"""The command that prints a model module by module."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, OUTPUT, read, width, write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem


@click.command("layers")
@CONFIG
@ASSIGNMENTS
@click.option("--depth", default=40, type=click.IntRange(0, 40), help="How deep to go; all of it when left out.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "csv", "json"]), default="text", show_default=True)
@OUTPUT
def layers(config: str, assignments: tuple[str, ...], depth: int, form: str, output: Path | None) -> None:
    """Print CONFIG layer by layer: class, output shape and parameters, as torchinfo does.

    What holds others has the name of its block for a class; a parameter that it holds itself stands in a row of its own.
    Numbers are those of one module where several stand in a row that are alike (12 ×), and include what lies below it.
    A layer that the forward does not call has no output shape.

    \b
    peakform layers vgg16
    peakform layers bert-base B=4 --depth 4
    """
    from analyzer.build.ranks import refuse_alone, with_ranks
    from analyzer.build.trace import bind_symbols, trace
    from analyzer.evaluate import evaluate
    from analyzer.layers import module_tree, rows
    from analyzer.parameters import count as parameters
    from analyzer.parameters import trainable
    from analyzer.render.layers import as_csv, as_json, as_markdown, as_table
    from analyzer.render.units import count
    from analyzer.run.settings import read_run

    model, symbols, settings = read(config, assignments)
    if not model.layers:
        raise InvalidConfig(Problem(model.origin, "a model needs 'layers'", "layers: [Linear: 128, GELU]"))
    run = read_run(model.run, settings, has_loss=bool(model.loss))
    model = with_ranks(model, run)
    bound = bind_symbols(model, symbols)
    refuse_alone(model, run, bound)
    if run.parallel == "pipeline" and not run.stage.isdigit():
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "the layers of a pipeline are those of one stage", "run.stage=0"))
    graph = trace(model, bound, run, unroll=True)
    tree = module_tree(graph, model.name)
    found = list(rows(tree, depth))
    totals = {"parameters": count(tree.parameters), "trainable": count(evaluate(parameters(trainable(graph)), graph.symbols))}
    terminal = output is None and sys.stdout.isatty()
    if form == "text":
        write(as_table(found, totals, width(terminal) if terminal else 80), output)
    elif form == "markdown":
        write(as_markdown(found, totals), output)
    else:
        write(as_csv(found) if form == "csv" else as_json(found), output)
