"""Do verdicts agree with PyTorch on cards around the least that a program needs?

    validation/nullcuda/run.sh -m validation.verdicts [POINTS] [SEED]

Takes random models of the table at random sizes and settings, finds by replays the least memory that each runs in, and lets
PyTorch run it on a card with a little more or less (torch.cuda.set_per_process_memory_fraction, which is where the allocator
stops). Prints every point and a summary. Exit status: 0 no verdict was wrong, 1 one said "fits" or "does not fit" and PyTorch
did the other.
"""

from __future__ import annotations

import gc
import random
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import torch

from analyzer.analysis import Analysis
from analyzer.catalogue import Gpu, read_gpus
from analyzer.gpus import named
from analyzer.programs import Case, Programs
from analyzer.replay import Replay
from analyzer.verdict import ABSOLUTE, CLOSE, FITS, RELATIVE, judge
from validation.out_of_memory import measured
from validation.row import device_of_this_machine
from validation.rows import analysis_of, cases

FAR, SEGMENT = 3, 2 << 20  # how many bands from the least room a card is drawn, and what rooms are multiples of


def main(arguments: Sequence[str]) -> int:
    """Compare verdicts with PyTorch at random points."""
    warnings.filterwarnings("ignore")
    points, seed = (int(word) for word in (*arguments, *("40", "0")[len(arguments) :]))
    draw = random.Random(seed)
    device, every = device_of_this_machine(), list(cases([]))
    total = torch.cuda.get_device_properties(0).total_memory
    (a100,) = named(read_gpus(), ("a100-80gb",))
    outcomes: Counter[str] = Counter()
    done = 0
    while done < points:
        model, symbols, run = draw.choice(every)
        analysis = analysis_of(model, symbols, run, device)
        case = Programs(analysis, dict(pair.split("=", 1) for pair in symbols.split())).case({})
        least = least_room(case)
        if 2 * least > total:
            continue
        done += 1
        width = max(ABSOLUTE, round(least * RELATIVE))
        near = draw.choice((-1, 0, 1)) * SEGMENT if draw.random() < 0.3 else round(draw.uniform(-FAR, FAR) * width / SEGMENT) * SEGMENT
        room = max(SEGMENT, least + near)
        answer = judge(case, card(a100, room)).answer
        real = runs(analysis, room, total)
        replayed = isinstance(case.replayed(room), Replay)
        wrong = answer != CLOSE and (answer == FITS) != real
        outcomes[f"{'WRONG: ' if wrong else ''}{answer}"] += 1
        outcomes["the replay is PyTorch's outcome"] += replayed == real
        said = f"{answer}, replay {'runs' if replayed else 'stops'}, PyTorch {'runs' if real else 'stops'}{'  WRONG' if wrong else ''}"
        print(f"{model} {symbols} {run}: {room:,} ({(room - least) / least:+.3%}): {said}", flush=True)
    print(f"{points} points: " + ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())))
    return 1 if any(name.startswith("WRONG") for name in outcomes) else 0


def least_room(case: Case) -> int:
    """The least room, in whole segments, in which the replay runs."""
    free = case.replayed()
    assert isinstance(free, Replay)
    low, high = free.allocated // SEGMENT - 1, -(-free.reserved // SEGMENT)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if isinstance(case.replayed(middle * SEGMENT), Replay) else (middle, high)
    return high * SEGMENT


def card(like: Gpu, room: int) -> Gpu:
    """A card that gives so many bytes to segments."""
    return replace(like, capacity=room + like.context, largest_capacity=room + like.context)


def runs(analysis: Analysis, room: int, total: int) -> bool:
    """Whether PyTorch runs the program with so much memory, from an empty cache."""
    gc.collect()
    torch._C._cuda_clearCublasWorkspaces()
    torch.cuda.empty_cache()
    held = torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((room + held + 1) / total)
    stopped = measured(analysis)
    torch.cuda.set_per_process_memory_fraction(1.0)
    return not stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
