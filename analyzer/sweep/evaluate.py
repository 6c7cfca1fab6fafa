"""A block of a sweep: bytes at every point, exactly as the report has them, and what each card says to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analyzer.build.model import Model
from analyzer.catalogue import Gpu
from analyzer.evaluate import evaluate
from analyzer.gpus import device_of
from analyzer.polynomial import Poly
from analyzer.replay import cublas_workspace
from analyzer.run.settings import Run
from analyzer.sizes import Device
from analyzer.sweep.arrays import Arrays, Forms, Mask, TooLarge
from analyzer.sweep.functions import Array
from analyzer.sweep.grid import Grid
from analyzer.sweep.pruning import Boxes, boxed
from analyzer.sweep.regimes import Program, Regimes, first
from analyzer.sweep.symbols import Varying, arrays, varying
from analyzer.verdict import limits

LARGEST, BOX = (1 << 63) - 1, 1 << 15
PHASES = ("inference", "forward", "backward", "step")
Index = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of every point of a sweep."""

    model: Model
    overrides: Mapping[str, str]
    run: Run
    gpus: tuple[Gpu, ...]
    categories: bool = False


@dataclass(slots=True)
class Figures:
    """Whole numbers at each point of a block; -1 where the config refuses the point."""

    shape: tuple[int, ...]
    columns: dict[str, Array] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=lambda: [""])

    def column(self, name: str) -> Array:
        """The values under a name, made when they are first asked for."""
        if name not in self.columns:
            self.columns[name] = np.full(self.shape, -1, dtype=np.int64)
        return self.columns[name]

    def refuse(self, where: Mask, reason: str) -> None:
        """Remember why points are refused."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        codes = self.column("refused")
        codes[where] = self.reasons.index(reason)


class Evaluator:
    """Evaluates blocks of one sweep on one device; programs are traced by need and kept."""

    def __init__(self, job: Job, grid: Grid, device: Device) -> None:
        self.job = job
        self.symbols: Varying = varying(job.model, job.overrides, grid)
        self.forms = Forms(self.symbols.constants)
        self.regimes = Regimes(job.model, job.overrides, job.run, device)

    def figures(self, block: Grid) -> Figures:
        """Every column of a block: peak, phase, refused, convolutions, and memory by category where that is asked for."""
        found = Figures(block.shape)
        try:
            with np.errstate(all="ignore"):  # what a program would be at points that are not its own is thrown away
                self._evaluate(block, found)
        except TooLarge:
            return self._halved(block) if block.points > 1 else self._single(block)
        return found

    def _evaluate(self, block: Grid, found: Figures) -> None:
        symbols, taken = arrays(self.forms, self.symbols.derived, block)
        remaining = np.ones(block.shape, dtype=np.bool_)
        found.column("refused")[...] = 0
        if taken is not None and not taken.all():
            wrong = np.broadcast_to(~taken, block.shape)
            self._refuse(found, wrong, self.regimes.trace(block.at(first(wrong))))
            remaining &= ~wrong
        tried = told = 0
        while remaining.any():
            for program in self.regimes.programs[tried:]:
                self._claim(program, symbols, block, remaining, found)
            for refusal in self.regimes.refusals[told:]:
                unmet = remaining & self.regimes.unmet(refusal, symbols, block.shape)
                self._refuse(found, unmet, refusal.reason)
                remaining &= ~unmet
            tried, told = len(self.regimes.programs), len(self.regimes.refusals)
            if not remaining.any():
                return
            alike = self.regimes.refused(symbols, block, remaining) if tried else None
            if alike is not None and alike[1]:
                self._refuse(found, *alike)
                remaining &= ~alike[0]
            elif alike is None:
                self._trace(block, remaining, found)

    def _trace(self, block: Grid, remaining: Mask, found: Figures) -> None:
        place = first(remaining)
        reason = self.regimes.trace(block.at(place))
        if reason:
            only = np.zeros(block.shape, dtype=np.bool_)
            only[place] = True
            self._refuse(found, only, reason)
            remaining[place] = False

    def _refuse(self, found: Figures, where: Mask, reason: str) -> None:
        if not reason:
            raise AssertionError("a point that symbols refuse was traced")
        found.refuse(where, reason)

    def _claim(self, program: Program, symbols: Arrays, block: Grid, remaining: Mask, found: Figures) -> None:
        """Evaluate the points at which a program holds and that no other one took."""
        same, met = self.regimes.claimed(program, symbols, block.shape)
        ours = remaining & same
        for mask in met:
            ours &= mask
        if not ours.any():
            return
        lines = [np.flatnonzero(ours.any(axis=tuple(a for a in range(ours.ndim) if a != axis))) for axis in range(ours.ndim)]
        part = Grid({name: tuple(values[i] for i in line) for (name, values), line in zip(block.axes.items(), lines)})
        here = symbols if part.points == block.points else arrays(self.forms, self.symbols.derived, part)[0]
        self._fill(program, here, ours, _index(lines), part, found)
        remaining &= ~ours

    def _fill(self, program: Program, here: Arrays, ours: Mask, lines: Index, part: Grid, found: Figures) -> None:
        """Put the figures of a program at the lines of a block that hold its points."""
        wanted, shape = ours[lines], part.shape
        forms = [(form, PHASES.index(phase)) for phase, several in program.peaks.items() for form in several]
        boxes = [box for box in boxed(list(part.axes.values()), BOX) if wanted[box].any()]
        survivors = Boxes(self.forms, here, boxes).survivors([form for form, _ in forms], [phase for _, phase in forms])
        columns = {name: np.full(shape, -1, dtype=np.int64) for name in ("peak", "phase")}
        for box, kept in zip(boxes, survivors):
            most, phase = _largest([forms[number] for number in kept], here.part(box), wanted[box])
            columns["peak"][box], columns["phase"][box] = most, phase
        columns["convolutions"] = np.full((), program.convolutions, dtype=np.int64)
        if self.job.categories:
            columns |= {name: _checked(here, form, wanted) for name, form in program.categories.items()}
        for name, values in columns.items():
            column = found.column(name)
            if wanted.all() and wanted.size == column.size:
                column[...] = values
            else:
                column[lines] = np.where(wanted, values, column[lines])

    def _halved(self, block: Grid) -> Figures:
        """The figures of a block from those of its halves."""
        axis = int(np.argmax(block.shape))
        name, values = list(block.axes.items())[axis]
        middle = len(values) // 2
        halves = [self.figures(Grid({**block.axes, name: part})) for part in (values[:middle], values[middle:])]
        found = Figures(block.shape, {}, list(dict.fromkeys(reason for half in halves for reason in half.reasons)))
        for half in halves:
            codes = np.array([found.reasons.index(reason) for reason in half.reasons], dtype=np.int64)
            half.columns["refused"] = codes[half.column("refused")]
        for key in dict.fromkeys(key for half in halves for key in half.columns):
            found.columns[key] = np.concatenate([half.column(key) for half in halves], axis=axis)
        return found

    def _single(self, block: Grid) -> Figures:
        """A single point with Python's own numbers."""
        found, place, point = Figures(block.shape), (0,) * len(block.shape), block.at((0,) * len(block.shape))
        known = len(self.regimes.programs)
        reason = self.regimes.trace(point)
        found.column("refused")[place] = 0
        if reason:
            found.refuse(np.ones(block.shape, dtype=np.bool_), reason)
            return found
        program = self.regimes.programs[-1]
        del self.regimes.programs[known:]
        values = program.analysis.symbols.values
        sizes = {phase: max(evaluate(form, values) for form in forms) for phase, forms in program.peaks.items() if forms}
        phase, most = max(sizes.items(), key=lambda item: item[1])
        if most > LARGEST:
            found.refuse(np.ones(block.shape, dtype=np.bool_), "more than 2**63 bytes")
            return found
        columns = {"peak": most, "phase": PHASES.index(phase), "convolutions": int(program.convolutions)}
        if self.job.categories:
            columns |= {name: evaluate(form, values) for name, form in program.categories.items()}
        for name, value in columns.items():
            found.column(name)[place] = value
        return found


