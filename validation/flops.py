"""FLOPs that torch.utils.flop_counter counts of a run, beside those that the analyzer predicts.

    validation/nullcuda/run.sh -m validation.flops CONFIG [SYMBOL=VALUE | run.KEY=VALUE]...   # a config, or bundled model
    validation/nullcuda/run.sh -m validation.flops --ops [OP]...                              # every case of every op

Bundled models that describe a third-party class are run as that class. PyTorch counts the gradient of a grouped convolution's
weight as if it had one group, and products with a vector not at all: both are put right here. Exit status: 0 all equal, 1 not.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, conv_backward_flop, sdpa_backward_flop, sdpa_flop

from analyzer.analysis import Analysis, analyze
from analyzer.build.trace import trace
from analyzer.compute import flops, kernels
from analyzer.evaluate import evaluate
from analyzer.problems import InvalidConfig
from analyzer.run.settings import Run, read_run
from analyzer.sizes import Device
from validation.cases import cases
from validation.chains import chains
from validation.loop import Runnable, infer, train
from validation.rendering import Program

Counts = dict[str, int]  # by phase
aten = torch.ops.aten


def main(arguments: Sequence[str] | None = None) -> int:
    """Count and compare."""
    parser = argparse.ArgumentParser(prog="flops", description="FLOPs predicted beside those that PyTorch's counter finds.")
    parser.add_argument("config", nargs="?", help="a YAML file, or the name of a bundled model")
    parser.add_argument("settings", nargs="*", metavar="SYMBOL=VALUE | run.KEY=VALUE")
    parser.add_argument("--ops", action="store_true", help="the cases of the ops that are named, or of all")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    words = [given.config, *given.settings] if given.config else []
    settings = dict(word.removeprefix("run.").split("=") for word in words if word.startswith("run."))
    rows = _ops([w for w in words if "=" not in w], settings) if given.ops else [_config(words)]
    wrong = 0
    for name, predicted, measured in rows:
        if predicted != measured or not given.ops:
            print(f"{name}: predicted {predicted}, counted {measured}")
        wrong += predicted != measured
    print("equal" if not wrong else f"{wrong} differ")
    return 1 if wrong else 0


def _config(words: Sequence[str]) -> tuple[str, Counts, Counts]:
    from validation.measure_graph import analysis_of, headline
    from validation.third_party_models import THIRD_PARTY

    analysis = analysis_of(words[0], words[1:])
    kind = THIRD_PARTY.get(words[0])
    program = third_party(kind, analysis, "cuda") if kind else rendered(analysis, "cuda")
    return headline(analysis), predicted(analysis), counted(program)


def _ops(names: Iterable[str], settings: Mapping[str, str]) -> Iterator[tuple[str, Counts, Counts]]:
    from analyzer.ops import OPS
    from validation.comparison import device

    run = read_run({}, {"optimizer": "SGD", "outputs": "dropped", **settings})
    for name in names or OPS:
        for case in cases(name):
            for end in case.ends:
                yield from compared(f"{case} -> {end}", chains(case, end, run), run, device(), "cuda")


def compared(name: str, models: Iterable[Any], run: Run, device: Device, place: str) -> Iterator[tuple[str, Counts, Counts]]:
    """Each model of a case, predicted and counted."""
    try:
        for model, frozen in models:
            analysis = analyze(model, {}, run, device)
            yield f"{name}{f', frozen: {frozen}' if frozen else ''}", predicted(analysis), counted(rendered(analysis, place))
    except (InvalidConfig, RuntimeError):  # refused: measure_ops says so
        return


def predicted(analysis: Analysis) -> Counts:
    """FLOPs of forward and backward, recomputation with backward, or of inference."""
    found = {phase: evaluate(form, analysis.symbols.values) for phase, form in flops(kernels(analysis)).items()}
    if analysis.run.mode == "infer":
        return {"inference": found.get("inference", 0)}
    return {"forward": found.get("forward", 0), "backward": found.get("backward", 0) + found.get("recomputation", 0)}


def rendered(analysis: Analysis, place: str) -> Program:
    """An analyzed model as a program."""
    return Program(_unrolled(analysis), place, analysis.run)


def third_party(kind: Any, analysis: Analysis, place: str) -> Runnable:
    """The class that a config describes."""
    from validation.third_party_program import ThirdPartyProgram

    return ThirdPartyProgram(kind, _unrolled(analysis), analysis.run, place)


def _unrolled(analysis: Analysis) -> Any:
    return trace(analysis.model, analysis.symbols, analysis.run, analysis.device, unroll=True)


def counted(program: Runnable) -> Counts:
    """What PyTorch counts of a program's second step, or of its inference."""
    counter = FlopCounterMode(display=False, custom_mapping={
        aten.convolution_backward: _convolution_backward, aten.mv: _mv, aten.dot: _dot,
        aten._scaled_dot_product_flash_attention_for_cpu: sdpa_flop,
        aten._scaled_dot_product_flash_attention_for_cpu_backward: sdpa_backward_flop,
    })  # fmt: skip
    totals: list[tuple[str, int]] = []

    def at(moment: str) -> None:
        if moment == "start":
            totals.clear()
        totals.append((moment, counter.get_total_flops()))

    with counter:
        (infer if program.run.mode == "infer" else train)(program, at)
    found: Counts = {}
    for (moment, before), (_, after) in itertools.pairwise(totals):
        if moment in ("forward", "backward", "inference"):
            found[moment] = found.get(moment, 0) + after - before
    return found


def _convolution_backward(*args: Any, out_shape: Any = None, **kwargs: Any) -> int:
    """PyTorch's count, with the gradient of the weight in groups."""
    groups, (of_input, of_weight, _) = args[9], args[10]
    halves = [[of_input, False, False], [False, of_weight, False]]
    x, weight = (int(conv_backward_flop(*args[:10], mask, out_val=out_shape)) for mask in halves)  # type: ignore[call-arg]
    return x + weight // int(groups)


def _mv(matrix: Any, *args: Any, **kwargs: Any) -> int:
    return int(2 * matrix[0] * matrix[1])


def _dot(vector: Any, *args: Any, **kwargs: Any) -> int:
    return int(2 * vector[0])


if __name__ == "__main__":
    sys.exit(main())
