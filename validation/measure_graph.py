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
from dataclasses import fields
from pathlib import Path

import torch

from analyzer.analysis import Analysis, analyze
from analyzer.build.model import LIBRARY, read_model
from analyzer.build.trace import trace
from analyzer.graph import Graph
from analyzer.problems import InvalidConfig
from analyzer.run.heap import Heap
from analyzer.run.settings import read_run
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from validation.checks import Checker
from validation.divergence import Divergence, Event, aligned, first_divergence, measured_events, predicted_events
from validation.figures import PHASES, Figures, Measured, measure, predicted
from validation.nullcuda.recorder import Recorder
from validation.origins import follow
from validation.rendering import Program

CONTEXT = 6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a config and print the comparison."""
    parser = argparse.ArgumentParser(prog="measure_graph", description="Predicted beside measured, for one config.")
    parser.add_argument("config", help="a YAML file, or the name of a bundled model")
    parser.add_argument("settings", nargs="*", metavar="SYMBOL=VALUE | run.KEY=VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the first difference even where all figures agree")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    try:
        return compare(given.config, given.settings, verbose=given.verbose)
    except InvalidConfig as error:
        print(error, file=sys.stderr)
        return 2


def compare(config: str, settings: Sequence[str], *, verbose: bool) -> int:
    """Predict, measure, print; 0 when all figures agree."""
    started = time.monotonic()
    analysis = _analysis(config, settings)
    graph, heap = _unrolled(analysis)
    recorder = Recorder()
    program = Program(graph, "cuda", analysis.run)
    checker = Checker(program)
    follow(program, recorder)
    measured = measure(program, recorder)
    figures = predicted(analysis)
    print(f"{_headline(analysis)}, {time.monotonic() - started:.1f} s")
    _print_figures(figures, measured)
    for difference in checker.found[:5]:
        print(f"wrong tensor: {difference}")
    agree = figures == measured.figures and not checker.found
    if not agree or verbose:
        real = measured_events(measured.timeline, PHASES[analysis.run.mode])
        expected, adapted = aligned(predicted_events(graph, heap), real)
        if adapted:
            first = real[adapted[0]]
            print(f"{len(adapted)} times the same bytes come in another order or as two blocks, first at {first.what}, {first.where}")
        _print_divergence(first_divergence(expected, real), expected, real)
    return 0 if agree else 1


def _analysis(config: str, settings: Sequence[str]) -> Analysis:
    path = Path(config) if config.endswith((".yaml", ".yml")) else LIBRARY / "models" / f"{config}.yaml"
    model = read_model(path)
    pairs = dict(setting.partition("=")[::2] for setting in settings)
    run = read_run(model.run, {k.removeprefix("run."): v for k, v in pairs.items() if k.startswith("run.")})
    return analyze(model, {k: v for k, v in pairs.items() if not k.startswith("run.")}, run, device())


def device() -> Device:
    """The GPU of this machine as rules see it."""
    properties = torch.cuda.get_device_properties(0)
    return Device(
        properties.name, properties.multi_processor_count, properties.max_threads_per_multi_processor,
        10 * properties.major + properties.minor,
    )  # fmt: skip


def _unrolled(analysis: Analysis) -> tuple[Graph, Heap]:
    graph = trace(analysis.model, analysis.symbols, analysis.run, analysis.device, unroll=True)
    with Sizes(graph.symbols, analysis.device).active():
        return graph, simulate(graph, analysis.run)


def _headline(analysis: Analysis) -> str:
    symbols = " ".join(f"{name}={value}" for name, value in analysis.graph.symbols.items())
    run = " ".join(f"{f.name}={getattr(analysis.run, f.name)}" for f in fields(analysis.run))
    return f"{analysis.graph.name}: {symbols}\n{run}\n{analysis.device.name}, torch {torch.__version__}"


def _print_figures(figures: Figures, measured: Measured) -> None:
    print(f"{'':20}{'predicted':>18}{'measured':>18}")
    for name, value in measured.figures.items():
        difference = figures[name] - value
        print(f"{name:20}{figures[name]:>18,}{value:>18,}  {f'{difference:+,}  <--' if difference else '='}")
    print(f"{'allocator, reserved':20}{'':18}{measured.allocator['allocator']:>18,}  {measured.allocator['reserved']:,}")


def _print_divergence(found: Divergence | None, predicted_side: Sequence[Event], measured_side: Sequence[Event]) -> None:
    if found is None:
        print(f"the {len(measured_side)} allocations of the steady step agree in size, order and life")
        return
    print("\n".join(("first difference:", *found.lines)))
    for i in range(max(0, found.index - CONTEXT), found.index + CONTEXT + 1):
        for side, events in (("predicted", predicted_side), ("measured", measured_side)):
            mark = ">" if i == found.index else " "
            shown = f"{events[i].bytes:>15,}  {events[i].phase:<9} {events[i].what}  {events[i].where}" if i < len(events) else "(none)"
            print(f"{mark}{i:>6} {side[:4]} {shown}")


if __name__ == "__main__":
    sys.exit(main())
