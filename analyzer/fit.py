"""Verdicts and solved symbols for configs × values × cards: the table behind `peakform fit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from analyzer.analysis import Analysis, analyze
from analyzer.bisection import LARGEST
from analyzer.build.model import Model
from analyzer.catalogue import Gpu
from analyzer.gpus import device_of
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.programs import Programs
from analyzer.run.settings import Run
from analyzer.solve import Solution, Solver
from analyzer.verdict import Answer, judge, status

STEPS = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05)  # of the largest value, in a frontier


@dataclass(frozen=True, slots=True)
class Asked:
    """One config as the command line sets it."""

    model: Model
    overrides: Mapping[str, str]
    run: Run
    analysis: Analysis | None = None  # where it is known for one of the cards


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that the config does not take."""

    gpu: Gpu
    problem: Problem

    @property
    def reason(self) -> str:
        """Why it is refused."""
        return self.problem.message


Cell = Answer | Solution | Refused


@dataclass(frozen=True, slots=True)
class Row:
    """One config at one choice of the swept symbols, on every card."""

    config: str
    values: Mapping[str, int]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """The whole answer; `symbol` is what was solved for, empty for verdicts."""

    symbol: str
    gpus: tuple[Gpu, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def status(self) -> int:
        """0 when everything fits, 1 when something does not, 3 when something is too close to call and the rest fits."""
        cells = [cell for row in self.rows for cell in row.cells]
        if any(isinstance(cell, Solution) and cell.fits < 1 for cell in cells):
            return 1
        return status([cell for cell in cells if isinstance(cell, Answer)])


def fit(asked: Sequence[Asked], gpus: Sequence[Gpu], swept: Mapping[str, Sequence[int]], solve: Sequence[str], multiple: int = 1) -> Fit:
    """Verdicts, or the largest value of a symbol; of two symbols the first is solved along values of the second. Raises InvalidConfig."""
    if solve and solve[0] in swept:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{solve[0]}' is solved for and cannot be swept too"))
    analyses = _Analyses()
    rows: list[Row] = []
    for config in asked:
        along = dict(swept)
        if len(solve) == 2:
            along[solve[1]] = _frontier(analyses, config, gpus, solve, multiple)
        names = list(along)
        choices = [dict(zip(names, values)) for values in product(*along.values())]
        rows += [Row(config.model.path, values, tuple(_cells(analyses, config, gpus, values, solve, multiple))) for values in choices]
    if not any(not isinstance(cell, Refused) for row in rows for cell in row.cells):
        raise InvalidConfig(*(cell.problem for row in rows for cell in row.cells if isinstance(cell, Refused)))
    warnings = dict.fromkeys(w for programs in analyses.made.values() for w in programs.first.graph.warnings)
    return Fit(solve[0] if solve else "", tuple(gpus), tuple(rows), tuple(warnings))


class _Analyses:
    """Programs of configs, shared by cards that are one device to their kernels."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, int, int, int], Programs] = {}

    def programs(self, config: Asked, gpu: Gpu) -> Programs:
        key = id(config), gpu.sms, gpu.threads_per_sm, gpu.capability
        if key not in self.made:
            known, device = config.analysis, device_of((gpu,))
            first = known if known and known.device == device else analyze(config.model, config.overrides, config.run, device)
            self.made[key] = Programs(first, config.overrides)
        return self.made[key]


def _cells(
    analyses: _Analyses, config: Asked, gpus: Sequence[Gpu], values: Mapping[str, int], solve: Sequence[str], multiple: int
) -> Iterator[Cell]:
    for gpu in gpus:
        programs = analyses.programs(config, gpu)
        try:
            if solve:
                yield Solver(programs, solve[0], values, multiple).solve(gpu)
            else:
                programs.taken(values)
                yield judge(programs.case(values), gpu)
        except InvalidConfig as error:
            if not values:
                raise
            yield Refused(gpu, error.problems[0])


def _frontier(analyses: _Analyses, config: Asked, gpus: Sequence[Gpu], solve: Sequence[str], multiple: int) -> list[int]:
    """Values of the second symbol, up to the largest with which one of the cards runs the smallest first symbol."""
    found: list[int] = []
    for gpu in gpus:
        programs = analyses.programs(config, gpu)
        least = Solver(programs, solve[0], {}, multiple).above(0)
        solver = Solver(programs, solve[1], {solve[0]: least} if least else {})
        end = solver.solve(gpu).fits
        if end >= LARGEST:
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"nothing grows with '{solve[1]}': there is no frontier"))
        found += [solver.below(int(end * step)) for step in STEPS] if not found or end > max(found) else []
    return sorted({value for value in found if value > 0}) or [1]
