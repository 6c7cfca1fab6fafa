"""A program as one list of allocations and frees, the iterations that were not simulated written out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from analyzer.analysis import Analysis
from analyzer.assumptions import Assumption
from analyzer.build.source import TooMany
from analyzer.build.trace import trace
from analyzer.evaluate import evaluate
from analyzer.iterations import Event, Item, Iterations, NotSteady, Repeat, iterations
from analyzer.polynomial import Poly, poly
from analyzer.problems import Origin, Problem
from analyzer.run.heap import STEADY, Block
from analyzer.run.training import simulate
from analyzer.sizes import Sizes

CUBLAS = frozenset({"addmm", "mm", "bmm", "baddbmm"})
FREE, PHASE, WORKSPACE = -1, -2, -3
MAX_EVENTS, IN_FLIGHT = 1_000_000, 16  # micro-batches that are written out one by one


@dataclass(frozen=True, slots=True)
class Tape:
    """A program as allocations and frees in order; sizes are closed forms, each kept once for each stream it is allocated on.

    An event is (block, form) for an allocation, (block, FREE) for its end, (block, WORKSPACE) for a thread's first call of
    cuBLAS, (phase, PHASE) for the steady step's phases. The tape holds at other values while its assumptions do.
    """

    forms: tuple[Poly, ...]
    streams: tuple[int, ...]  # of each form, 0 for the program's own
    events: tuple[tuple[int, int], ...]
    blocks: tuple[Block | None, ...]  # None for a cuBLAS workspace
    phases: tuple[str, ...]
    assumptions: tuple[Assumption, ...]


def record(analysis: Analysis) -> Tape:
    """The tape of an analyzed program. Raises TooMany when it is too long to be written out."""
    try:
        return written(_with_microbatches(analysis) if analysis.graph.stage else analysis)
    except NotSteady:
        return unrolled(analysis)


def _with_microbatches(analysis: Analysis) -> Analysis:
    """A stage of a pipeline with its micro-batches run one by one. Raises NotSteady."""
    sizes = Sizes(analysis.symbols.values, analysis.device)
    with sizes.active():
        heap = simulate(analysis.graph, analysis.run, apart=IN_FLIGHT)
    assumptions = (*analysis.assumptions, *sizes.assumptions.values())
    return replace(analysis, program=iterations(analysis.graph, heap), assumptions=assumptions)


def written(analysis: Analysis) -> Tape:
    """The tape from the iterations that were simulated. Raises NotSteady when they do not tell of the others, and TooMany."""
    program, values = analysis.program, analysis.symbols.values
    skipped = {loop: evaluate(form, values) for loop, form in program.skipped.items()}
    if _length(program.items, skipped) > MAX_EVENTS:
        raise TooMany(Problem(Origin(analysis.model.path), f"the model makes more than {MAX_EVENTS:,} allocations"))
    counts = (Assumption(form, "==", poly(skipped[loop])) for loop, form in program.skipped.items() if form.constant is None)
    return _written(program, skipped, (*analysis.assumptions, *counts))


def unrolled(analysis: Analysis) -> Tape:
    """The tape of the program simulated in full. Raises TooMany when it is too long for that."""
    sizes = Sizes(analysis.symbols.values, analysis.device)
    graph = trace(analysis.model, analysis.symbols, analysis.settings, analysis.device, unroll=True)
    with sizes.active():
        heap = simulate(graph, analysis.run, apart=IN_FLIGHT)
    return _written(iterations(graph, heap), {}, (*graph.assumptions, *sizes.assumptions.values()))


def _length(items: Iterable[Item], skipped: Mapping[str, int]) -> int:
    """How many events there are with the skipped iterations written out."""
    count = 0
    for item in items:
        if isinstance(item, Event):
            count += 1
            continue
        lengths = [_length(visit.items, skipped) for visit in item.visits]
        count += sum(lengths)
        if item.pair:
            count += skipped[item.loop] * lengths[item.visits.index(item.pair[1])]
    return count


def _written(program: Iterations, skipped: Mapping[str, int], assumptions: tuple[Assumption, ...]) -> Tape:
    writer = _Writer(program, skipped)
    writer.write(program.items)
    if any(block in program.deaths for block in writer.left()):
        raise NotSteady
    numbers = {name: number for number, name in enumerate(dict.fromkeys(("", *(stream for _, stream in writer.forms))))}
    forms, streams = tuple(size for size, _ in writer.forms), tuple(numbers[stream] for _, stream in writer.forms)
    return Tape(forms, streams, tuple(writer.events), tuple(writer.blocks), tuple(writer.phases), assumptions)


@dataclass(frozen=True, slots=True)
class _Line:
    """An event as it is written in every iteration; `born` says in which iteration its block was made.

    Each number in `born` is an offset to the running iteration of a loop, or counts from 0 for the loop "".
    """

    block: Block
    first: Block  # of all blocks that are the same one in different iterations
    born: tuple[tuple[str, int], ...]
    form: int  # of its size, or FREE
    phase: str  # of the steady step
    thread: str


@dataclass(slots=True)
class _Writer:
    """Writes events; a block is known by its counterparts in other iterations and by the numbers of its own."""

    program: Iterations
    skipped: Mapping[str, int]
    events: list[tuple[int, int]] = field(default_factory=list)
    blocks: list[Block | None] = field(default_factory=list)
    forms: dict[tuple[Poly, str], int] = field(default_factory=dict)  # sizes and streams
    phases: list[str] = field(default_factory=list)
    running: dict[str, int] = field(default_factory=lambda: {"": 0})  # the true number of each loop's iteration
    alive: dict[tuple[object, ...], int] = field(default_factory=dict)
    threads: set[str] = field(default_factory=lambda: {""})
    lines: dict[Event, _Line] = field(default_factory=dict)
    first: dict[Block, Block] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twins = ((twin, block) for (block, _), twin in self.program.twins.items())
        for one, other in (*twins, *self.program.counterparts):
            if len(one.place.loops) == len(other.place.loops) and self._first(one) is not self._first(other):
                self.first[self._first(other)] = self._first(one)

    def write(self, items: Iterable[Item]) -> None:
        """Items in order. Raises NotSteady when a block is to die that is not there."""
        running, alive = self.running, self.alive
        for item in items:
            if isinstance(item, Repeat):
                self._repeat(item)
                continue
            line = self.lines.get(item) or self._line(item)
            if line.phase and (not self.phases or self.phases[-1] != line.phase):
                self.phases.append(line.phase)
                self.events.append((len(self.phases) - 1, PHASE))
            key = (line.first, *[running[loop] + offset for loop, offset in line.born])
            if (line.form == FREE) != (key in alive):
                raise NotSteady
            if line.form == FREE:
                self.events.append((alive.pop(key), FREE))
                continue
            alive[key] = len(self.blocks)
            self.events.append((len(self.blocks), line.form))
            self.blocks.append(line.block)
            if line.thread not in self.threads:  # the product's result is there before cuBLAS is called
                self.threads.add(line.thread)
                self.events.append((len(self.blocks), WORKSPACE))
                self.blocks.append(None)

    def left(self) -> list[Block]:
        """The blocks that are alive."""
        return [block for index in self.alive.values() if (block := self.blocks[index]) is not None]

    def _repeat(self, repeat: Repeat) -> None:
        half = self.program.simulated // 2
        for visit in repeat.visits:
            if repeat.pair and visit is repeat.pair[1]:
                numbers = range(half, half + self.skipped[repeat.loop])
                for number in numbers if visit.iteration == half else reversed(numbers):
                    self.running[repeat.loop] = number
                    self.write(visit.items)
            self.running[repeat.loop] = self._number(repeat.loop, visit.iteration)
            self.write(visit.items)

    def _number(self, loop: str, iteration: int) -> int:
        """The true number of a simulated iteration."""
        return iteration if iteration < self.program.simulated // 2 else iteration + self.skipped.get(loop, 0)

    def _line(self, event: Event) -> _Line:
        block, phase = event.block, event.place.phase if event.place.step == STEADY else ""
        form = self.forms.setdefault((block.size, block.stream), len(self.forms)) if event.born else FREE
        born = tuple(self._born(event, block, level) for level in range(len(block.place.loops)))
        line = self.lines[event] = _Line(block, self._first(block), born, form, phase, _thread(block))
        return line

    def _born(self, event: Event, block: Block, level: int) -> tuple[str, int]:
        """The iteration in which the block of an event was born: relative to the one that is running, or by its number."""
        loop, iteration = block.place.loops[level]
        visit = event.visit(loop)
        if visit is not None and (visit.paired or (block, level) in self.program.moving):
            return loop, iteration - visit.iteration
        return "", self._number(loop, iteration)

    def _first(self, block: Block) -> Block:
        first = block
        while first in self.first:
            first = self.first[first]
        return first


def _thread(block: Block) -> str:
    """The thread whose first matrix product allocates a workspace: the main one, or autograd's; empty for other ops."""
    if block.op.removesuffix(" backward") not in CUBLAS:
        return ""
    return "autograd" if block.place.phase == "backward" else "main"
