"""Where a model may be cut into stages of a pipeline that hold about as much: weights, what the optimizer has, what is kept for backward.

Only a choice of places to try: whether the stages fit is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.graph import Call
from analyzer.memory import kept
from analyzer.ops import OPS

STANDING = ("parameter", "gradient", "optimizer")
CHOICE = 4  # so many places for each stage are enough to choose from
Place = tuple[int, int]  # of what runs, the how manieth it is, and in which iteration


def balanced(analysis: Analysis, stages: int, microbatches: int) -> str:
    """A `split_spec` of so many stages, the batch in so many parts; empty where there are too few places at which one may begin."""
    share = min(1.0, (stages + 1) / (2 * microbatches))  # of the batch, what 1F1B has in flight in a stage, on average
    order = _order(analysis)
    weights = list(_weights(analysis, order, share))
    places = _outermost(dict(_places(analysis, order)), CHOICE * stages)
    held = [_before(analysis, path, place, weights) for path, place in places]
    everything, begun = sum(weight for _, weight in weights), [-1]
    for stage in range(1, stages):
        left = range(begun[-1] + 1, len(places) - (stages - 1 - stage))
        if not left:
            return ""
        begun.append(min(left, key=lambda at: abs(held[at] * stages - everything * stage)))
    return ",".join(places[at][0] for at in begun[1:])


def _outermost(places: dict[str, Place], enough: int) -> list[tuple[str, Place]]:
    """Places in the order in which they run, each with its shortest path; of inner ones only as many levels as make enough."""
    found: dict[Place, str] = {}
    paths = sorted(places, key=lambda path: path.count("."))
    for path in paths:
        if len(found) >= enough and path.count(".") > max(at.count(".") for at in found.values()):
            break
        found.setdefault(places[path], path)
    return sorted(((path, place) for place, path in found.items()), key=lambda pair: pair[1])


def without_iterations(path: str) -> str:
    """A path as labels have it, without the numbers of iterations."""
    return ".".join(part for part in path.split(".") if not part.isdigit())


def _order(analysis: Analysis) -> dict[str, int]:
    """The how manieth each path is that runs."""
    found: dict[str, int] = {}
    for instruction in analysis.graph.instructions:
        if isinstance(instruction, Call):
            found.setdefault(without_iterations(instruction.path), len(found))
    return found


def _weights(analysis: Analysis, order: dict[str, int], share: float) -> Iterator[tuple[int, float]]:
    """Bytes that stand, and those kept for backward, each with which path they are of."""
    timeline, values = analysis.timeline, analysis.symbols.values
    standing = [life for life in timeline.alive(timeline.marks["backward done"]) if life.kind in STANDING]
    for lives, part in ((standing, 1.0), (kept(analysis), share)):
        for life in lives:
            path = without_iterations(life.label.partition(":")[0].partition(" ")[0])
            while path and path not in order:
                path = path.rpartition(".")[0]
            yield order.get(path, 0), part * evaluate(life.size, values)


def _places(analysis: Analysis, order: dict[str, int]) -> Iterator[tuple[str, Place]]:
    """Where a stage may begin: at a block, at a layer that is in none, at an iteration of a loop that is in no other."""
    graph = analysis.graph
    layers = (i.path for i in graph.instructions if isinstance(i, Call) and "." not in i.path and i.op in OPS and OPS[i.op].is_module)
    for path in dict.fromkeys((*graph.blocks, *layers)):
        first = _first(path, order)
        if first and without_iterations(path) == path:
            yield path, (first, 0)
    for loop, size in graph.repeats.items():
        yield from ((f"{loop}.{i}", (_first(loop, order), i)) for i in range(1, evaluate(size, analysis.symbols.values)))


def _first(path: str, order: dict[str, int]) -> int:
    return min((number for at, number in order.items() if _is_in(at, path)), default=0)


def _is_in(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")


def _before(analysis: Analysis, path: str, place: Place, weights: list[tuple[int, float]]) -> float:
    """Bytes of what runs before a place; iterations of a loop have as much each."""
    first, iteration = place
    held = sum(weight for at, weight in weights if at < first)
    if iteration:
        loop, order = path.rpartition(".")[0], _order(analysis)
        inside = {number for at, number in order.items() if _is_in(at, loop)}
        held += sum(w for at, w in weights if at in inside) * iteration / evaluate(analysis.graph.repeats[loop], analysis.symbols.values)
    return held
