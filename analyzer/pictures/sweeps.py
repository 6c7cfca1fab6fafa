"""Pictures over symbols: the closed form of the peak at every value, evaluated with numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from analyzer.analysis import Analysis, analyze
from analyzer.fit import Asked, fit
from analyzer.gpus import Gpu, device_of
from analyzer.pictures.ranges import POINTS, SIDE, reach, solved, spread, symbols_of
from analyzer.pictures.shown import Card, Curves, Field, Frontier, Heading
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.programs import Programs
from analyzer.run.settings import Run
from analyzer.sizes import Device
from analyzer.solve import Solution
from analyzer.sweep.evaluate import Evaluator, Job
from analyzer.sweep.grid import Grid

Axes = Mapping[str, tuple[int, ...]]


def heading(analyses: Sequence[Analysis], without: Sequence[str] = ()) -> Heading:
    """The models' names; of one model its symbols that are no axis and follow from no other; and what all runs have in common."""
    first = analyses[0].symbols
    free = {n: v for n, v in first.values.items() if n not in without and n not in first.definitions}
    symbols = ", ".join(f"{name} = {value:,}" for name, value in free.items()) if len(analyses) == 1 else ""
    common = [word for word in _settings(analyses[0].run) if all(word in _settings(a.run) for a in analyses)]
    return Heading(", ".join(dict.fromkeys(a.model.name for a in analyses)), "; ".join(filter(None, (symbols, ", ".join(common)))))


def _settings(run: Run) -> list[str]:
    """Mode, precision and optimizer in a word each, and every other setting that is not the default."""
    told, usual = asdict(run), asdict(Run())
    words = [run.mode, run.precision, *([run.optimizer] if run.mode == "train" else [])]
    names = list(told)
    training = names[names.index("optimizer_form") : names.index("outputs")] if run.mode == "infer" else []  # of no meaning there
    others = {key: value for key, value in told.items() if value != usual[key] and key not in ("mode", "precision", "optimizer", *training)}
    return words + [key if value is True else f"no {key}" if value is False else f"{key} {value}" for key, value in others.items()]


def peaks(asked: Asked, axes: Axes, device: Device) -> list[int]:
    """Peak bytes at every point of a grid, the last symbol fastest; -1 where the config refuses it. Raises InvalidConfig."""
    grid = Grid(axes)
    evaluator = Evaluator(Job(asked.model, asked.overrides, asked.run, ()), grid, device)
    return [int(b) for block in grid.blocks() for b in evaluator.figures(block).column("peak").ravel()]


def curves(asked: Sequence[Asked], axes: Axes, over: Sequence[str], gpus: Sequence[Gpu]) -> Curves:
    """Peak against one symbol. Raises InvalidConfig."""
    device = device_of(tuple(gpus))
    analyses = [analyze(a.model, a.overrides, a.run, device) for a in asked]
    (symbol,) = symbols_of(analyses[0], asked[0], (*axes, *over), 1)
    known = axes.get(symbol)
    alone = len(asked) == 1
    found = [solved(Programs(a, b.overrides), symbol, gpus) for a, b in zip(analyses, asked) if alone or not known]
    ends = [end for fits in found for end in fits.values()]
    values = known or spread(1, reach(analyses[0].symbols.values[symbol], ends), POINTS)
    lines = {a.model.name: [(x, y) for x, y in zip(values, peaks(a, {symbol: values}, device)) if y >= 0] for a in asked}
    if not any(lines.values()):
        peaks_refused(asked[0], symbol, values)
    cards = tuple(Card(gpu.name, gpu.capacity - gpu.context, found[0].get(gpu.name) if alone else None) for gpu in gpus)
    meanings = {a.symbols.docs.get(symbol, "") for a in analyses}
    return Curves(heading(analyses, (symbol,)), symbol, meanings.pop() if len(meanings) == 1 else "", lines, cards)


def peaks_refused(asked: Asked, symbol: str, values: Sequence[int]) -> None:
    """Raise why the config takes none of the values."""
    analyze(asked.model, {**asked.overrides, symbol: str(values[-1])}, asked.run)
    raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"the config takes none of the values of '{symbol}'"))


def field(asked: Asked, axes: Axes, over: Sequence[str], gpus: Sequence[Gpu]) -> Field:
    """Peak over two symbols, the first along x. Raises InvalidConfig."""
    device = device_of(tuple(gpus))
    analysis = analyze(asked.model, asked.overrides, asked.run, device)
    x, y = symbols_of(analysis, asked, (*axes, *over), 2)
    xs, ys = (axes.get(name) or _around(analysis.symbols.values[name]) for name in (x, y))
    found = peaks(asked, {y: ys, x: xs}, device)
    rows = [tuple(found[i * len(xs) : (i + 1) * len(xs)]) for i in range(len(ys))]
    columns = [i for i in range(len(xs)) if any(row[i] >= 0 for row in rows)]
    lines = [(value, tuple(row[i] for i in columns)) for value, row in zip(ys, rows) if any(b >= 0 for b in row)]
    if len(columns) < 2 or len(lines) < 2:
        message = f"the config takes less than two values of {x} or {y} of those asked for"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), message, f"a wider range, such as {x}=1:64 {y}=64:1024:64"))
    cards = tuple(Card(gpu.name, gpu.capacity - gpu.context) for gpu in gpus)
    docs = analysis.symbols.docs
    where = tuple(xs[i] for i in columns), tuple(value for value, _ in lines)
    return Field(heading([analysis], (x, y)), (x, y), (docs.get(x, ""), docs.get(y, "")), *where, tuple(line for _, line in lines), cards)


def _around(value: int) -> tuple[int, ...]:
    return spread(max(1, value // 8), max(2, 2 * value), SIDE)


def frontier(asked: Asked, axes: Axes, over: Sequence[str], gpus: Sequence[Gpu]) -> Frontier:
    """The largest value of the first symbol that fits along the second, by the replay. Raises InvalidConfig."""
    analysis = analyze(asked.model, asked.overrides, asked.run, device_of(tuple(gpus)))
    first, second = symbols_of(analysis, asked, (*(name for name in over if name not in axes), *axes), 2)
    if first in axes:
        first, second = second, first
    found = fit([asked], gpus, {n: v for n, v in axes.items() if n == second}, (first,) if second in axes else (first, second))
    lines: dict[str, list[tuple[int, int]]] = {}
    for row in found.rows:
        for cell in row.cells:
            if isinstance(cell, Solution):
                lines.setdefault(cell.gpu.name, []).append((row.values[second], cell.fits))
    docs = analysis.symbols.docs
    return Frontier(heading([analysis], (first, second)), (first, second), (docs.get(first, ""), docs.get(second, "")), lines)
