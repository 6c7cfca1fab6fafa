"""The page of a report: what it needs to evaluate itself, and the command that makes it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.commands.arguments import MODELS

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.gpus import Gpu
    from analyzer.report import Report


def page(
    report: Report, analysis: Analysis, gpus: Sequence[Gpu], asked: tuple[str, ...], given: tuple[Mapping[str, str], ...],
    sets: int | None = None,
) -> str:  # fmt: skip
    """HTML; `asked` are the cards as they were named, `given` the symbols and the settings of the command line."""
    from analyzer.figures import Binder, figures
    from analyzer.live import Ledger, live, overheads
    from analyzer.render.page import as_page
    from analyzer.sliders import PROGRAMS, reached

    symbols, settings = given
    ledger, programs = Ledger(), reached(analysis, symbols, sets or PROGRAMS, report.batch)
    told = live(programs, gpus, ledger) | {"overheads": overheads(analysis, gpus, report.feasibility)}
    told |= {"command": _again(report.path, settings, asked), "overridden": list(symbols)}
    others = [figures(program, Binder(program.symbols.values), ()) for program in programs[1:]]
    return as_page(report, [report, *others], told, ledger)


def _again(path: str, settings: Mapping[str, str], gpus: tuple[str, ...]) -> str:
    """What makes a report of the same model in the same setting; values are to follow."""
    bundled = (MODELS / path).is_file() and not Path(path).is_file()
    chosen = [word for gpu in gpus for word in ("--gpu", gpu)]
    words = [Path(path).stem if bundled else path, *chosen, *(f"run.{key}={value}" for key, value in settings.items())]
    return shlex.join(["peakform", "report", *words])
