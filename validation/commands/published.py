"""`python -m validation published`: what others measured on GPUs, beside what is predicted of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from validation.published_figures import Compared, Source


@click.command(short_help="Compare predictions with measurements that others published.")
@click.argument("names", nargs=-1, metavar="[TEXT]...")
@click.option("--markdown", is_flag=True, help="Print Markdown tables, as docs/validation.md has them.")
def published(names: tuple[str, ...], markdown: bool) -> None:
    """Predict every figure of validation/published/measurements.yaml under its conditions. Needs no torch and no device.

    With TEXT only tables whose name contains it: `python -m validation published bert`.

    Exit status: 0 all within 2 % where the conditions are known and no other reason is, 1 not, 2 refused.
    """
    from validation.published_figures import compared, sources

    wanted = [s for s in sources() if not names or any(name.lower() in s.name.lower() for name in names)]
    if not wanted:
        raise click.UsageError("no such table; there are: " + "; ".join(s.name for s in sources()))
    wrong = 0
    for source in wanted:
        found = list(compared(source))
        click.echo("\n".join([*(_markdown if markdown else _text)(source, found), ""]))
        wrong += sum(not (figure.agrees or figure.why or source.known) for figure in found)
    sys.exit(1 if wrong else 0)


def _text(source: Source, found: Sequence[Compared]) -> list[str]:
    lines = [source.name, f"  from {source.source}", f"  {source.conditions}"]
    lines.append(f"  {'symbols':16}{f'published, {_unit(source)}':>16}{'predicted':>14}{'error':>9}")
    for figure in found:
        published, predicted, error = _values(source, figure)
        lines += [f"  {figure.symbols:16}{published:>16}{predicted:>14}{error:>9}"] + ([f"      {figure.why}"] if figure.why else [])
    return lines


def _markdown(source: Source, found: Sequence[Compared]) -> list[str]:
    lines = [f"**{source.name}.** {source.conditions}. From {source.source}.", ""]
    lines += [f"| symbols | published, {_unit(source)} | predicted | error | |", "| --- | ---: | ---: | ---: | --- |"]
    return lines + [f"| {figure.symbols} | {' | '.join(_values(source, figure))} | {figure.why} |" for figure in found]


def _values(source: Source, figure: Compared) -> tuple[str, str, str]:
    return f"{figure.published:,.{source.digits}f}", f"{figure.predicted:,.{source.digits}f}", f"{figure.error:+.2%}"


def _unit(source: Source) -> str:
    return "MiB" if source.unit == 1 << 20 else "MB"
