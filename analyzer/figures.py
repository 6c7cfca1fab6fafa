"""Analysis -> Figures: the tables of a report, closed forms with their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analyzer import memory
from analyzer.analysis import Analysis
from analyzer.compute import by_dtype, floors, flops, kernels, moved
from analyzer.evaluate import Values, evaluate
from analyzer.gpus import Gpu
from analyzer.graph import Call, Enter, Leave
from analyzer.ops import OPS
from analyzer.parameters import by_instance, by_module, count, trainable, used
from analyzer.peaks import largest
from analyzer.polynomial import ZERO, Poly, total
from analyzer.report import Amount, Effort, Figures, Holding, LayerRow, ModuleRow
from analyzer.timeline import Life
from analyzer.tracing import show


class Binder:
    """Closed forms with their values, each evaluated once."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self.symbols = Values(symbols)
        self.known: dict[Poly, Amount] = {}

    def __call__(self, form: Poly) -> Amount:
        if form not in self.known:
            self.known[form] = Amount(form, evaluate(form, self.symbols))
        return self.known[form]


def figures(analysis: Analysis, bind: Binder, gpus: Sequence[Gpu]) -> Figures:
    """Parameters, memory, layers and FLOPs of one analysis; the least times on some cards."""
    graph, values = analysis.graph, analysis.symbols.values
    by_phase = {phase: [p for p in analysis.pieces if p.phase == phase] for phase in analysis.timeline.spans}
    return Figures(
        totals={
            "total": bind(count(graph.parameters.values())),
            "trainable": bind(count(trainable(graph))),
            "used": bind(count(used(graph))),
        },
        modules=tuple(ModuleRow(path, bind(form)) for path, form in by_module(graph).items()),
        layers=_layers(analysis, bind),
        memory={name: bind(form) for name, form in memory.categories(analysis).items()},
        kept=grouped(memory.kept(analysis), bind, _module_of),
        rule_of_thumb=bind(memory.rule_of_thumb(analysis)),
        peaks={phase: bind(largest(pieces, values).form) for phase, pieces in by_phase.items()},
        effort=_effort(analysis, bind, gpus),
    )


def grouped(lives: Sequence[Life], bind: Binder, by: Callable[[Life], str] = lambda life: life.label) -> tuple[Holding, ...]:
    """Lives with one label and kind as one entry, the largest first."""
    groups: dict[tuple[str, str], list[Poly]] = {}
    for life in lives:
        groups.setdefault((by(life), life.kind), []).append(life.size)
    held = [Holding(label, kind, bind(total(sizes))) for (label, kind), sizes in groups.items()]
    return tuple(sorted(held, key=lambda h: -h.amount.value))


def _module_of(life: Life) -> str:
    return life.label.partition(":")[0] or "(model)"


def _effort(analysis: Analysis, bind: Binder, gpus: Sequence[Gpu]) -> Effort:
    """What a step computes and moves, and how long that takes at least."""
    made = kernels(analysis)
    flops_, dtypes, bytes_ = ({name: bind(form) for name, form in forms(made).items()} for forms in (flops, by_dtype, moved))
    return Effort(flops_, dtypes, bytes_, tuple(floors(analysis, made, gpus)))


def _layers(analysis: Analysis, bind: Binder) -> tuple[LayerRow, ...]:
    """One row per layer that the forward calls, in order of the first call; of a loop only its first iteration."""
    calls: dict[tuple[str, str, str], list[Call]] = {}
    repeats: dict[str, int] = {}
    for instruction in analysis.graph.instructions:
        match instruction:
            case Enter(loop=loop, iteration=iteration):
                repeats[loop] = iteration
            case Leave(loop=loop):
                repeats.pop(loop, None)
            case Call() if not any(repeats.values()) and OPS[instruction.op].is_module:
                key = instruction.path, instruction.op, show(instruction.outputs[0].shape)
                calls.setdefault(key, []).append(instruction)
    own = by_instance(analysis.graph)
    return tuple(_layer(key, made, own.get(key[0], ZERO), bind) for key, made in calls.items())


def _layer(key: tuple[str, str, str], calls: list[Call], own: Poly, bind: Binder) -> LayerRow:
    path, op, shape = key
    return LayerRow(path, op, len(calls), shape, bind(calls[0].outputs[0].bytes), bind(own))
