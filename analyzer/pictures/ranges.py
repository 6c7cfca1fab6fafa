"""Which symbols a picture is drawn over, and between which values, where the command does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analyzer.analysis import Analysis
from analyzer.assemble import batch_symbol
from analyzer.evaluate import evaluate
from analyzer.fit import Asked
from analyzer.gpus import Gpu
from analyzer.peaks import largest
from analyzer.pictures.shown import ALL
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.programs import Programs
from analyzer.solve import Solver

POINTS, SIDE = 240, 40  # values along a curve, and along each side of a field
BEYOND = 1.12  # a curve goes on so far after the largest value that fits


def symbols_of(analysis: Analysis, asked: Asked, wanted: Sequence[str], many: int) -> tuple[str, ...]:
    """The symbols to draw over: those that are asked for, then the batch, then those with which the peak grows most.

    Raises InvalidConfig for an unknown one, and where the config has not so many.
    """
    known = analysis.symbols
    for name in wanted:
        if name not in known.values:
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"no symbol '{name}' to draw over", nearest(name, known.values)))
    chosen = list(dict.fromkeys(wanted))
    if len(chosen) < many and (batch := batch_symbol(analysis)) not in chosen:
        chosen.append(batch)
    if len(chosen) < many:
        free = [name for name in known.values if name not in chosen and name not in known.definitions]
        chosen += sorted(free, key=lambda name: -_growth(analysis, asked, name))[: many - len(chosen)]
    if len(chosen) < many:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{analysis.model.name}' has no {many} symbols to draw over"))
    return tuple(chosen[:many])


def _growth(analysis: Analysis, asked: Asked, name: str) -> float:
    """The peak at twice the value of a symbol as a multiple of the peak; 0 where the config does not take it."""
    doubled = {**asked.overrides, name: str(2 * analysis.symbols.values[name])}
    try:
        return _peak(analysis.at(doubled)) / max(1, _peak(analysis))
    except InvalidConfig:
        return 0.0


def _peak(analysis: Analysis) -> int:
    return evaluate(largest(analysis.pieces, analysis.symbols.values).form, analysis.symbols.values)


def solved(programs: Programs, symbol: str, gpus: Sequence[Gpu], fixed: Mapping[str, int] = {}) -> dict[str, int]:
    """The largest value of a symbol that fits on each card, as `peakform fit --solve` has it; ALL where no larger one is taken.

    Raises InvalidConfig.
    """
    solver = Solver(programs, symbol, fixed)
    found = {gpu.name: solver.solve(gpu) for gpu in gpus}
    return {name: solution.fits if solution.following or not solution.fits else ALL for name, solution in found.items()}


def reach(value: int, fits: Sequence[int]) -> int:
    """How far to draw along a symbol: a little beyond the largest value that fits, or to four times its own value."""
    ends = [fit for fit in fits if 0 < fit < ALL]
    return max(2, round(max(ends) * BEYOND) + 1) if ends else max(4 * value, 2)


def spread(first: int, last: int, points: int) -> tuple[int, ...]:
    """All whole numbers between two, or about so many of them, both ends in."""
    if last - first < 2 * points:
        return tuple(range(first, last + 1))
    step = (last - first) // points
    even = step if step < 4 else 1 << (step.bit_length() - 1)  # powers of two: widths often must be divided by heads
    start = -(-first // even) * even
    return tuple(dict.fromkeys((first, *range(start, last + 1, even), last)))
