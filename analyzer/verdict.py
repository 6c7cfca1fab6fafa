"""Fits, does not fit, or too close to call: what the replay says of a card, and how far it can be trusted.

The band is the worst error that docs/accuracy.md has ever shown, before the rules behind it were corrected: 2.42 % of
`max_memory_allocated`, 16 MiB of `max_memory_reserved`. Today's page shows none, on the cases that the rules were corrected on; what
it showed first is what to expect of a model that nobody measured. A card that is nearly full gives its cache back, so
allocated blocks decide there; the band is the larger of the two figures. A model with convolutions may need up to 8 % more
than predicted: cuDNN's workspaces, which are not in the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from analyzer.analysis import Analysis
from analyzer.catalogue import Gpu
from analyzer.graph import Call
from analyzer.message import format_size, out_of_memory
from analyzer.ops import OPS
from analyzer.programs import Case
from analyzer.replay import Failure, Replay
from analyzer.run.settings import Run

RELATIVE, ABSOLUTE = Fraction("0.0242"), 16 << 20
CONVOLUTION = Fraction("0.08")
STREAMS = Fraction("0.328")  # of max_memory_reserved, the most that a count on one stream missed with fully_shard: docs/parallel.md
ESTIMATED = Fraction("0.1")  # no replay: neither rounding nor fragmentation is known, and nothing was measured
FITS, CLOSE, UNFIT = "fits", "too close to call", "does not fit"
STATUS = {FITS: 0, UNFIT: 1, CLOSE: 3}


@dataclass(frozen=True, slots=True)
class Band:
    """Bytes for segments on a card: with less than `sure` a program fits, with more than `hopeful` it does not."""

    sure: int
    room: int  # the capacity less the context
    hopeful: int
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a card says to a program, and why."""

    gpu: Gpu
    answer: str
    reason: str
    needed: int  # bytes of the card: segments on a card without limit, or with the cache given back, and the context
    band: Band
    failure: Failure | None = None
    message: str = ""  # what PyTorch would print
    estimated: bool = False

    @property
    def status(self) -> int:
        """The exit status: 0 fits, 1 does not, 3 too close to call."""
        return STATUS[self.answer]


def status(answers: Sequence[Answer]) -> int:
    """The exit status of several answers: 1 when one does not fit, else 3 when one is too close to call, else 0."""
    found = {answer.status for answer in answers}
    return next((code for code in (1, 3) if code in found), 0)


def band(gpu: Gpu, case: Case) -> Band:
    """The rooms between which nothing can be promised for a program on a card."""
    analysis = case.program.analysis
    return limits(gpu, analysis.run, convolutions(analysis), case.estimated)


def limits(gpu: Gpu, run: Run, workspaces: bool, estimated: bool) -> Band:
    """The rooms between which nothing can be promised: with workspaces that are not counted, and when there is no replay."""
    room, most = gpu.capacity - gpu.context, max(gpu.capacity, gpu.largest_capacity) - gpu.context
    share, why = RELATIVE, f"predictions for new models were off by up to {_percent(RELATIVE)} or {ABSOLUTE >> 20} MiB"
    if estimated:
        share, why = ESTIMATED, f"too long to replay: {_percent(ESTIMATED)} for rounding and fragmentation"
    above = share
    if workspaces:
        above, why = share + CONVOLUTION, f"{why}, and cuDNN's workspaces of up to {_percent(CONVOLUTION)} are not counted"
    if run.parallel == "fsdp" and estimated:
        above, why = above + STREAMS, f"{why}; a count on one stream missed up to {_percent(STREAMS)} of what fully_shard reserves"
    return Band(max(0, room - max(ABSOLUTE, ceil(room * above))), room, most + max(ABSOLUTE, ceil(most * share)), why)


def convolutions(analysis: Analysis) -> bool:
    """Whether the program has ops for which cuDNN takes workspaces."""
    calls = (i for i in analysis.graph.instructions if isinstance(i, Call))
    return any(OPS[call.op].family == "convolution" for call in calls)


def judge(case: Case, gpu: Gpu) -> Answer:
    """The answer of one card to one program."""
    rooms = band(gpu, case)
    free = case.replayed()
    assert isinstance(free, Replay)  # nothing fails without a limit
    if case.runs(rooms.sure):
        trimmed = case.replayed(rooms.sure) if free.reserved > rooms.sure else free
        assert isinstance(trimmed, Replay)
        needed = trimmed.reserved + gpu.context
        return Answer(gpu, FITS, _fits(needed, gpu, trimmed is not free), needed, rooms, estimated=case.estimated)
    outcome = case.replayed(rooms.room)
    runs = isinstance(outcome, Replay)
    needed = (outcome.reserved if isinstance(outcome, Replay) else free.reserved) + gpu.context
    failure = outcome if isinstance(outcome, Failure) and not case.estimated else None
    message = out_of_memory(failure, gpu.capacity, gpu.context) if failure else ""
    if case.runs(rooms.hopeful):
        reason = _close(runs, rooms, gpu)
        return Answer(gpu, CLOSE, reason, needed, rooms, failure, message, case.estimated)
    return Answer(gpu, UNFIT, _unfit(failure, needed, gpu), needed, rooms, failure, message, case.estimated)


def _fits(needed: int, gpu: Gpu, trimmed: bool) -> str:
    given = ", the allocator giving cached segments back" if trimmed else ""
    return f"needs {format_size(needed)} of {format_size(gpu.capacity)}{given}"


def _close(runs: bool, rooms: Band, gpu: Gpu) -> str:
    if runs:
        return f"the replay runs, but not with {format_size(rooms.room - rooms.sure)} less; {rooms.why}"
    spread = " (up to which cards of this name are reported to have)" if gpu.largest_capacity > gpu.capacity else ""
    return f"the replay stops, but runs with {format_size(rooms.hopeful - rooms.room)} more{spread}; {rooms.why}"


def _unfit(failure: Failure | None, needed: int, gpu: Gpu) -> str:
    if failure is None:
        return f"needs {format_size(needed)} of {format_size(gpu.capacity)}"
    place = f" ({failure.path}:{failure.line})" if failure.path else ""
    return f"stops at {failure.label}{place}: {format_size(failure.segment)} more than the {format_size(failure.reserved)} it holds by then"


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):.3g} %"
