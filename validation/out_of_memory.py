"""Does the predicted allocation fail on a card of a given size?

    NULLCUDA_MEM=8 validation/nullcuda/run.sh -m validation.out_of_memory CONFIG [SYMBOL=VALUE | run.KEY=VALUE]...

Runs a config until PyTorch runs out of the memory that the device reports, and puts its message beside the predicted one.
Exit status: 0 both say the same (or both fit), 1 not, 2 the config is refused.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Sequence

import torch

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.message import format_size, out_of_memory
from analyzer.problems import InvalidConfig
from analyzer.replay import Failure, replay
from analyzer.tape import record
from validation import loop
from validation.measure_graph import analysis_of
from validation.rendering import Program

AMOUNTS = re.compile(
    r"Tried to allocate ([\d.]+ \w+)|total capacity of ([\d.]+ \w+)|([\d.]+ \w+) is allocated by|([\d.]+ \w+) is reserved by"
)


def predicted(analysis: Analysis, capacity: int) -> str:
    """The message the replay ends with, or nothing when it fits."""
    tape = record(analysis)
    sizes = [evaluate(form, analysis.symbols.values) for form in tape.forms]
    outcome = replay(tape, sizes, analysis.device.capability, capacity, analysis.run)
    if not isinstance(outcome, Failure):
        return ""
    print(f"predicted at {outcome.label} ({outcome.op}), {outcome.path}:{outcome.line}, {format_size(outcome.requested)}")
    return out_of_memory(outcome, capacity, 0)


def measured(analysis: Analysis) -> str:
    """PyTorch's message, or nothing when it fits."""
    from analyzer.build.trace import trace

    graph = trace(analysis.model, analysis.symbols, analysis.run, analysis.device, unroll=True)
    try:
        program = Program(graph, "cuda", analysis.run)
        run = loop.train if analysis.run.mode == "train" else loop.infer
        run(program, lambda moment: None)
    except torch.OutOfMemoryError as error:
        return str(error)
    return ""


def amounts(message: str) -> list[str]:
    """The sizes a message names."""
    return ["".join(found) for found in AMOUNTS.findall(message)]


def main(arguments: Sequence[str]) -> int:
    """Compare both messages."""
    warnings.filterwarnings("ignore")
    try:
        analysis = analysis_of(arguments[0], arguments[1:])
    except InvalidConfig as error:
        print(error, file=sys.stderr)
        return 2
    total = torch.cuda.get_device_properties(0).total_memory
    expected, real = predicted(analysis, total), measured(analysis)
    print(f"predicted: {expected or 'fits'}\nmeasured:  {real or 'fits'}")
    agree = amounts(expected) == amounts(real)
    print("the same" if agree else "they differ")
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
