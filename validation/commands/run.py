"""`python -m validation run`: configs on this machine's device, predicted beside measured."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.problems import InvalidConfig
from validation.commands.words import WORDS, needs_cuda, parted

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from validation.comparison import Comparison
    from validation.rows import Row

SAVED = 12  # lines of what is kept for backward that are shown


@click.command(short_help="Measure configs, or the whole table, on this machine.")
@WORDS
@click.option("--device", type=click.Choice(["cuda"]), default="cuda", show_default=True, help="What to measure on.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write rows to a JSON file; its other rows stay.")
@click.option("--resume", is_flag=True, help="Of the whole table, measure only what FILE does not have of the configs as they are now.")
@click.option("-v", "--verbose", is_flag=True, help="Show allocations and all lines even where everything agrees.")
def run(words: tuple[str, ...], device: str, output: Path | None, resume: bool, verbose: bool) -> None:
    """Build the model in torch from the same graph, train two steps (or infer), and put measured beside predicted.

    CONFIG is a YAML file, a bundled model or one of validation/models. Assignments hold for every CONFIG. Without a CONFIG all
    models of the table are measured, at three sizes and in up to five settings each: 1845 cases, a second or two each, none of
    which needs more than 7 GiB. With -o each is written down when it is there; --resume goes on where that was stopped.

    \b
    python -m validation run scperb bert-base B=4
    python -m validation run my.yaml B=16 run.precision=amp-bf16 -o mine.json
    python -m validation run -o mine.json
    python -m validation run -o mine.json --resume

    Parameters to peaks are bytes as requested; `max_memory_allocated` and `max_memory_reserved` are the allocator's own, and the
    bytes of the card are NVML's (pip install nvidia-ml-py) or cudaMemGetInfo's. Where the two sides differ, the first
    allocation that differs is shown with its neighbours.

    Exit status: 0 all equal, 1 not, 2 refused.
    """
    configs, assignments = parted(words)
    if assignments and not configs:
        raise click.UsageError(f"'{assignments[0]}' belongs to no config; name one, as in: run scperb {assignments[0]}")
    if resume and (configs or not output):
        raise click.UsageError("--resume goes on with the whole table in a file, as in: run -o mine.json --resume")
    needs_cuda(f"run {' '.join(words)}")
    warnings.filterwarnings("ignore")
    if output:
        _before(output)
    rows, failed = _named(configs, assignments, verbose) if configs else _table(output, resume)
    if output and rows:
        _add(rows, output)
    sys.exit(2 if failed and configs else 1 if failed or any(row.differing for row in rows) else 0)


def _named(configs: Sequence[str], assignments: Sequence[str], verbose: bool) -> tuple[list[Row], int]:
    """Configs one by one, with all that can be said."""
    rows: list[Row] = []
    failed = 0
    for number, config in enumerate(configs):
        started = time.monotonic()
        try:
            row, lines = _measured(config, assignments, verbose)
        except InvalidConfig as error:
            failed += 1
            click.echo("\n".join(map(str, error.problems)), err=True)
            continue
        except RuntimeError as error:  # PyTorch's: out of memory, or an op that it refuses
            failed += 1
            hint = f"to compare where it stops: python -m validation oom {config} {' '.join(assignments)}".rstrip()
            click.echo(f"{config}: PyTorch: {str(error).splitlines()[0]}\n    {hint}", err=True)
            continue
        rows.append(row)
        click.echo("\n".join(([""] if number else []) + lines + [f"{time.monotonic() - started:.1f} s"]))
    return rows, failed


def _measured(config: str, assignments: Sequence[str], verbose: bool) -> tuple[Row, list[str]]:
    from validation.comparison import compared
    from validation.kept import kept_by_line
    from validation.measure_graph import difference_lines, headline
    from validation.row import device_of_this_machine, row_of
    from validation.tables import device_line, figure_lines, saved_lines

    symbols = " ".join(a for a in assignments if not a.startswith("run."))
    settings = " ".join(a.removeprefix("run.") for a in assignments if a.startswith("run."))
    found: list[tuple[Analysis, Comparison]] = []

    def measure(analysis: Analysis) -> Comparison:
        found.append((analysis, compared(analysis)))
        return found[0][1]

    on = device_of_this_machine()
    row = row_of(config, symbols, settings, on, measure)
    analysis, comparison = found[0]
    saved = kept_by_line(analysis, comparison.measured.timeline) if analysis.run.mode == "train" else {}
    lines = [headline(analysis), *figure_lines(row), device_line(row, on), *saved_lines(saved, len(saved) if verbose else SAVED)]
    if not comparison.agrees or verbose:
        lines += difference_lines(comparison)
    return replace(row, saved=saved), lines


def _table(output: Path | None, resume: bool) -> tuple[list[Row], int]:
    """Every case of the table, a line each, written down one by one; its rows, those of before included, and how many failed."""
    from validation.row import device_of_this_machine, measured_row
    from validation.rows import cases

    on, failed, started = device_of_this_machine(), 0, time.monotonic()
    before = {row.key: row for row in _before(output) if _still(row)} if output and resume else {}
    rows: list[Row] = []
    wanted = list(cases())
    for done, case in enumerate(wanted, start=1):
        if case in before:
            rows.append(before[case])
            continue
        try:
            rows.append(measured_row(*case, on))
            outcome = ", ".join(rows[-1].differing) or "equal"
        except Exception as error:  # one case of hundreds: told, counted, and the rest goes on
            failed += 1
            outcome = f"failed: {type(error).__name__}: {error}"
        if output:
            _add(rows, output)
        click.echo(f"{done}/{len(wanted)} {time.monotonic() - started:.0f} s  {' '.join(case)}: {outcome}", err=True)
    return rows, failed


def _still(row: Row) -> bool:
    """Whether a row is of the config as it is now."""
    from validation.environment import digest
    from validation.rows import config_of

    return row.config == digest(config_of(row.model))


def _add(rows: Iterable[Row], output: Path) -> None:
    """Put rows beside those of a file, in the order of the table."""
    from validation.environment import environment
    from validation.row import device_of_this_machine, today, torch_version
    from validation.rows import Results, cases, write

    merged, place = {row.key: row for row in (*_before(output), *rows)}, {case: number for number, case in enumerate(cases())}
    ordered = tuple(sorted(merged.values(), key=lambda row: place.get(row.key, len(place))))
    write(Results(torch_version(), today(), device_of_this_machine(), ordered, {}, environment()), output)


def _before(output: Path) -> tuple[Row, ...]:
    """The rows of a file, if there is one. Raises click.UsageError when they were measured elsewhere."""
    from validation.environment import environment
    from validation.rows import read

    if not output.exists():
        return ()
    before = read(output)
    if before.environment and dict(before.environment) != environment():
        raise click.UsageError(f"{output} was measured on {before.where} with torch {before.torch}; give another file")
    return before.rows