def _index(lines: Sequence[Array]) -> Index:
    """The places where lines of a block cross: a part of it without a copy, where they are neighbours."""
    if all(line[-1] - line[0] == len(line) - 1 for line in lines):
        return tuple(slice(int(line[0]), int(line[-1]) + 1) for line in lines)
    return np.ix_(*lines)


def _largest(forms: Sequence[tuple[Poly, int]], here: Arrays, wanted: Mask) -> tuple[Array, Array]:
    """The largest of several forms at each point, and the phase of the first that is."""
    best, phase = np.zeros(wanted.shape, dtype=np.int64), np.zeros(wanted.shape, dtype=np.int64)
    for number in sorted({number for _, number in forms}):
        most: Array = np.zeros((), dtype=np.int64)
        for form in (form for form, other in forms if other == number):
            most = np.maximum(most, _checked(here, form, wanted))
        phase[np.broadcast_to(most > best, wanted.shape)] = number
        best = np.maximum(best, most)
    return best, phase


def _checked(here: Arrays, form: Poly, wanted: Mask) -> Array:
    """A form that must be a whole number at the wanted points. Raises TooLarge where it is not, for the scalar path to say why."""
    numbers = here(form)
    if numbers.whole is not None and not (numbers.whole | ~wanted).all():
        raise TooLarge
    return numbers.values


def devices(gpus: Sequence[Gpu]) -> dict[Device, tuple[Gpu, ...]]:
    """The devices that the kernels of some cards see, the first card's first, each with the cards that are such."""
    plain = {gpu.name: Device("", gpu.sms, gpu.threads_per_sm, gpu.capability) for gpu in gpus}
    kinds = dict.fromkeys(plain.values())
    found = {kind: tuple(g for g in gpus if plain[g.name] == kind) for kind in kinds}
    return {device_of(cards): cards for cards in found.values()} or {Device(): ()}


def judged(gpu: Gpu, run: Run, peak: Array, convolutions: Array) -> tuple[Array, Array]:
    """Bytes that a card must have, and its answer by them: 0 fits, 1 does not, 3 too close to call; -1 at refused points."""
    workspaces = cublas_workspace(gpu.capability) * (2 if run.mode == "train" else 1)
    segments = peak + workspaces
    answer = np.full(peak.shape, -1, dtype=np.int64)
    for kind in (0, 1):
        band = limits(gpu, run, bool(kind), True)
        said = np.where(segments <= band.sure, 0, np.where(segments > band.hopeful, 1, 3))
        answer = np.where((convolutions == kind) & (peak >= 0), said, answer)
    return np.where(peak >= 0, segments + gpu.context, -1), answer
