"""Tables that every config has: its parameters, memory by block, layers and cards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analyzer.analysis import Analysis
from analyzer.bisection import LARGEST
from analyzer.evaluate import evaluate
from analyzer.graph import Call, Shape
from analyzer.memory import kept
from analyzer.papers.order import leading
from analyzer.papers.sheet import Cell, Column, Name, Order, Sheet, label_of
from analyzer.polynomial import ZERO, Poly, total
from analyzer.report import CATEGORIES, Amount, Report, stated
from analyzer.timeline import Life

FORMULA, ORDER = Column("formula", is_long=True), Column("order")
FEW, MANY = 3, 12  # terms of an order that is told


def bound(report: Report) -> str:
    """The symbols' values as a caption has them."""
    return ", ".join(f"{s.name} = {s.value}" for s in report.symbols)


def parameters(report: Report, depth: int, order: bool = False) -> Sheet:
    """Elements of the parameters by module, down to a depth, and what part of all they are; with `order` its leading order."""
    modules = [m for m in report.modules if m.path.count(".") < depth and m.amount.value]
    whole = report.totals["total"]
    listed: list[tuple[Cell, Amount]] = [*((_name(m.path), m.amount) for m in modules), ("all", whole)]
    rows: list[tuple[Cell, ...]] = []
    for name, amount in listed:
        orders = (Order(leading(amount.form)),) * order
        rows.append((name, amount.value, _tenths(amount.value, whole.value), *orders, amount.form))
    columns = (Column("module"), Column("parameters", is_number=True), Column("share"), *(ORDER,) * order, FORMULA)
    caption = f"{report.model}: parameters by module at {bound(report)}"
    return Sheet("parameters", caption, label_of(report.model, "parameters"), columns, tuple(rows), sections=frozenset({len(rows) - 1}))


def _name(path: str) -> Name:
    return Name(path.rpartition(".")[2], path.count("."))


def _tenths(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def memory(report: Report, analysis: Analysis, depth: int, unit: str, order: bool = False) -> Sheet:
    """Bytes that each block keeps for backward, then every category of memory and the peak of each phase; with `order` long orders too."""
    held, many = kept(analysis), MANY if order else FEW
    rows: list[tuple[Cell, ...]] = []
    for path in _paths(held, depth):
        rows.append(_amount(_name(path), total(life.size for life in held if _below(life, path)), analysis, many))
    first = len(rows)
    rows += [_amount(CATEGORIES.get(name, name), amount.form, analysis, many) for name, amount in report.memory.items() if amount.value]
    second = len(rows)
    rows += [_amount(f"peak, {phase}", amount.form, analysis, many) for phase, amount in report.peaks.items()]
    columns = (Column("kept for backward by"), Column("memory", unit, is_number=True), replace(ORDER, is_long=order), FORMULA)
    caption = f"{report.model}: memory by block and by category at {bound(report)}; {_setting(report)}"
    label = label_of(report.model, "memory")
    return Sheet("memory", caption, label, columns, tuple(rows), sections=frozenset({first, second}))


def _amount(name: Cell, form: Poly, analysis: Analysis, many: int) -> tuple[Cell, ...]:
    order = leading(form)
    return name, evaluate(form, analysis.symbols.values), Order(order) if len(order.terms) <= many else None, form


def _setting(report: Report) -> str:
    told = {key: str(value).lower() if isinstance(value, bool) else value for key, value in stated(report.run).items()}
    return ", ".join(f"{key} = {value}" for key, value in told.items() if (key, value) != ("mode", "train"))


def _module(life: Life) -> str:
    return life.label.partition(":")[0]


def _paths(lives: Iterable[Life], depth: int) -> list[str]:
    """The modules that keep something, down to a depth, outer ones first, in the order of the forward."""
    found: dict[str, None] = {}
    for life in sorted(lives, key=lambda life: life.birth):
        parts = _module(life).split(".")
        for d in range(1, min(depth, len(parts)) + 1):
            found[".".join(parts[:d])] = None
    places = {path: i for i, path in enumerate(found)}
    return sorted((p for p in found if p), key=lambda p: [places[".".join(p.split(".")[:d])] for d in range(1, p.count(".") + 2)])


def _below(life: Life, path: str) -> bool:
    return f"{_module(life)}.".startswith(f"{path}.")


def layers(report: Report, analysis: Analysis, unit: str, order: bool = False) -> Sheet:
    """The layers that the forward calls, of loops the first iteration: output shape and bytes, with `order` how they grow, parameters."""
    shapes = {(c.path, c.op): c.outputs[0].shape for c in reversed(analysis.graph.instructions) if isinstance(c, Call)}
    rows: list[tuple[Cell, ...]] = []
    for row in report.layers:
        op = row.op if row.calls == 1 else f"{row.op} ×{row.calls}"
        shape = _shown(shapes[row.path, row.op], analysis)
        orders = (Order(leading(row.output.form)),) * order
        rows.append((Name(row.path), op, shape, row.output.value, *orders, row.parameters.value or None))
    output, own = sum(row.output.value for row in report.layers), sum(row.parameters.value for row in report.layers)
    whole = report.totals["total"].value
    rows.append(("all" if own == whole else "these lines", None, None, output, *(None,) * order, own))
    note = f"Of a loop the first iteration is listed, and nothing that is never called; the model has {whole:,} parameters."
    columns = (
        Column("layer"), Column("class"), Column("output"), Column("size", unit, is_number=True), *(ORDER,) * order,
        Column("parameters", is_number=True),
    )  # fmt: skip
    caption = f"{report.model}: layers of the forward at {bound(report)}"
    label, last = label_of(report.model, "layers"), frozenset({len(rows) - 1})
    return Sheet("layers", caption, label, columns, tuple(rows), sections=last, notes=() if own == whole else (note,))


def _shown(shape: Shape, analysis: Analysis) -> Shape:
    """A shape in symbols, those of its sizes as numbers that are longer than two terms or have a rounding in them."""
    short = [len(size.terms) < 3 and all(isinstance(atom, str) for atom in size.atoms) for size in shape]
    return tuple(size if keep else ZERO + evaluate(size, analysis.symbols.values) for size, keep in zip(shape, short))


def feasibility(report: Report, unit: str) -> Sheet:
    """What each card has, what is needed of it, and the largest batch that runs."""
    batch = report.batch
    rows: list[tuple[Cell, ...]] = []
    for v in report.feasibility:
        value = v.largest.get(batch, 0)
        rows.append((v.gpu, v.capacity, v.needed, v.answer, "any" if value >= LARGEST else value if value else "none"))
    columns = (
        Column("GPU"), Column("capacity", unit, is_number=True), Column("needed", unit, is_number=True), Column("verdict"),
        Column(f"largest {batch}".strip(), is_number=True),
    )  # fmt: skip
    caption = (
        f"{report.model}: memory on GPUs, the caching allocator's segments and the CUDA context, at {bound(report)}; {_setting(report)}"
    )
    return Sheet("feasibility", caption, label_of(report.model, "feasibility"), columns, tuple(rows))
