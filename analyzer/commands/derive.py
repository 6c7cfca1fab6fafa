"""The command that shows where a formula comes from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, OUTPUT, VALUES, read, width, write


@click.command()
@CONFIG
@click.argument("term")
@ASSIGNMENTS
@click.option("--format", "form", type=click.Choice(["text", "latex"]), default="text", show_default=True)
@VALUES
@OUTPUT
def derive(config: str, term: str, assignments: tuple[str, ...], form: str, values: Path | None, output: Path | None) -> None:
    """Show where a formula of CONFIG comes from, block by block, so that it can be checked by hand.

    TERM is a category (parameters, buffers, gradients, optimizer, inputs, kept), a peak (peak, peak_forward, peak_backward,
    peak_step, peak_inference), a module or a tensor. Each line has the op, the line of YAML, the shape, the bytes, how many
    iterations hold one, and the gradient formula that reads it; then comes the sum.

    \b
    peakform derive scperb kept
    peakform derive bioformer outer_product B=2
    peakform derive bert-base peak_forward --format latex -o appendix.tex
    """
    from analyzer.analysis import analyze
    from analyzer.papers.derivation import derivation
    from analyzer.render.derivation import as_latex, as_text
    from analyzer.run.settings import read_run

    model, symbols, settings = read(config, assignments, values)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    found = derivation(analysis, term)
    bound = tuple(analysis.symbols.values.items())
    terminal = output is None and sys.stdout.isatty()
    write(as_latex(found, bound) if form == "latex" else as_text(found, bound, width(True) if terminal else 80), output)
