"""The command that says what would make a model fit."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, FILES, OUTPUT, VALUES, find, read, width, write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem

PATIENCE = 1.0  # seconds after which a terminal is told what is being tried


@click.command()
@CONFIG
@ASSIGNMENTS
@click.option("--gpu", "name", required=True, metavar="NAME", help="The card that it is to fit on.")
@FILES
@VALUES
@click.option("--most", default=6, show_default=True, type=click.IntRange(1, 16), metavar="N", help="How many ways to show.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@OUTPUT
def advise(
    config: str,
    assignments: tuple[str, ...],
    name: str,
    files: tuple[Path, ...],
    values: Path | None,
    most: int,
    form: str,
    output: Path | None,
) -> None:
    """Say what would make CONFIG fit on a GPU: what to change, what that saves and costs, and what to type.

    \b
    peakform advise bioformer B=4 c=64 --gpu a100-80gb
    peakform advise my.yaml B=64 run.mode=train --gpu rtx-4090 --format json

    Every advice was replayed and fits. Exit status: 0 it fits, or there is advice; 1 nothing that was tried makes it fit;
    2 the config or the command is refused.
    """
    from analyzer.advice.answers import Asked
    from analyzer.advice.search import advise as advised
    from analyzer.gpus import named, read_gpus
    from analyzer.render.advice import as_json, as_text
    from analyzer.verdict import FITS

    (gpu,) = named(read_gpus(*files), (name,))
    model, given, settings = read(config, assignments, values)
    told = {name: str(s.definition) for name, s in model.symbols.items() if s.key is not None} if values is not None else {}
    symbols = {**told, **given}  # advice is tried on the file, which does not have them
    if not model.layers:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{config}' has no layers: nothing runs on a GPU"))
    asked = Asked(model, config, find(config)[0], symbols, settings, gpu)
    with _progress() as tell:
        found = advised(asked, most, tell)
    terminal = output is None and sys.stdout.isatty()
    text = as_text(found, gpu, files, width(True) if terminal else 80, terminal) if form == "text" else as_json(found, gpu, files)
    write(text, output)
    sys.exit(0 if found.answer.answer == FITS or found.advice else 1)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Takes what is being tried; a terminal is shown it once that has taken a while, on one line."""
    from rich.console import Console

    console, started = Console(stderr=True), time.monotonic()
    status = console.status("searching")

    def told(said: str) -> None:
        if console.is_terminal and time.monotonic() - started > PATIENCE:
            status.update(f"searching: {said}"[: console.width - 4].replace("[", "("))
            status.start()

    try:
        yield told
    finally:
        status.stop()
