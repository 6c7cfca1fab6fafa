"""One model on one device at any values of its symbols: traced once for every set of decisions, then only replayed.

A program holds at other values while what its trace decided is true there and every size that it divides comes out whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from analyzer.analysis import Analysis, analyze, divided
from analyzer.build.source import TooMany
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import NotWhole, evaluate, exact, holds
from analyzer.peaks import Piece, contenders
from analyzer.polynomial import Poly
from analyzer.problems import InvalidConfig
from analyzer.replay import Failure, Replay, cublas_workspace
from analyzer.replay import replay as run_tape
from analyzer.sizes import Broken, RefusedSizes
from analyzer.tape import Tape, record


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What was traced at some values: the moments that may be the peak, the tape, and the sizes that must be whole."""

    analysis: Analysis
    peaks: tuple[Piece, ...]
    tape: Tape | None  # None when the program is too long to be written out
    divided: tuple[Poly, ...]

    def holds_at(self, symbols: Mapping[str, int]) -> bool:
        """Whether the program is the same at other values."""
        assumptions = (*self.analysis.assumptions, *(self.tape.assumptions if self.tape else ()))
        try:
            same = all(holds(a, symbols) for a in assumptions) and all(isinstance(exact(d, symbols), int) for d in self.divided)
            return same and self.analysis.has_most(symbols)
        except (NotWhole, ZeroDivisionError):
            return False


@dataclass(slots=True, eq=False)
class Case:
    """A program at one binding of the symbols, with the replays that were made of it."""

    program: Program
    symbols: Mapping[str, int]
    capability: int
    sizes: tuple[int, ...]
    replays: dict[int | None, Replay | Failure] = field(default_factory=dict)

    @property
    def requested(self) -> int:
        """Bytes requested at once at the peak: no card with less can run it."""
        return self.binding[1]

    @property
    def binding(self) -> tuple[Piece, int]:
        """The moment that is the peak, and its bytes."""
        return max(((p, evaluate(p.form, self.symbols)) for p in self.program.peaks), key=lambda pair: pair[1])

    @property
    def estimated(self) -> bool:
        """Whether the program is too long to be replayed."""
        return self.program.tape is None

    def replayed(self, room: int | None = None) -> Replay | Failure:
        """The replay with segments of at most `room` bytes; the closed form and the workspaces when it is too long for that."""
        if room not in self.replays:
            self.replays[room] = self._replayed(room)
        return self.replays[room]

    def runs(self, room: int) -> bool:
        """Whether the program runs in `room` bytes of segments."""
        free = self.replayed()
        assert isinstance(free, Replay)  # nothing fails without a limit
        if free.reserved <= room or free.allocated > room:
            return free.reserved <= room
        return isinstance(self.replayed(room), Replay)

    def _replayed(self, room: int | None) -> Replay | Failure:
        if self.program.tape is not None:
            return run_tape(self.program.tape, self.sizes, self.capability, room, self.program.analysis.run)
        needed = self.requested + cublas_workspace(self.capability) * (2 if self.program.analysis.run.mode == "train" else 1)
        if room is None or needed <= room:
            return Replay(needed, needed, {})
        return Failure("the peak of the closed form", "", self.program.analysis.model.path, 1, "", needed, needed, 0, 0)


class Programs:
    """The programs of one model, by need; `case` gives the one at some values."""

    def __init__(self, analysis: Analysis, overrides: Mapping[str, str]) -> None:
        self.first, self.overrides = analysis, dict(overrides)
        self.programs: list[Program] = []
        self.cases: dict[tuple[tuple[str, int], ...], Case] = {}
        self.refusals: dict[tuple[tuple[str, int], ...], InvalidConfig] = {}
        self.broken: list[Broken] = []  # what was refused by sizes alone, once each
        self.traced: set[tuple[tuple[str, int], ...]] = set()

    def case(self, changed: Mapping[str, int]) -> Case:
        """The program with some symbols changed. Raises InvalidConfig where the config refuses the values."""
        key = tuple(sorted(changed.items()))
        if key in self.refusals:
            raise self.refusals[key]
        if key not in self.cases:
            try:
                self.cases[key] = self._made({**self.overrides, **{name: str(value) for name, value in changed.items()}})
            except InvalidConfig as error:
                self.refusals[key] = error
                if isinstance(error, RefusedSizes):
                    self.broken.append(error.broken)
                raise
        return self.cases[key]

    def takes(self, changed: Mapping[str, int]) -> bool:
        """Whether the config takes the values, as far as decisions tell: what is refused as other values were is not traced."""
        key = tuple(sorted(changed.items()))
        if key not in self.refusals and key not in self.cases and self.broken:
            try:
                values = bind_symbols(self.first.model, {**self.overrides, **{name: str(value) for name, value in changed.items()}}).values
            except InvalidConfig:
                return False
            if any(broken.refuses(values) for broken in self.broken):
                return False
        return self.refusal(changed) is None

    def refusal(self, changed: Mapping[str, int]) -> InvalidConfig | None:
        """Why the config refuses some values; None where it does not."""
        try:
            self.case(changed)
        except InvalidConfig as error:
            return error
        return None

    def taken(self, changed: Mapping[str, int]) -> bool:
        """Whether the config takes the values, by tracing it there: also what a trace refuses without having decided on it."""
        key = tuple(sorted(changed.items()))
        if changed and key not in self.traced and self.refusal(changed) is None:
            self.traced.add(key)
            symbols = bind_symbols(self.first.model, {**self.overrides, **{name: str(value) for name, value in changed.items()}})
            try:
                trace(self.first.model, symbols, self.first.run, self.first.device)
            except InvalidConfig as error:
                self.refusals[key] = error
        return key not in self.refusals

    def _made(self, overrides: Mapping[str, str]) -> Case:
        values = bind_symbols(self.first.model, overrides).values
        program = next((p for p in self.programs if p.holds_at(values)), None)
        if program is None:
            program = self._traced(overrides)
            self.programs.append(program)
        forms = program.tape.forms if program.tape else ()
        return Case(program, values, self.first.device.capability, tuple(evaluate(form, values) for form in forms))

    def _traced(self, overrides: Mapping[str, str]) -> Program:
        """A new program; the closed forms of an older one are kept where only the tape, whose loops are written out, differs."""
        symbols = bind_symbols(self.first.model, overrides)
        first = self.first
        known = (a.at(overrides) if a.stages else a for a in (first, *(p.analysis for p in self.programs)))
        there = next((a for a in known if same(a, symbols.values)), None)
        analysis = replace(there, symbols=symbols) if there else analyze(first.model, overrides, first.run, first.device)
        try:
            tape = record(analysis)
        except TooMany:
            tape = None
        return Program(analysis, tuple(contenders(analysis.pieces)), tape, tuple(divided(analysis)))


def same(analysis: Analysis, symbols: Mapping[str, int]) -> bool:
    """Whether the closed forms of an analysis hold at other values."""
    return Program(analysis, (), None, tuple(divided(analysis))).holds_at(symbols)
