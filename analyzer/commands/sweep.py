"""The command that evaluates closed forms at every combination of many values."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import CONFIG, FILES, GPUS, read, width
from analyzer.commands.arguments import VALUES as TRAINED
from analyzer.commands.values import is_several, several
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem

if TYPE_CHECKING:
    from analyzer.build.model import Model
    from analyzer.sweep.evaluate import Job
    from analyzer.sweep.grid import Grid
    from analyzer.sweep.table import Part

Read = tuple["Model", Mapping[str, str], Mapping[str, str]]
VALUES, POINTS = 10**6, 10**9


@click.command()
@CONFIG
@click.argument("words", nargs=-1, metavar="SYMBOL=VALUES... [SYMBOL=VALUE | run.KEY=VALUE]...")
@GPUS
@FILES
@TRAINED
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write every point: FILE.csv or FILE.parquet.")
@click.option("--categories", is_flag=True, help="With columns for parameters, gradients, optimizer, kept for backward, ...")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="On N processes of this machine (Dask).")
@click.option("--scheduler", metavar="ADDRESS", help="On the Dask cluster of a scheduler, such as tcp://host:8786.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Of the summary.")
def sweep(
    config: str, words: tuple[str, ...], gpus: tuple[str, ...], files: tuple[Path, ...], values: Path | None, output: Path | None,
    categories: bool, workers: int | None, scheduler: str | None, form: str,
) -> None:  # fmt: skip
    """Evaluate the peak of CONFIG at every combination of VALUES, millions if need be.

    VALUES is a list (128,256,512) or a range (64:1024:64, both ends in); the last symbol changes fastest.

    \b
    peakform sweep bert-base B=1:512 r=128,256,512 c=96:1536:96 -o sweep.parquet
    peakform sweep my.yaml B=1:64 r=64:4096:64 --gpu a100-80gb -o sweep.csv
    peakform sweep my.yaml B=1:512 r=1:4096 --scheduler tcp://host:8786 -o sweep.parquet

    Columns: the symbols; peak_bytes, what the program requests at once at its peak, exact by the closed form; peak_phase;
    refused, why the config does not take the point; per card needed_bytes and the answer with a band of 10 %.
    """
    from analyzer.sweep.grid import Grid

    axes = {word.partition("=")[0]: tuple(several(word, VALUES)) for word in words if is_several(word)}
    grid = Grid(axes)
    if not axes or grid.points > POINTS:
        said = f"{grid.points:,} points are too many" if axes else "nothing is swept"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), said, f"expected SYMBOL=VALUES, such as B=1:64, and at most {POINTS:,} points"))
    if workers is not None and scheduler is not None:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "--workers and --scheduler are two ways to say where", "one of them"))
    model = read(config, tuple(word for word in words if not is_several(word)), values, tuple(axes))
    job = _job(config, model, gpus, files, categories)
    _told(job, grid, output, workers, scheduler, form)


def _job(config: str, told: Read, gpus: tuple[str, ...], files: tuple[Path, ...], categories: bool) -> Job:
    """What is asked. Raises InvalidConfig, also when numpy is not there."""
    from analyzer.build.ranks import with_ranks
    from analyzer.gpus import named, read_gpus
    from analyzer.run.settings import read_run

    try:
        from analyzer.sweep.evaluate import Job
    except ImportError:
        raise InvalidConfig(
            Problem(Origin(COMMAND_LINE), "numpy is not installed", "pip install '.[sweep]', in peakform's checkout")
        ) from None
    model, symbols, settings = told
    if not model.layers:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{config}' has no layers: nothing runs on a GPU"))
    run = read_run(model.run, settings, has_loss=bool(model.loss))
    return Job(with_ranks(model, run), symbols, run, named(read_gpus(*files), gpus) if gpus else (), categories)


def _told(job: Job, grid: Grid, output: Path | None, workers: int | None, scheduler: str | None, form: str) -> None:
    """Evaluate, write and summarise."""
    from analyzer.render.sweep import as_json, as_text
    from analyzer.sweep.summary import Summary
    from analyzer.sweep.table import cluster, here, spread
    from analyzer.sweep.writing import writer

    summary, started = Summary(tuple(grid.axes)), time.perf_counter()
    with ExitStack() as stack:
        client = stack.enter_context(cluster(scheduler, workers or 1)) if scheduler or workers else None
        parts = spread(job, grid, client) if client else here(job, grid)
        write = stack.enter_context(writer(output)) if output else None
        for part in _shown(parts, grid.points):
            summary.add(part)
            if write:
                write(part)
    seconds, terminal = time.perf_counter() - started, sys.stdout.isatty()
    text = as_text(summary, seconds, str(output or ""), width(True) if terminal else 80, terminal)
    click.echo(text if form == "text" else as_json(summary, seconds, str(output or "")), nl=False)


def _shown(parts: Iterable[Part], points: int) -> Iterator[Part]:
    """The parts, with a progress bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("points", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=points)
        for part in parts:
            yield part
            progress.advance(task, part.rows)
