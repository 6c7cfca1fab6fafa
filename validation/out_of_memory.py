"""How a program ends on a device of a given size: as the replay says, and in PyTorch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.message import format_size, out_of_memory
from analyzer.replay import Failure, replay
from analyzer.tape import record
from validation import loop
from validation.origins import follow
from validation.rendering import Program

AMOUNTS = re.compile(r"Tried to allocate ([\d.]+ \w+)|([\d.]+ \w+) is allocated by|([\d.]+ \w+) is reserved by")


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends: the message and the line of the config it stopped at, or neither when it fits."""

    message: str = ""
    line: str = ""

    def agrees(self, other: End) -> bool:
        """Whether both fit, or stop at the same line with the same amounts."""
        return self.amounts == other.amounts and (not self.line or not other.line or self.line == other.line)

    @property
    def amounts(self) -> list[str]:
        """The sizes that the message names: what was asked for, is allocated, and is reserved beside it."""
        return ["".join(found) for found in AMOUNTS.findall(self.message)]

    def __str__(self) -> str:
        return f"stops at {self.line or 'no line of the config'}\n  {self.message}" if self.message else "fits"


class _Place:
    """Where the program is."""

    def __init__(self) -> None:
        self.where = ""

    def say(self, where: str) -> None:
        self.where = where


def total() -> int:
    """Bytes that the device has."""
    return int(torch.cuda.get_device_properties(0).total_memory)


@contextmanager
def capped(room: int | None) -> Iterator[None]:
    """While it lasts, the allocator may take so many bytes of the device, or all."""
    if room is not None:
        torch.cuda.set_per_process_memory_fraction(min(1.0, (room + 1) / total()))
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def ends(analysis: Analysis, room: int) -> tuple[End, End]:
    """How a run with so many bytes for segments ends: predicted and, on a device that is capped so, measured."""
    return predicted(analysis, room), measured(analysis)


def predicted(analysis: Analysis, capacity: int) -> End:
    """How the replay ends."""
    tape = record(analysis)
    sizes = [evaluate(form, analysis.symbols.values) for form in tape.forms]
    outcome = replay(tape, sizes, analysis.device.capability, capacity, analysis.run)
    if not isinstance(outcome, Failure):
        return End()
    line = f"{outcome.path.rpartition('/')[2]}:{outcome.line}" if outcome.phase in ("forward", "backward", "inference") else ""
    message = f"{outcome.label} ({outcome.op}, {outcome.phase}), {format_size(outcome.requested)}\n  {out_of_memory(outcome, capacity, 0)}"
    return End(message, line)


def measured(analysis: Analysis) -> End:
    """How PyTorch ends."""
    from analyzer.build.trace import trace

    graph = trace(analysis.model, analysis.symbols, analysis.run, analysis.device, unroll=True)
    place, moment = _Place(), [""]
    try:
        program = Program(graph, "cuda", analysis.run)
        follow(program, place)
        run = loop.train if analysis.run.mode == "train" else loop.infer
        run(program, moment.append)
    except torch.OutOfMemoryError as error:
        line = place.where.rpartition(" ")[2] if moment[-1] in ("forward", "backward", "inference") else ""
        return End(str(error), line)
    return End()
