"""The command that says whether a model fits, and the largest value of a symbol that does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from analyzer.commands.arguments import FILES, GPUS, OUTPUT, VALUES, read, width, write
from analyzer.commands.values import is_several, several
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem

MOST = 1000


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="CONFIG... [SYMBOL=VALUES | run.KEY=VALUE]...")
@GPUS
@FILES
@click.option("--solve", metavar="SYMBOL[,SYMBOL]", help="Find the largest value that fits; of two symbols, their frontier.")
@click.option("--multiple-of", "multiple", default=1, type=click.IntRange(1), metavar="N", help="Solve among multiples of N.")
@VALUES
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv"]), default="text", show_default=True)
@OUTPUT
def fit(
    words: tuple[str, ...],
    gpus: tuple[str, ...],
    files: tuple[Path, ...],
    solve: str | None,
    multiple: int,
    values: Path | None,
    form: str,
    output: Path | None,
) -> None:
    """Say whether CONFIG fits on a GPU, or find the largest value of a symbol that does.

    VALUES is a number, a list (128,256,512) or a range (64:512:64, both ends in); several configs, values or GPUs make a table.

    \b
    peakform fit bioformer B=4 c=64 --gpu a100-80gb
    peakform fit bioformer c=64 --gpu a100-80gb --solve B
    peakform fit bioformer c=64 --gpu a100-80gb --gpu h200 --solve B r=128,256,512
    peakform fit bert-base-eager gpt2-eager --gpu t4 --gpu a100 --solve B --multiple-of 8
    peakform fit bioformer c=64 --gpu a100-80gb --solve B,r

    Exit status: 0 fits (on every GPU asked for; with --solve, some value does), 1 does not fit, 2 the config or the command is
    refused, 3 too close to call. Without --gpu the common cards are shown and the status is 0.
    """
    from analyzer.fit import Asked
    from analyzer.fit import fit as fitted
    from analyzer.gpus import named, read_gpus, select
    from analyzer.render.fit import as_csv, as_json, as_text
    from analyzer.render.fit_markdown import as_markdown
    from analyzer.run.settings import read_run

    configs, single, swept = _sorted(words)
    cards = read_gpus(*files)
    asked = []
    for config in configs:
        model, symbols, settings = read(config, single, values, (*swept, *_solved(solve)))
        if not model.layers:
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{config}' has no layers: nothing runs on a GPU"))
        asked.append(Asked(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss))))
    found = fitted(asked, named(cards, gpus) if gpus else select(cards, ()), swept, _solved(solve), multiple)
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    terminal = output is None and sys.stdout.isatty()
    written = {"markdown": as_markdown, "json": as_json, "csv": as_csv}
    text = written[form](found) if form in written else as_text(found, width(True) if terminal else 80, terminal)
    write(text, output)
    sys.exit(found.status if gpus else 0)


def _solved(solve: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in solve.split(",")) if solve is not None else ()
    if len(names) > 2 or len(set(names)) < len(names) or not all(names):
        raise InvalidConfig(
            Problem(Origin(COMMAND_LINE), f"cannot solve for '{solve}'", "expected one symbol, or two with a comma between")
        )
    return names


def _sorted(words: tuple[str, ...]) -> tuple[list[str], tuple[str, ...], Mapping[str, list[int]]]:
    """Configs, assignments of one value, and symbols with several."""
    configs = [word for word in words if "=" not in word or Path(word).is_file()]
    single, swept = [], {}
    for word in words:
        if word in configs:
            continue
        if is_several(word):
            swept[word.partition("=")[0]] = several(word, MOST)
        else:
            single.append(word)
    if not configs:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "no config is named", "expected CONFIG... [SYMBOL=VALUES]..."))
    return configs, tuple(single), swept
