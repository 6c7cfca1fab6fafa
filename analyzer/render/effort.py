"""What a step computes and moves, and how long it takes at least, for the terminal."""

from __future__ import annotations

from rich.console import Console

from analyzer.render.grids import grid, show
from analyzer.render.units import binary, decimal, duration
from analyzer.report import Effort

TITLE = "FLOPs (a multiply-add is two), and bytes that kernels read and write"
BOUND = "Least time of a step: a bound, not a forecast"
EXPLAINED = (
    "Each kernel at the card's published speed or bandwidth, whichever takes longer; products in {dtypes}. Launches, cuBLAS's and "
    "cuDNN's real speed and communication come on top."
)


def effort_tables(console: Console, effort: Effort, *, training: bool) -> None:
    """FLOPs and bytes by phase, then the bound for each card."""
    table = grid(TITLE, ("", "left"), ("FLOPs", "right"), ("moved", "right"), ("formula of the FLOPs", "left"))
    for phase, moved in effort.moved.items():
        flops = effort.flops[phase]
        formula = "" if phase == "total" and len(effort.moved) == 2 else flops.notation
        table.add_row(phase, decimal(flops.value), binary(moved.value), formula if flops.value else "")
    show(console, table)
    if not effort.floors:
        return
    title = BOUND if training else BOUND.replace("a step", "an inference")
    console.print()
    console.print(title, style="bold", markup=False)
    table = grid("", ("GPU", "left"), ("arithmetic", "right"), ("memory", "right"), ("at least", "right"))
    for floor in effort.floors:
        table.add_row(floor.gpu, duration(floor.arithmetic), duration(floor.memory), duration(floor.least))
    show(console, table)
    console.print(EXPLAINED.format(dtypes=" and ".join(effort.dtypes) or "no dtype"), markup=False)
