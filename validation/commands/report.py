"""`python -m validation report`: results as tables and a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from validation.rows import Results

ROOT = Path(__file__).resolve().parent.parent.parent
TABLE = re.compile(r"^\| figure \| cases \|.*\n(?:\|.*\n)+", re.MULTILINE)


@click.command(short_help="Turn results into tables and a picture.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]...")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw predicted against measured (.svg, .png, .pdf).")
@click.option("--predict", is_flag=True, help="Predict again with this code, and put that beside what was measured; no device needed.")
@click.option("--write", is_flag=True, help="Of the committed results: the README's table, docs/accuracy.md and its picture.")
def report(files: tuple[Path, ...], plot: Path | None, predict: bool, write: bool) -> None:
    """Print the tables of result files, which `run -o` writes; of the committed ones without a FILE. Needs no torch and no device.

    \b
    python -m validation report mine.json --plot mine.svg
    python -m validation report --predict --write       everything that this repository shows

    With several files, one table beside the other comes first. With --predict the files themselves are rewritten.
    """
    from validation import rows
    from validation.accuracy import overview, own_table

    if write and files:
        raise click.UsageError("--write is for the committed results; leave the files out")
    paths = files or (rows.RESULTS,)
    if predict:
        for path in paths:
            rows.write(rows.predicted_again(_read(path)), path)
    found = [_read(path) for path in paths]
    if plot or write:
        _drawn(found, plot or ROOT / "docs" / "accuracy.png")
    if write:
        _write(found[0])
        return
    if len(found) > 1:
        click.echo("\n".join([*overview(found), ""]))
    for results in found:
        click.echo("\n".join([*own_table(results), ""]))


def _read(path: Path) -> Results:
    """A file of results. Raises click.UsageError where it is none."""
    from validation.rows import read

    try:
        return read(path)
    except (ValueError, KeyError, TypeError) as error:
        raise click.UsageError(f"{path} is no file of results ({type(error).__name__}: {error})\nexpected what `run -o` writes") from None


def _drawn(found: Sequence[Results], path: Path) -> None:
    from validation.plots import scatter

    try:
        scatter(found, path)
    except ImportError:
        raise click.UsageError("matplotlib is not installed\nexpected: pip install matplotlib") from None


def _write(results: Results) -> None:
    from validation.accuracy import summary

    (ROOT / "docs" / "accuracy.md").write_text(summary(results) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), results), encoding="utf-8")


def with_table(text: str, results: Results) -> str:
    """The README with the summary of these results."""
    from validation.accuracy import figures

    table = "\n".join(figures(results.rows)) + "\n"
    return TABLE.sub(lambda found: table, text)
