"""Every case of every op under CUDA: predicted beside measured, forward and backward, allocation by allocation.

    validation/nullcuda/run.sh -m validation.measure_ops [OP]... [run.precision=P] [-v] [-o FILE]

Prints the cases that differ; with -v all that does; with -o what was measured of every case is written as JSON.
Exit status: 0 unless figures differ.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from analyzer.analysis import analyze
from analyzer.build.model import Model
from analyzer.ops import OPS
from analyzer.problems import InvalidConfig
from analyzer.run.settings import Run, read_run
from validation.cases import cases
from validation.chains import chains
from validation.comparison import Comparison, compared, device
from validation.figures import Figures

EQUAL, ELSEWHERE, DIFFERENT, REFUSED = "equal", "equal but for the order of allocations", "different", "refused"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the cases of the named ops, or of all."""
    parser = argparse.ArgumentParser(prog="measure_ops", description="Every case of every op, predicted beside measured.")
    parser.add_argument("ops", nargs="*", metavar="OP | run.KEY=VALUE")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what differs, not only which case")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the measured figures of every case as JSON")
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    settings = dict(word.removeprefix("run.").split("=") for word in given.ops if "=" in word)
    names = [word for word in given.ops if "=" not in word] or list(OPS)
    run = op_run(settings)
    counts: Counter[str] = Counter()
    written: dict[str, Figures] = {}
    for name, outcome, lines, measured in _results(names, run):
        counts[outcome] += 1
        if outcome != EQUAL:
            print(f"{name}: {outcome}")
            print("\n".join(f"    {line}" for line in (lines if given.verbose else lines[:1])))
        if measured:
            written[name] = measured
    if given.output:
        given.output.write_text(as_json(written, settings), encoding="utf-8")
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
    return 1 if counts[DIFFERENT] else 0


def op_run(settings: Mapping[str, str]) -> Run:
    """How chains are run: with what takes least beside the op."""
    return read_run({}, {"optimizer": "SGD", "outputs": "dropped", **settings})


def as_json(measured: Mapping[str, Figures], settings: Mapping[str, str]) -> str:
    """The figures of every case, a case a line."""
    where = {"device": asdict(device()), "torch": torch.__version__, "run": dict(settings)}
    names = list(next(iter(measured.values()), {}))
    rows = ",\n".join(f"{json.dumps(case)}: {json.dumps(list(figures.values()))}" for case, figures in measured.items())
    return json.dumps({**where, "figures": names})[:-1] + f', "cases": {{\n{rows}\n}}}}\n'


def chained(names: Iterable[str], run: Run) -> Iterator[tuple[str, Model | InvalidConfig]]:
    """Each chain of each case by its name, or why peakform refuses it."""
    pairs = ((case, end) for name in names for case in cases(name) for end in case.ends)
    for case, end in pairs:
        try:
            for model, frozen in chains(case, end, run):
                yield f"{case} -> {end}{f', frozen: {frozen}' if frozen else ''}", model
        except InvalidConfig as error:
            yield f"{case} -> {end}", error


def _results(names: Iterable[str], run: Run) -> Iterator[tuple[str, str, list[str], Figures]]:
    """Each chain's name, its outcome, what there is to say about it, and what was measured."""
    for name, model in chained(names, run):
        if isinstance(model, InvalidConfig):
            yield name, REFUSED, [f"peakform: {model.problems[0].message}"], {}
        else:
            yield name, *_outcome(model, run)


def _outcome(model: Model, run: Run) -> tuple[str, list[str], Figures]:
    try:
        comparison = compared(analyze(model, {}, run, device()))
    except InvalidConfig as error:
        return REFUSED, [f"peakform: {error.problems[0].message}"], {}
    except RuntimeError as error:
        return REFUSED, [f"PyTorch: {str(error).splitlines()[0]}"], {}
    gc.freeze()  # torch's own objects need not be looked through before every recording
    measured = comparison.measured.figures
    unequal = [f"{k}: predicted {v:,}, measured {measured[k]:,}" for k, v in comparison.figures.items() if v != measured[k]]
    outcome = DIFFERENT if unequal or comparison.tensors else ELSEWHERE if comparison.divergence else EQUAL
    return outcome, [*unequal, *comparison.tensors, *_first_difference(comparison)], {k: measured[k] for k in comparison.figures}


def _first_difference(comparison: Comparison) -> list[str]:
    found = comparison.divergence
    if found is None:
        return []
    sides = (("predicted", comparison.expected), ("measured", comparison.real))
    return [*found.lines, *(f"{side} {events[found.index]}" for side, events in sides if found.index < len(events))]


if __name__ == "__main__":
    sys.exit(main())
