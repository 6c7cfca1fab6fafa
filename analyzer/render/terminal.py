"""The report as tables for a terminal; 80 columns are enough."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from analyzer.bisection import LARGEST
from analyzer.host_report import HostReport
from analyzer.render.effort import effort_tables
from analyzer.render.grids import grid as _grid
from analyzer.render.grids import show as _show
from analyzer.render.grids import symbol_table, written
from analyzer.render.host_terminal import data_only, host_tables
from analyzer.render.units import binary, count, in_unit, settings
from analyzer.report import CATEGORIES, Amount, Peak, Report, Table
from analyzer.verdict import CLOSE, FITS, UNFIT

COLORS = {FITS: "green", CLOSE: "yellow", UNFIT: "red"}


def as_text(report: Report, width: int | None = None, color: bool = False) -> str:
    """The whole report as text of at most `width` columns."""
    return written(lambda console: _draw(console, report), width, color)


def data_as_text(report: HostReport, width: int | None = None, color: bool = False) -> str:
    """The report of a config that describes data and no model."""
    return written(lambda console: data_only(console, report), width, color)


def _draw(console: Console, report: Report) -> None:
    console.print(Text(report.model, style="bold") + Text(f"  {report.doc}" if report.doc else ""))
    console.print(Text(f"{report.path}; {settings(report.run)}; kernels as on {report.device}", style="dim"))
    _headline(console, report)
    symbol_table(console, report.symbols)
    _parameters(console, report)
    if report.layers:
        _layers(console, report)
    _memory(console, report)
    _peak(console, "Peak of a training step" if "forward" in report.peaks else "Peak of inference", report.peak, report)
    if report.inference:
        _peak(console, "Peak of inference", report.inference, None)
    _feasibility(console, report)
    effort_tables(console, report.effort, training="forward" in report.peaks)
    if report.host:
        host_tables(console, report.host, report.peak.amount.value)
    for table in report.tables:
        _table(console, table)
    _footer(console, report)


def _headline(console: Console, report: Report) -> None:
    """The answer in three lines, before the evidence."""
    peak, fits = report.peak, [v.gpu for v in report.feasibility if v.answer == FITS]
    what = "a training step" if "forward" in report.peaks else "an inference"
    console.print()
    console.print(f"{count(report.totals['total'].value)} parameters; {what} peaks at {binary(peak.amount.value)}", markup=False)
    if report.inference:
        console.print(f"(an inference at {binary(report.inference.amount.value)}).", markup=False)
    if report.feasibility:
        console.print(f"Fits: {', '.join(fits) or 'none of the GPUs below'}.", markup=False)
    console.print()


def _parameters(console: Console, report: Report) -> None:
    grid = _grid("Parameters", ("module", "left"), ("count", "right"), ("formula", "left"))
    for name, amount in report.totals.items():
        label = {"total": "all", "trainable": "trainable", "used": "used by the forward"}[name]
        grid.add_row(Text(label, style="bold"), count(amount.value), amount.notation)
    grid.add_section()
    for row in report.modules:
        depth = row.path.count(".")
        grid.add_row("  " * depth + row.path.rpartition(".")[2], count(row.amount.value), row.amount.notation)
    _show(console, grid)


def _layers(console: Console, report: Report) -> None:
    grid = _grid(
        "Layers of the forward; of loops the first iteration",
        ("layer", "left"), ("op", "left"), ("output", "left"), ("size", "right"), ("parameters", "right"),
    )  # fmt: skip
    for row in report.layers:
        op = row.op if row.calls == 1 else f"{row.op} ×{row.calls}"
        grid.add_row(row.path, op, row.shape, binary(row.output.value), count(row.parameters.value) if row.parameters.value else "")
    _show(console, grid)


def _row(grid: Grid, name: str, amount: Amount) -> None:
    grid.add_row(name, binary(amount.value), count(amount.value), amount.notation)


def _memory(console: Console, report: Report) -> None:
    grid = _grid("Memory", ("", "left"), ("size", "right"), ("bytes", "right"), ("formula", "left"))
    for name, amount in report.memory.items():
        _row(grid, CATEGORIES.get(name, name), amount)
    _row(grid, "temporaries at the peak", report.peak.temporaries)
    grid.add_section()
    for phase, amount in report.peaks.items():
        _row(grid, f"peak, {phase}", amount)
    if report.replay:
        grid.add_row("allocated, rounded up in blocks", binary(report.replay.allocated), count(report.replay.allocated), "")
        grid.add_row("reserved by the allocator", binary(report.replay.reserved), count(report.replay.reserved), "")
        device = report.replay.reserved + report.context
        grid.add_row(f"on the {report.device}, its CUDA context included", binary(device), count(device), "")
    if report.rule_of_thumb:
        grid.add_section()
        _row(grid, "rule of thumb: params + grads + inputs + 2 × feature maps", report.rule_of_thumb)
    _show(console, grid)
    if report.kept:
        grid = _grid("Kept for backward, by module", ("module", "left"), ("size", "right"), ("formula", "left"))
        for held in report.kept[:12]:
            grid.add_row(held.label, binary(held.amount.value), held.amount.notation)
        _show(console, grid)


def _peak(console: Console, title: str, peak: Peak, report: Report | None) -> None:
    console.print()
    console.print(Text(f"{title}: {binary(peak.amount.value)} ({count(peak.amount.value)} bytes)", style="bold"))
    console.print(f"  = {peak.amount.notation}", soft_wrap=False, markup=False)
    console.print(f"  in {peak.phase}, at {peak.where}, {peak.path}:{peak.line}", markup=False)
    console.print(f"  {peak.regime}", markup=False)
    if report is None:
        return
    grid = _grid("", ("alive at the peak", "left"), ("kind", "left"), ("size", "right"), ("formula", "left"))
    for held in peak.alive:
        grid.add_row(held.label, held.kind, binary(held.amount.value), held.amount.notation)
    _show(console, grid)
    big = report.largest_tensor
    console.print(f"Largest single tensor: {big.label}, {binary(big.amount.value)} = {big.amount.notation}", markup=False)


def _feasibility(console: Console, report: Report) -> None:
    largest = f"largest {report.batch}" if report.batch else "largest"
    title = "Feasibility: segments that the caching allocator reserves, and the CUDA context"
    columns = (("GPU", "left"), ("capacity", "right"), ("needed", "right"), ("", "left"), ("headroom", "right"), (largest, "right"))
    grid = _grid(title, *columns)
    for v in report.feasibility:
        value = v.largest.get(report.batch, 0)
        grid.add_row(
            v.gpu, binary(v.capacity), binary(v.needed), Text(v.answer, style=COLORS[v.answer]),
            binary(v.headroom), "any" if value >= LARGEST else "none" if value < 1 else count(value),
        )  # fmt: skip
    _show(console, grid)
    if any(v.estimated for v in report.feasibility):
        console.print("The program is too long to replay: needed is the closed form, cuBLAS workspaces and the CUDA context.", markup=False)
    failed = [v for v in report.feasibility if v.failure]
    if failed:
        failure = failed[-1].failure
        assert failure is not None
        console.print()
        console.print(f"On {failed[-1].gpu} it would stop at {failure.label} ({failure.path}:{failure.line}):", markup=False)
        console.print(f"  {failed[-1].message.partition(' If reserved')[0]}", markup=False)

        fragmented = [v.gpu for v in failed if report.peak.amount.value + v.context <= v.capacity]
        if fragmented:
            console.print(
                f"What the program needs at once would fit on {', '.join(fragmented)}, but the allocator's cache is fragmented: "
                "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True may help.", markup=False,
            )  # fmt: skip


def _table(console: Console, table: Table) -> None:
    grid = _grid(f"{table.name} ({table.units})", *((s, "right") for s in table.symbols), *((h, "right") for h in table.header))
    grid.add_row(*("" for _ in table.symbols), *table.header.values())
    grid.add_section()
    for symbols, values in table.rows:
        grid.add_row(*(count(symbols[s]) for s in table.symbols), *(in_unit(values[h], table.units) for h in table.header))
    _show(console, grid)


def _footer(console: Console, report: Report) -> None:
    if report.briefly:
        console.print(Text(f"Formulas hold while {', '.join(report.briefly)}.", style="dim"))
    for note in report.notes:
        console.print(Text(f"Note: {note}.", style="dim"))
    for warning in report.warnings:
        console.print(Text(f"warning: {warning}"))
