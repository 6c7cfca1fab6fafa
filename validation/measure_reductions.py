"""Reductions of random shapes, orders, dimensions and dtypes: the scratch predicted beside what is measured.

    validation/nullcuda/run.sh -m validation.measure_reductions [COUNT] [SEED]

Prints what differs. Exit status: 0 unless something does.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from analyzer.graph import contiguous
from analyzer.ops.reducing import reduction_scratch
from analyzer.polynomial import poly
from analyzer.run.heap import Heap
from analyzer.sizes import Sizes
from validation.comparison import device

# Per op: the call over given dimensions, and the bytes of a partial result, by the bytes of an element.
OPS: dict[str, tuple[Callable[[Tensor, list[int]], Any], Callable[[int], int]]] = {
    "sum": (lambda x, d: x.sum(d), lambda size: max(4, size)),
    "mean": (lambda x, d: x.mean(d), lambda size: max(4, size)),
    "amax": (lambda x, d: x.amax(d), lambda size: size),
    "var": (lambda x, d: x.var(d), lambda size: 4 * max(4, size)),
    "norm": (lambda x, d: x.norm(2, d), lambda size: max(4, size)),
    "argmax": (lambda x, d: x.argmax(d[0]), lambda size: 16),
    "any": (lambda x, d: x.any(d[0]), lambda size: 1),
    "aminmax": (lambda x, d: torch.aminmax(x, dim=d[0]), lambda size: 2 * size),
}
ONE_DIMENSION = ("argmax", "any", "aminmax")
EXTENTS = (1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 31, 33, 64, 100, 127, 128, 130, 256, 300, 512, 1000, 1024, 2000, 4096, 5000, 65536)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure so many reductions."""
    parser = argparse.ArgumentParser(prog="measure_reductions", description="Random reductions, predicted beside measured.")
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    given = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    choose = random.Random(given.seed)
    wrong = split = 0
    for _ in range(given.count):
        x, name = _tensor(choose), choose.choice(list(OPS))
        dims = sorted(choose.sample(range(x.dim()), 1 if name in ONE_DIMENSION else choose.randint(1, x.dim())))
        expected, real = _predicted(x, name, dims), _measured(x, name, dims)
        split += bool(real)
        if expected != real:
            wrong += 1
            print(f"{name} of {x.dtype} {tuple(x.shape)} strides {x.stride()} over {dims}: predicted {expected}, measured {real}")
    print(f"{given.count} reductions, {split} with scratch, {wrong} differ")
    return 1 if wrong else 0


def _tensor(choose: random.Random) -> Tensor:
    """A tensor of less than 2 GiB, often permuted, cut or expanded."""
    while True:
        shape = [choose.choice(EXTENTS) if choose.random() < 0.5 else int(2 ** choose.uniform(0, 16)) for _ in range(choose.randint(1, 5))]
        if 500 < math.prod(shape) < 2**27:
            break
    x = torch.empty(shape, device="cuda", dtype=choose.choice((torch.float32, torch.bfloat16, torch.float16, torch.float64)))
    kind, at = choose.random(), choose.randrange(len(shape))
    if kind < 0.35:
        return x.permute(choose.sample(range(len(shape)), len(shape)))
    if kind < 0.5:
        return x.narrow(at, 0, choose.randint(1, shape[at]))
    return x.unsqueeze(at).expand(*shape[:at], 3, *shape[at:]) if kind < 0.55 and x.nbytes < 2**29 else x


def _predicted(x: Tensor, name: str, dims: list[int]) -> list[int]:
    heap = Heap()
    shape = tuple(poly(size) for size in x.shape)
    with Sizes({}, device()).active():
        strides = tuple(poly(step) for step in x.stride()) if x.dim() else contiguous(shape)
        heap.scratch("", *reduction_scratch(shape, strides, dims, OPS[name][1](x.element_size())))
    return sorted(int(block.size.constant or 0) for block in heap.blocks)


def _measured(x: Tensor, name: str, dims: list[int]) -> list[int]:
    torch.cuda.memory._record_memory_history(context=None, clear_history=True)
    results = OPS[name][0](x, dims)
    events = torch.cuda.memory._snapshot()["device_traces"][0]
    torch.cuda.memory._record_memory_history(enabled=None)
    sizes = [event["size"] for event in events if event["action"] == "alloc"]
    for result in results if isinstance(results, tuple) else (results,):
        sizes.remove(result.numel() * result.element_size())
    return sorted(sizes)


if __name__ == "__main__":
    sys.exit(main())
