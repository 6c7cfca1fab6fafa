"""Do verdicts agree with PyTorch on cards around the least that a program needs, and at sizes around what a card holds?

    NULLCUDA_MEM=300 validation/nullcuda/run.sh -m validation.verdicts [POINTS] [SEED] [--write]

In turn, a random model of the table at random sizes and settings on a card with a little more or less than the least memory in
which its replay runs; and a bundled model in a random setting on a card of the catalogue, at a batch size near one at which the
verdict changes. PyTorch runs it with so much memory (torch.cuda.set_per_process_memory_fraction, which is where the allocator
stops). Prints every point and a summary; --write commits the points to validation/results/verdicts.json. Exit status: 0 no
verdict was wrong, 1 one said "fits" or "does not fit" and PyTorch did the other.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import torch

from analyzer.analysis import Analysis
from analyzer.replay import Replay
from analyzer.sizes import Device
from analyzer.verdict import CLOSE, FITS, judge
from validation.out_of_memory import capped, measured
from validation.row import device_of_this_machine, torch_version
from validation.verdict_points import Point, card_of, case_of, points, write


def main(arguments: Sequence[str]) -> int:
    """Compare verdicts with PyTorch at random points."""
    warnings.filterwarnings("ignore")
    words = [word for word in arguments if word != "--write"]
    number, seed = (int(word) for word in (*words, *("40", "0")[len(words) :]))
    with _process() as process:
        device, total = process.submit(_machine).result()
    found = []
    for point in _compared(points(number, seed, device, total // 2), device):
        found.append(point)
        print(told(point), flush=True)
    print(summary(found))
    if "--write" in arguments:
        write(found, device, torch_version(), seed)
    return 1 if any(wrong(point) for point in found) else 0


def wrong(point: Point) -> bool:
    """Whether a verdict promised what PyTorch did not do."""
    return point.answer != CLOSE and (point.answer == FITS) != point.torch


def told(point: Point) -> str:
    """One point in a line."""
    ends = [f"{name} {'runs' if runs else 'stops'}" for name, runs in (("replay", point.replay), ("PyTorch", point.torch))]
    where = f"{point.model} {point.symbols} {point.run}: {point.card or 'drawn'}, {point.room:,}"
    return f"{where}: {point.answer}, {', '.join(ends)}{'  WRONG' if wrong(point) else ''}"


def summary(found: Iterable[Point]) -> str:
    """How many points have which verdict, how many are wrong, and at how many the replay ends as PyTorch does."""
    outcomes: Counter[str] = Counter()
    every = list(found)
    for point in every:
        outcomes[f"{'WRONG: ' if wrong(point) else ''}{point.answer}"] += 1
        outcomes["the replay is PyTorch's outcome"] += point.replay == point.torch
    return f"{len(every)} points: " + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))


def _process() -> ProcessPoolExecutor:
    """Another process, in which PyTorch runs."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _machine() -> tuple[Device, int]:
    return device_of_this_machine(), torch.cuda.get_device_properties(0).total_memory


def _compared(drawn: Iterable[Point], device: Device) -> Iterator[Point]:
    """The points with what became of them. What ran out of memory may leave tensors behind: a new process takes over then."""
    process = _process()
    for point in drawn:
        found, clean = process.submit(_ended, point, device).result()
        yield found
        if not clean:
            process.shutdown()
            process = _process()
    process.shutdown()


def _ended(point: Point, device: Device) -> tuple[Point, bool]:
    """The point with its verdict, how the replay and PyTorch end, and whether the device is empty again."""
    warnings.filterwarnings("ignore")
    case = case_of(point, device)
    replayed = isinstance(case.replayed(point.room), Replay)
    real = runs(case.program.analysis, point.room)
    found = replace(point, answer=judge(case, card_of(point.room)).answer, replay=replayed, torch=real)
    return found, _emptied() == 0


def runs(analysis: Analysis, room: int) -> bool:
    """Whether PyTorch runs the program with so much memory, on an empty device."""
    assert _emptied() == 0
    with capped(room):
        return not measured(analysis).message


def _emptied() -> int:
    """Bytes that are still reserved when everything that can be is given back."""
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    return torch.cuda.memory_reserved()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
