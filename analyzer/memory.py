"""Memory by category, read off the timeline at the moments that define each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from analyzer.analysis import Analysis
from analyzer.graph import Call, Enter, Leave
from analyzer.ops import OPS
from analyzer.parameters import count
from analyzer.polynomial import Poly, total
from analyzer.run.heap import STEADY
from analyzer.timeline import Life, Timeline


def categories(analysis: Analysis) -> dict[str, Poly]:
    """Bytes by category: what is always there, and what the forward left behind at two moments."""
    timeline = analysis.timeline
    end = timeline.marks.get("step done", timeline.marks["end"])
    forward = _made_by_forward(timeline)
    at_backward = timeline.marks.get("backward", timeline.marks["forward done"])
    return {
        "parameters": _sum(timeline.alive(end), "parameter"),
        "buffers": _sum(timeline.alive(end), "buffer"),
        "gradients": _sum(timeline.alive(timeline.marks.get("backward done", 0)), "gradient"),
        "optimizer": _sum(timeline.alive(end), "optimizer"),
        "inputs": _sum(timeline.alive(timeline.marks["start"]), "input"),
        "after_forward": total(life.size for life in timeline.alive(timeline.marks["forward done"]) if forward(life)),
        "kept_for_backward": total(life.size for life in timeline.alive(at_backward) if forward(life)),
    }


def kept(analysis: Analysis) -> list[Life]:
    """What is kept from forward to backward, the loss included."""
    timeline = analysis.timeline
    forward = _made_by_forward(timeline)
    at = timeline.marks.get("backward", timeline.marks["forward done"])
    return [life for life in timeline.alive(at) if forward(life)]


def _made_by_forward(timeline: Timeline) -> Callable[[Life], bool]:
    start = timeline.marks.get("forward", timeline.marks["start"])
    return lambda life: life.birth > start and life.kind == "activation" and life.born.step == STEADY


def _sum(lives: Iterable[Life], kind: str) -> Poly:
    return total(life.size for life in lives if life.kind == kind)


def largest(analysis: Analysis, value: Callable[[Poly], int]) -> Life:
    """The single largest allocation of the steady step; of equal ones the first. Skipped iterations count one each."""
    start = analysis.timeline.marks["start"]
    single = [life for life in analysis.timeline.lives if life.death > start and not life.bulk]
    return max(single, key=lambda life: (value(life.size), -life.birth))


def rule_of_thumb(analysis: Analysis) -> Poly:
    """Parameters + gradients + batch * (I1 + 2 * sum of feature maps): the textbook estimate, 4 bytes each.

    Feature maps are the outputs of the layers that hold a weight matrix or kernel.
    """
    graph = analysis.graph
    first = next(iter(graph.inputs.values()), None)
    maps = total(size * times for call, times in repeated(graph.instructions, graph.simulated // 2 - 1) for size in [_feature_map(call)])
    return 8 * count(graph.parameters.values()) + (first.bytes if first else Poly()) + 2 * maps


def _feature_map(call: Call) -> Poly:
    family = OPS[call.op].family if call.op in OPS else ""
    weighted = OPS[call.op].is_module and family in ("dense", "convolution")
    return call.outputs[0].bytes if weighted else Poly()


def repeated(instructions: Iterable[object], middle: int) -> list[tuple[Call, Poly]]:
    """Every op as written, and how often it runs: the iteration in the middle stands for the skipped ones too."""
    result: list[tuple[Call, Poly]] = []
    times: dict[str, Poly] = {}
    for instruction in instructions:
        match instruction:
            case Enter(loop=loop, iteration=iteration, skipped=skipped):
                times[loop] = skipped + 1 if iteration == middle else Poly({(): 1})
            case Leave(loop=loop):
                times.pop(loop, None)
            case Call():
                factor = Poly({(): 1})
                for many in times.values():
                    factor = factor * many
                result.append((instruction, factor))
    return result
