"""What one config's comparison says in words; as a program, what `python -m validation run` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import torch

from analyzer.analysis import Analysis, analyze
from analyzer.build.model import read_model
from analyzer.commands.arguments import assigned
from analyzer.run.settings import Run, read_run
from validation.comparison import Comparison, device
from validation.rows import config_of

CONTEXT = 6
ALWAYS = ("mode", "precision", "optimizer")  # settings shown even where they are the default


def analysis_of(config: str, settings: Sequence[str]) -> Analysis:
    """A config analyzed for the device of this machine. Raises InvalidConfig."""
    model = read_model(config_of(config))
    symbols, run = assigned(tuple(settings))
    return analyze(model, symbols, read_run(model.run, run, has_loss=bool(model.loss)), device())


def headline(analysis: Analysis) -> str:
    """What is run, how, and on what."""
    symbols = " ".join(f"{name}={value}" for name, value in analysis.graph.symbols.items())
    run = " ".join(f"{k}={v}" for k, v in asdict(analysis.run).items() if k in ALWAYS or v != getattr(Run(), k))
    return f"{analysis.graph.name}: {symbols}\n{run}\n{analysis.device.name}, torch {torch.__version__}"


def comparison_lines(comparison: Comparison) -> list[str]:
    """A line for each figure: predicted, measured, and their difference if there is one."""
    measured = comparison.measured
    lines = [f"{'':20}{'predicted':>18}{'measured':>18}"]
    for name, value in measured.figures.items():
        difference = comparison.figures[name] - value
        lines.append(f"{name:20}{comparison.figures[name]:>18,}{value:>18,}  {f'{difference:+,}  <--' if difference else '='}")
    peaks = measured.allocator
    return [*lines, f"{'allocator, reserved':20}{'':18}{peaks['allocator']:>18,}  {peaks['reserved']:,}"]


def difference_lines(comparison: Comparison) -> list[str]:
    """Wrong tensors, then the first allocation at which the two sides part with its neighbours."""
    lines = [f"wrong tensor: {difference}" for difference in comparison.tensors[:5]]
    if comparison.adapted:
        first, times = comparison.real[comparison.adapted[0]], len(comparison.adapted)
        lines.append(f"{times} times the same bytes come in another order or as two blocks, first at {first.what}, {first.where}")
    found = comparison.divergence
    if found is None:
        return [*lines, f"the {len(comparison.real)} allocations of the steady step agree in size, order and life"]
    lines += ["first difference:", *found.lines]
    for i in range(max(0, found.index - CONTEXT), found.index + CONTEXT + 1):
        for side, events in (("pred", comparison.expected), ("meas", comparison.real)):
            lines.append(f"{'>' if i == found.index else ' '}{i:>6} {side} {events[i] if i < len(events) else '(none)'}")
    return lines


if __name__ == "__main__":
    from validation.commands.run import run

    run(prog_name="measure_graph")
