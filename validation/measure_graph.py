"""Predicted beside measured for one config, and where the two first part.

    validation/nullcuda/run.sh -m validation.measure_graph CONFIG [SYMBOL=VALUE | run.KEY=VALUE]... [-v]

Runs on the GPU of the machine, or without one through run.sh. Bytes are as requested, cuBLAS workspaces left out.
Exit status: 0 all equal, 1 not, 2 the config is refused.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from analyzer.analysis import Analysis, analyze
from analyzer.build.model import LIBRARY, read_model
from analyzer.problems import InvalidConfig
from analyzer.run.settings import Run, read_run
from validation.comparison import Comparison, compared, device

CONTEXT = 6
ALWAYS = ("mode", "precision", "optimizer")  # settings shown even where they are the default


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a config and print the comparison."""
    parser = argparse.ArgumentParser(prog="measure_graph", description="Predicted beside measured, for one config.")
    parser.add_argument("config", help="a YAML file, or the name of a bundled model")
    parser.add_argument("settings", nargs="*", metavar="SYMBOL=VALUE | run.KEY=VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the first difference even where all figures agree")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    started = time.monotonic()
    try:
        analysis = analysis_of(given.config, given.settings)
    except InvalidConfig as error:
        print(error, file=sys.stderr)
        return 2
    comparison = compared(analysis)
    print(f"{headline(analysis)}, {time.monotonic() - started:.1f} s")
    print("\n".join(figure_lines(comparison)))
    if not comparison.agrees or given.verbose:
        print("\n".join(difference_lines(comparison)))
    return 0 if comparison.agrees else 1


def analysis_of(config: str, settings: Sequence[str]) -> Analysis:
    """A config analyzed for the device of this machine. Raises InvalidConfig."""
    path = Path(config) if config.endswith((".yaml", ".yml")) else LIBRARY / "models" / f"{config}.yaml"
    model = read_model(path)
    pairs = dict(setting.partition("=")[::2] for setting in settings)
    run = read_run(model.run, {k.removeprefix("run."): v for k, v in pairs.items() if k.startswith("run.")})
    return analyze(model, {k: v for k, v in pairs.items() if not k.startswith("run.")}, run, device())


def headline(analysis: Analysis) -> str:
    """What is run, how, and on what."""
    symbols = " ".join(f"{name}={value}" for name, value in analysis.graph.symbols.items())
    run = " ".join(f"{k}={v}" for k, v in asdict(analysis.run).items() if k in ALWAYS or v != getattr(Run(), k))
    return f"{analysis.graph.name}: {symbols}\n{run}\n{analysis.device.name}, torch {torch.__version__}"


def figure_lines(comparison: Comparison) -> list[str]:
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
    sys.exit(main())
