"""Memory over one steady step, of a traced program as it is and with its loops unrolled, moment by moment."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from analyzer.build.model import Model
from analyzer.build.symbols import Symbols
from analyzer.build.trace import trace
from analyzer.evaluate import evaluate
from analyzer.graph import Enter, Graph
from analyzer.iterations import FOREVER, iterations
from analyzer.run.heap import Heap, Place
from analyzer.run.settings import Run
from analyzer.run.training import STEADY, simulate
from analyzer.sizes import Device, Sizes
from analyzer.timeline import Timeline, timeline

Iterations = tuple[tuple[int, int], ...]  # of each loop, outermost first: which loop at its level, which iteration
Moment = tuple[str, Iterations]  # a phase, and an iteration in it


def curve(model: Model, symbols: Symbols, run: Run, *, simulated: int = 4, unroll: bool = False) -> dict[Moment, tuple[int, int]]:
    """For each iteration that was run, in each phase: the most bytes in it, and the bytes at its end. Raises NotSteady."""
    graph = trace(model, symbols, run, simulated=simulated, unroll=unroll)
    with Sizes(symbols.values, Device()).active():
        heap = simulate(graph, run)
    bytes_at = _totals(timeline(heap, iterations(graph, heap)), symbols.values)
    found: dict[Moment, list[int]] = defaultdict(list)
    numbering = _Numbering(graph, symbols.values, (place for _, place in heap.moves))
    for tick, place in _events(heap):
        found[place.phase, numbering(place)].append(bytes_at(tick))
    return {moment: (max(values), values[-1]) for moment, values in found.items()}


def peaks(curve: Mapping[Moment, tuple[int, int]]) -> dict[str, int]:
    """The most bytes in each phase."""
    return {phase: max(most for (p, _), (most, _) in curve.items() if p == phase) for phase, _ in curve}


def _events(heap: Heap) -> list[tuple[int, Place]]:
    """When a block was born or died in the steady step, and where the program was."""
    events = [(b.birth, b.place) for b in heap.blocks]
    events += [(b.death, b.death_place) for b in heap.blocks if b.death is not None and b.death_place is not None]
    return sorted(((t, p) for t, p in events if p.step == STEADY), key=lambda event: event[0])


class _Totals:
    def __init__(self, changes: list[tuple[int, int]]) -> None:
        self.changes, self.next, self.total = sorted(changes), 0, 0

    def __call__(self, tick: int) -> int:
        while self.next < len(self.changes) and self.changes[self.next][0] <= tick:
            self.total += self.changes[self.next][1]
            self.next += 1
        return self.total


def _totals(lives: Timeline, symbols: Mapping[str, int]) -> _Totals:
    """Bytes alive just after a tick, for ticks in order."""
    sized = [(life, evaluate(life.size, symbols)) for life in lives.lives]
    return _Totals([(life.birth, size) for life, size in sized] + [(life.death, -size) for life, size in sized if life.death != FOREVER])


def _counted(loop: str) -> tuple[int, str]:
    """What loops are sorted by: the number of most; those that go through lists have the name of their count."""
    number = loop.removeprefix("again ").removeprefix("loop")
    return int(number) if number.isdigit() else 0, loop


class _Numbering:
    """Iterations by their true number: the last of four simulated ones is the last of all."""

    def __init__(self, graph: Graph, symbols: Mapping[str, int], places: Iterable[Place]) -> None:
        enters = [i for i in graph.instructions if isinstance(i, Enter) and i.skipped]
        self.skipped = {i.loop: evaluate(i.skipped, symbols) for i in enters}
        self.half = graph.simulated // 2
        self.siblings: dict[Iterations, list[str]] = {}
        for loops in sorted({place.loops for place in places}, key=lambda loops: [_counted(name) for name, _ in loops]):
            self._numbered(loops)

    def __call__(self, place: Place) -> Iterations:
        return self._numbered(place.loops)

    def _numbered(self, loops: tuple[tuple[str, int], ...]) -> Iterations:
        result: Iterations = ()
        for name, iteration in loops:
            level = self.siblings.setdefault(result, [])
            if name not in level:
                level.append(name)
            true = iteration if iteration < self.half else iteration + self.skipped.get(name, 0)
            result = (*result, (level.index(name), true))
        return result
