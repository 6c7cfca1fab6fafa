"""Every case of every op under CUDA: predicted beside measured, forward and backward, allocation by allocation.

    validation/nullcuda/run.sh -m validation.measure_ops [OP]... [-v]

Prints the cases that differ; with -v what differs. Exit status: 0 all equal, 1 not.
"""

from __future__ import annotations

import argparse
import gc
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence

from analyzer.analysis import analyze
from analyzer.build.model import Model
from analyzer.ops import OPS
from analyzer.run.settings import Run, read_run
from validation.cases import cases
from validation.chains import chains
from validation.comparison import Comparison, compared, device


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases of the named ops, or of all."""
    parser = argparse.ArgumentParser(prog="measure_ops", description="Every case of every op, predicted beside measured.")
    parser.add_argument("ops", nargs="*", metavar="OP | run.KEY=VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what differs, not only which case")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    settings = dict(word.removeprefix("run.").split("=") for word in given.ops if "=" in word)
    names = [word for word in given.ops if "=" not in word] or list(OPS)
    run = read_run({}, {"optimizer": "SGD", "outputs": "dropped", **settings})
    wrong = total = 0
    for name, model, frozen in _chains(names, run):
        found = _differences(compared(analyze(model, {}, run, device())))
        gc.freeze()  # torch's own objects need not be looked through before every recording
        total, wrong = total + 1, wrong + bool(found)
        if found:
            print(f"{name}{f', frozen: {frozen}' if frozen else ''}")
            print("\n".join(f"    {line}" for line in (found if given.verbose else found[:1])))
    print(f"{wrong} of {total} chains differ")
    return 1 if wrong else 0


def _chains(names: Iterable[str], run: Run) -> Iterator[tuple[str, Model, tuple[str, ...]]]:
    pairs = ((case, end) for name in names for case in cases(name) for end in case.ends)
    for case, end in pairs:
        for model, frozen in chains(case, end, run):
            yield f"{case} -> {end}", model, frozen


def _differences(comparison: Comparison) -> list[str]:
    """What differs: figures, tensors, and the first allocation; nothing where everything agrees."""
    measured = comparison.measured.figures
    unequal = [f"{k}: predicted {v:,}, measured {measured[k]:,}" for k, v in comparison.figures.items() if v != measured[k]]
    lines = [*unequal, *comparison.tensors]
    found = comparison.divergence
    if found is None:
        return lines
    if not lines:
        lines = ["figures are equal, allocations are not"]
    sides = (("predicted", comparison.expected), ("measured", comparison.real))
    return [*lines, *found.lines, *(f"{side} {events[found.index]}" for side, events in sides if found.index < len(events))]


if __name__ == "__main__":
    sys.exit(main())
