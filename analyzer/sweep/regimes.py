"""Which program runs where in a grid: formulas hold while what their trace decided is true, and no farther.

A point at which no known program holds is traced. A trace that is refused is a regime too: what was taken for granted until
then, and the condition that was not met. Where a refusal does not come from sizes alone, but a program's decisions hold and a
size that it makes is no whole number, or a condition of an op is not met, the trace takes the same way up to there and is
refused: one trace of each kind confirms it for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from analyzer.analysis import Analysis, analyze, sizes_of
from analyzer.assumptions import Assumption, always
from analyzer.build.model import Model
from analyzer.memory import categories
from analyzer.peaks import undominated
from analyzer.polynomial import ONE, Poly
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.run.settings import Run
from analyzer.sizes import Broken, Device, RefusedSizes
from analyzer.sweep.arrays import Arrays, Mask
from analyzer.sweep.grid import Grid
from analyzer.verdict import convolutions

TRACES = 4000  # so many traces and no more
DEMANDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What was traced at one point: where it holds, and its closed forms."""

    analysis: Analysis
    decisions: tuple[Assumption, ...]
    demands: tuple[Assumption, ...]
    peaks: Mapping[str, tuple[Poly, ...]]  # by phase: the moments that may be its peak
    categories: Mapping[str, Poly]
    convolutions: bool


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """What a trace was refused for, and the reason as it is told."""

    broken: Broken
    reason: str


@dataclass(slots=True)
class Regimes:
    """The programs of one model on one device that are known so far, and why points are refused."""

    model: Model
    overrides: Mapping[str, str]
    run: Run
    device: Device
    programs: list[Program] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)  # by program, and which of its demands are not met
    traces: int = 0

    def trace(self, point: Mapping[str, int]) -> str:
        """Trace the model at a point: a new program, or why it is refused. Raises InvalidConfig after too many traces."""
        self.traces += 1
        if self.traces > TRACES:
            hint = "sweep fewer values, or multiples of what sizes are divided by"
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"the values need more than {TRACES:,} different programs", hint))
        overrides = {**self.overrides, **{name: str(value) for name, value in point.items()}}
        try:
            analysis = analyze(self.model, overrides, self.run, self.device)
        except InvalidConfig as error:
            reason = f"as at {' '.join(f'{n}={v}' for n, v in point.items())}: {error.problems[0].message}"
            if isinstance(error, RefusedSizes):
                self.refusals.append(Refusal(error.broken, reason))
            return reason
        self.programs.append(_program(analysis))
        return ""

    def claimed(self, program: Program, arrays: Arrays, shape: tuple[int, ...]) -> tuple[Mask, list[Mask]]:
        """Where the decisions of a program are the same, and where each of its demands is met. Raises TooLarge."""
        decided = [arrays.true(a)[0] for a in program.decisions]
        whole = [mask for a in program.decisions if (mask := arrays.true(a)[1]) is not None]
        met = [_both(arrays.true(a)) for a in program.demands] + whole
        return _all(decided, shape), met

    def unmet(self, refusal: Refusal, arrays: Arrays, shape: tuple[int, ...]) -> Mask:
        """Where a trace is refused as that one was. Raises TooLarge."""
        holds, whole = arrays.true(refusal.broken.relation)
        nowhere = np.zeros((), dtype=np.bool_)
        broken = ~holds if not refusal.broken.fraction else nowhere if whole is None else ~whole
        return _all((*(_both(arrays.true(a)) for a in refusal.broken.given), broken), shape)

    def refused(self, arrays: Arrays, grid: Grid, remaining: Mask) -> tuple[Mask, str] | None:
        """Points where some program's decisions hold and its demands are not met, and why; an empty reason for a new program."""
        for number, program in enumerate(self.programs):
            same, met = self.claimed(program, arrays, grid.shape)
            candidates = same & remaining
            if not candidates.any() or len(met) > DEMANDS:
                continue
            broken = np.zeros(grid.shape, dtype=np.int64)
            for bit, mask in enumerate(met):
                broken += np.where(mask, 0, 1 << bit)
            kind = int(broken[candidates][0])
            points = candidates & (broken == kind)
            if (number, kind) not in self.reasons:
                reason = self.trace(grid.at(first(points)))
                if not reason:
                    return points, ""
                self.reasons[number, kind] = reason
            return points, self.reasons[number, kind]
        return None


def first(mask: Mask) -> tuple[int, ...]:
    """The first place where a mask is set."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _program(analysis: Analysis) -> Program:
    made = [Assumption(ONE, "<=", size, demanded=True) for size in sizes_of(analysis)]
    divided = [a for a in made if any(e < 0 for m in a.right.terms for _, e in m)]
    conditions = [a for a in analysis.assumptions if a.demanded] + [a for a in made if not always(a)]
    demands = {str(a): a for a in (*conditions, *divided)}
    pieces = analysis.everywhere
    phases = dict.fromkeys(piece.phase for piece in pieces)
    kept = undominated([replace(p, phase="") for p in pieces])
    forms = {(p.tick, p.form) for p in kept}
    return Program(
        analysis,
        tuple(a for a in analysis.assumptions if not a.demanded),
        tuple(demands.values()),
        {phase: tuple(p.form for p in pieces if p.phase == phase and (p.tick, p.form) in forms) for phase in phases},
        categories(analysis),
        convolutions(analysis),
    )


def _both(parts: tuple[Mask, Mask | None]) -> Mask:
    return parts[0] if parts[1] is None else parts[0] & parts[1]


def _all(masks: Iterable[Mask], shape: tuple[int, ...]) -> Mask:
    """Where all masks are set, those along few axes taken first."""
    result = np.ones((), dtype=np.bool_)
    for mask in sorted(masks, key=lambda m: m.size):
        result = result & mask
    return np.broadcast_to(result, shape)
