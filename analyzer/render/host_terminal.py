"""Host memory as tables for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from analyzer.host_report import Host, HostReport
from analyzer.render.grids import grid, show, symbol_table
from analyzer.render.host import BY, OUTSIDE, beside, layout, number, saving, times_one, totals, verdict
from analyzer.render.units import binary, count


def host_tables(console: Console, host: Host, device: int | None) -> None:
    """The section on host memory; `device` is the peak beside it."""
    _arrays(console, host)
    _break_even(console, host)
    _stages(console, host)
    _gathered(console, host)
    console.print()
    if device is not None:
        console.print(beside(host, device), markup=False)
    for claim in host.claims:
        console.print(Text(f"Claim: {verdict(claim)}"))
    if host.valid_while:
        console.print(Text(f"Formulas of host memory hold while {', '.join(host.valid_while)}.", style="dim"))
    console.print(Text(f"Note: {OUTSIDE}.", style="dim"))


def data_only(console: Console, report: HostReport) -> None:
    """The report of a config that describes data and no model."""
    console.print(Text(report.model, style="bold") + Text(f"  {report.doc}" if report.doc else ""))
    console.print(Text(report.path, style="dim"))
    console.print()
    console.print(beside(report.host, None), markup=False)
    symbol_table(console, report.symbols)
    host_tables(console, report.host, None)


def _arrays(console: Console, host: Host) -> None:
    if not host.arrays:
        return
    columns = (("array", "left"), ("shape", "left"), ("stored as", "left"), ("size", "right"), ("saves", "right"), ("formula", "left"))
    table = grid("Arrays in host memory", *columns)
    for a in host.arrays:
        table.add_row(a.name, a.shape, layout(a), binary(a.amount.value), saving(a), a.amount.notation)
        for part in a.buffers if a.index else ():
            table.add_row(f"  {part.name}", "", "", binary(part.amount.value), "", part.amount.notation)
    show(console, table)
    console.print(totals(host), markup=False)


def _break_even(console: Console, host: Host) -> None:
    columns = (
        ("array", "left"),
        ("format", "left"),
        ("nonzeros per row", "right"),
        ("formula", "left"),
        ("density", "right"),
        ("formula", "left"),
    )
    table = grid("A sparse format takes no more than dense up to", *columns)
    for a in host.arrays:
        if a.break_even:
            row, density = a.break_even.per_row, a.break_even.density
            table.add_row(a.name, a.break_even.format, number(row.value), row.formula, f"{density.value:.2%}", density.formula)
    if table.row_count:
        show(console, table)


def _stages(console: Console, host: Host) -> None:
    table = grid("Host memory by stage", ("stage", "left"), ("size", "right"), ("bytes", "right"), ("formula", "left"))
    for stage in host.stages:
        style = "bold" if stage is host.peak else ""
        table.add_row(Text(stage.name, style=style), binary(stage.amount.value), count(stage.amount.value), stage.amount.notation)
    show(console, table)
    table = grid(f"At the peak, {host.peak.name}", ("", "left"), ("size", "right"), ("bytes", "right"), ("formula", "left"))
    for item in sorted(host.peak.items, key=lambda i: -i.amount.value):
        table.add_row(item.name, binary(item.amount.value), count(item.amount.value), item.amount.notation)
    show(console, table)


def _gathered(console: Console, host: Host) -> None:
    for gathered in host.gathered:
        what = f"{count(gathered.arrays.value)} arrays of" if gathered.arrays.value > 1 else "one array of"
        title = f"Gathering {gathered.name}: {what} {binary(gathered.one.value)}, × is one of them"
        table = grid(title, ("", "left"), ("size", "right"), ("×", "right"), ("formula", "left"))
        for by, amount in gathered.ways.items():
            name = Text(BY[by], style="bold" if by == gathered.by else "")
            table.add_row(name, binary(amount.value), times_one(gathered, by), amount.notation)
        show(console, table)
