"""Pictures of one step: what is alive at the peak by module, the course of memory, and sizes of several models."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.analysis import Analysis, analyze
from analyzer.evaluate import evaluate
from analyzer.explain import CATEGORIES, KINDS, course
from analyzer.fit import Asked
from analyzer.gpus import Gpu, device_of
from analyzer.parameters import count
from analyzer.peaks import largest
from analyzer.pictures.shown import Card, Course, Shares, Sizes
from analyzer.pictures.sweeps import heading
from analyzer.run.settings import Run
from analyzer.timeline import Life

FEWEST, SHOWN = 5, 14  # modules of a bar chart: at least where no depth is asked for, and at most
SEEN, LEAST = 0.02, 0.001  # shares of the peak: of a module that counts, of one with a bar of its own
OF_MODULE = ("parameter", "buffer", "gradient", "optimizer")  # kinds whose label ends in the name of a parameter


def shares(asked: Asked, depth: int | None, gpus: Sequence[Gpu]) -> Shares:
    """What is alive at the peak, by module down to a depth and by category. Raises InvalidConfig."""
    analysis = analyze(asked.model, asked.overrides, asked.run, device_of(tuple(gpus)))
    values = analysis.symbols.values
    piece = largest(analysis.pieces, values)
    alive = [(_path(life), life, evaluate(life.size, values)) for life in analysis.timeline.alive(piece.tick)]
    level = depth or _level([(path, size) for path, _, size in alive])
    modules: dict[str, dict[str, int]] = {}
    for path, life, size in alive:
        name = ".".join(path[:level]) or "(model)"
        parts = modules.setdefault(name, dict.fromkeys(CATEGORIES, 0))
        parts[KINDS.get(life.kind, "temporary")] += size
    ordered = sorted(((m, p) for m, p in modules.items() if sum(p.values())), key=lambda item: -sum(item[1].values()))
    where = f"{piece.phase}, {piece.last.label} ({piece.last.op})"
    return Shares(heading([analysis]), where, dict(_few(ordered)))


def _path(life: Life) -> tuple[str, ...]:
    """The module that a block belongs to."""
    label = life.label.split(" ")[0] if life.kind in OF_MODULE else life.label
    path = label.partition(":")[0] if ":" in label else label.rpartition(".")[0] if life.kind in OF_MODULE else ""
    if life.kind == "input":
        return ("(inputs)",)
    return tuple(path.split(".")) if path else ()


def _level(blocks: Sequence[tuple[tuple[str, ...], int]]) -> int:
    """The least depth at which several modules have a share that can be seen; the deepest where there is none."""
    deepest, total = max((len(path) for path, _ in blocks), default=1), sum(size for _, size in blocks)
    for depth in range(1, deepest + 1):
        sums: dict[tuple[str, ...], int] = {}
        for path, size in blocks:
            sums[path[:depth]] = sums.get(path[:depth], 0) + size
        if sum(size >= SEEN * total for size in sums.values()) >= FEWEST:
            return depth
    return deepest


def _few(modules: list[tuple[str, dict[str, int]]]) -> list[tuple[str, dict[str, int]]]:
    """The largest modules, and the others as one."""
    total = sum(sum(parts.values()) for _, parts in modules)
    many = sum(sum(parts.values()) >= LEAST * total for _, parts in modules)
    kept = many if len(modules) <= SHOWN else min(many, SHOWN - 1)
    rest = modules[kept:]
    others = {name: sum(parts[name] for _, parts in rest) for name in CATEGORIES}
    return modules if len(rest) < 2 else [*modules[:kept], (f"{len(rest)} others", others)]


def timeline(asked: Asked, gpus: Sequence[Gpu]) -> Course:
    """Memory by category after every allocation of a step. Raises InvalidConfig."""
    analysis = analyze(asked.model, asked.overrides, asked.run, device_of(tuple(gpus)))
    moments = course(analysis)
    peak = max(range(len(moments)), key=lambda i: moments[i].total)
    lines = {name: tuple(m.bytes[name] for m in moments) for name in CATEGORIES}
    cards = tuple(Card(gpu.name, gpu.capacity - gpu.context) for gpu in gpus)
    highest = moments[peak]
    looped = any(life.bulk for life in analysis.timeline.lives)
    return Course(heading([analysis]), tuple(m.phase for m in moments), lines, peak, f"{highest.label} ({highest.op})", cards, looped)


def sizes(asked: Sequence[Asked], gpus: Sequence[Gpu]) -> Sizes:
    """Parameters, the peak of a training step and that of an inference, of every config. Raises InvalidConfig."""
    points, analyses = {}, []
    for one in asked:
        trained = analyze(one.model, one.overrides, one.run, device_of(tuple(gpus)))
        analyses.append(trained)
        peaks = {one.run.mode: _peak(trained)}
        if one.run.mode == "train":
            peaks["infer"] = _peak(analyze(one.model, one.overrides, Run(mode="infer", precision=one.run.precision), trained.device))
        points[one.model.name] = evaluate(count(trained.graph.parameters.values()), trained.symbols.values), peaks
    return Sizes(heading(analyses), points)


def _peak(analysis: Analysis) -> int:
    return evaluate(largest(analysis.pieces, analysis.symbols.values).form, analysis.symbols.values)
