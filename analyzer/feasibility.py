"""Which GPUs a model runs on, and the largest batch that does: decided by replaying the program on the card's capacity.

The answer for a card is PyTorch's own: the replay gives cached segments back when the card is full, as the allocator does,
and fails where it would. The closed form bounds the search from above: what is requested must at least fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from analyzer.analysis import Analysis
from analyzer.bisection import LARGEST, last_near, last_within
from analyzer.curves import Curves, Program
from analyzer.evaluate import NotWhole
from analyzer.gpus import Gpu
from analyzer.message import out_of_memory
from analyzer.problems import InvalidConfig
from analyzer.replay import Failure, Replay, cublas_workspace, replay
from analyzer.verdict import CLOSE, FITS, UNFIT, Band, convolutions, limits

MANY, AMPERE = 80 << 30, 80  # bytes, and a compute capability: where the search for the largest value begins, whatever the cards


@dataclass(frozen=True, slots=True)
class Verdict:
    """One GPU: what it has, what is needed of it, and the largest value of a symbol that still fits."""

    gpu: str
    capacity: int
    needed: int  # reserved segments and the CUDA context
    context: int
    fits: bool
    largest: Mapping[str, int]  # empty where values on the way to it are refused
    failure: Failure | None
    message: str  # what PyTorch would print; empty where it fits
    answer: str = FITS  # fits, does not fit, too close to call
    estimated: bool = False  # too long to replay: the closed form, the cuBLAS workspaces and the context

    @property
    def headroom(self) -> int:
        """Bytes left over; negative when it does not fit."""
        return self.capacity - self.needed


class Feasibility:
    """Replays of one model at any value of one symbol."""

    def __init__(self, analysis: Analysis, overrides: Mapping[str, str], name: str) -> None:
        self.first, self.name = analysis, name
        self.value = analysis.symbols.values.get(name, 1)
        self.curves = Curves(analysis, overrides, name)
        self.capability = analysis.device.capability
        self.unlimited: dict[int, dict[int, Replay]] = {}  # by the size of cuBLAS's workspaces, and by value
        self._share: Fraction | None = None
        self.free = self._without_limit()

    def verdict(self, gpu: Gpu) -> Verdict:
        """Whether the model runs on a GPU, by the replay on its capacity."""
        room, self.capability = gpu.capacity - gpu.context, gpu.capability
        outcome: Replay | Failure = self._without_limit()
        if self._needed(outcome) > room:
            outcome = self._replayed(self.value, room)
        fits = isinstance(outcome, Replay)
        needed = self._needed(outcome) + gpu.context
        estimated = self.curves.program(self.value).tape is None
        failure = outcome if isinstance(outcome, Failure) and not estimated else None
        message = out_of_memory(failure, gpu.capacity, gpu.context) if failure else ""
        largest = self._largest(room) if self.name else {}
        answer = self._answer(limits(gpu, self.first.run, convolutions(self.first), estimated))
        return Verdict(gpu.name, gpu.capacity, needed, gpu.context, fits, largest, failure, message, answer, estimated)

    def _answer(self, band: Band) -> str:
        """Whether the model fits with the band of what is not known taken off, or not even with it added."""
        free = self._without_limit()
        if free.reserved <= band.sure or (free.allocated <= band.sure and self.fits(self.value, band.sure)):
            return FITS
        return CLOSE if free.allocated <= band.hopeful and self.fits(self.value, band.hopeful) else UNFIT

    def _largest(self, room: int) -> Mapping[str, int]:
        """The largest value of the symbol that runs; none is told where a value on the way is refused, as `solve` steps over such."""
        try:
            return {self.name: self.largest(room)}
        except (InvalidConfig, NotWhole):
            return {}

    def _needed(self, outcome: Replay | Failure) -> int:
        """Bytes of segments: with the cache trimmed where that made it run, else as on a card without limit."""
        return outcome.reserved if isinstance(outcome, Replay) else self._without_limit().reserved

    def largest(self, room: int) -> int:
        """The largest value of the symbol with which the program runs in `room` bytes; 0 for none."""
        above = self._requested_bound(room)
        if not 1 <= above < LARGEST:
            return above
        return last_near(lambda value: self._tried(value, room), ceil(above * self.share), above + 1)

    @property
    def share(self) -> Fraction:
        """Of the value that the requested bytes allow, the part that runs: on an A100 with 80 GiB, near what it is on other cards."""
        if self._share is None:
            self._share, above = Fraction(1), self._requested_bound(MANY)
            if 1 < above < LARGEST:
                outer, self.capability = self.capability, AMPERE
                try:
                    self._share = Fraction(self.largest(MANY), above)
                finally:
                    self.capability = outer
        return self._share

    def _tried(self, value: int, room: int) -> tuple[bool, int]:
        """Whether the program runs in `room` bytes at a value of the symbol, and the value that may be the last."""
        known = self._known().get(value)
        outcome = known if known and known.reserved <= room else self._replayed(value, room)
        return isinstance(outcome, Replay), self._near(value, outcome, room)

    def _near(self, value: int, outcome: Replay | Failure, room: int) -> int:
        """The value at which what is asked of the driver would come to `room`, if it grew as what is requested does."""
        asked = outcome.reserved if isinstance(outcome, Replay) else outcome.reserved + outcome.segment
        growth = self.curves.program(value).growth(value)
        return value + (room - asked) // growth if growth > 0 else value

    def fits(self, value: int, room: int) -> bool:
        """Whether the program runs in `room` bytes at a value of the symbol."""
        known = self._known().get(value)
        if known and (known.reserved <= room or known.allocated > room):
            return known.reserved <= room
        return value < 1 or isinstance(self._replayed(value, room), Replay)

    def _requested_bound(self, room: int) -> int:
        """The largest value at which the requested bytes alone would fit: no larger value can run."""
        value = self.value
        for _ in range(4):
            program = self.curves.program(max(1, value))
            again = last_within(program.requested, room)
            if again == value:
                break
            value = again
        return value

    def _known(self) -> dict[int, Replay]:
        """Replays without a limit on cards of this capability, by value."""
        return self.unlimited.setdefault(cublas_workspace(self.capability), {})

    def _without_limit(self) -> Replay:
        """The replay at the bound symbols on a card of this capability without a limit."""
        free = self._known().get(self.value) or self._replayed(self.value, None)
        assert isinstance(free, Replay)  # nothing fails without a limit
        return free

    def _replayed(self, value: int, room: int | None) -> Replay | Failure:
        program = self.curves.program(value)
        if program.tape is None:
            return self._estimated(program, value, room)
        sizes = [int(curve(value)) for curve in program.sizes]
        found = replay(program.tape, sizes, self.capability, room, self.first.run)
        return self._remembered(value, found)

    def _estimated(self, program: Program, value: int, room: int | None) -> Replay | Failure:
        """For a program too long to replay: the closed form and the cuBLAS workspaces, no rounding or fragmentation."""
        peak = program.requests(value)
        workspaces = cublas_workspace(self.capability) * (2 if self.first.run.mode == "train" else 1)
        if room is not None and peak + workspaces > room:
            return Failure("the peak of the closed form", "", self.first.model.path, 1, "", peak, peak, 0, 0)
        return self._remembered(value, Replay(peak + workspaces, peak + workspaces, {}))

    def _remembered(self, value: int, found: Replay | Failure) -> Replay | Failure:
        """The replay; it is known from now on if no limit was felt."""
        if isinstance(found, Replay) and not found.trimmed:
            self._known()[value] = found
        return found


def verdicts(analysis: Analysis, overrides: Mapping[str, str], name: str, gpus: Sequence[Gpu]) -> tuple[Replay | Failure, list[Verdict]]:
    """The replay without a limit, and one verdict per GPU."""
    feasibility = Feasibility(analysis, overrides, name)
    return feasibility.free, [feasibility.verdict(gpu) for gpu in gpus]
