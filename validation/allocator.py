"""The simulated caching allocator beside PyTorch's, request by request: `python -m validation.allocator`, with a GPU or over nullcuda.

Random requests and frees on one stream and on several in turn, under each of the allocator's options; a card of NULLCUDA_MEM GiB is
filled until it overflows.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import product

import torch

from analyzer.allocator import Allocator, OutOfMemory, Span
from analyzer.expandable import Expandable
from analyzer.run.settings import Run

REQUESTS = 3000
CONFIGURATIONS = {
    "": Allocator(),
    "expandable_segments:True": Expandable(),
    "max_split_size_mb:40": Allocator(max_split=40 << 20),
    "roundup_power2_divisions:4": Allocator(divisions=4),
    "expandable_segments:True,roundup_power2_divisions:8": Expandable(divisions=8),
}


UNLIMITED = (1 << 44) - 1  # MB: more than any block
Setter = Callable[[str], None]


def set_allocator(run: Run) -> None:
    """Set the allocator up as a run says, whatever it was before: PYTORCH_CUDA_ALLOC_CONF of a program that has begun."""
    options = (
        f"expandable_segments:{run.expandable_segments}",
        f"max_split_size_mb:{run.max_split_size_mb or UNLIMITED}",
        f"roundup_power2_divisions:{run.roundup_power2_divisions or 1}",
    )
    newer: Setter | None = getattr(torch._C, "_accelerator_setAllocatorSettings", None)
    setter: Setter = newer or torch.cuda.memory._set_allocator_settings
    setter(",".join(options))


def requests(seed: int, scale: int) -> list[int]:
    """Sizes in bytes, small, middling and large; a negative number -k frees the k-th block that is alive."""
    chance = random.Random(seed)
    return [
        -chance.randint(1, 1 << 30) if chance.random() < 0.45 else int(2 ** chance.uniform(3, chance.choice((12, 21, scale))))
        for _ in range(REQUESTS)
    ]


def difference(allocator: Allocator, seed: int, scale: int, streams: int) -> str:
    """The first request after which the counters differ; empty when they never do. Requests go to so many streams in turn."""
    torch.cuda.empty_cache()
    others = [torch.cuda.Stream() for _ in range(streams - 1)]  # type: ignore[no-untyped-call]
    before = torch.cuda.memory_reserved()
    real: list[torch.Tensor | None] = []
    simulated: list[Span | None] = []
    for number, size in enumerate(requests(seed, scale)):
        if size < 0:
            index = -size % len(real) if real else 0
            real[index : index + 1] = []
            if simulated and (gone := simulated.pop(index)) is not None:
                allocator.free(gone)
        else:
            stream = number % streams
            with torch.cuda.stream(others[stream - 1] if stream else None):
                real.append(_taken(size))
            simulated.append(_span(allocator, size, stream))
        told = torch.cuda.memory_allocated(), torch.cuda.memory_reserved() - before
        if told != (allocator.allocated, allocator.reserved):
            return f"request {number} of {size:,}: PyTorch {told}, simulated {(allocator.allocated, allocator.reserved)}"
    return ""


def _taken(size: int) -> torch.Tensor | None:
    try:
        return torch.empty(size, dtype=torch.uint8, device="cuda")
    except torch.cuda.OutOfMemoryError:
        return None


def _span(allocator: Allocator, size: int, stream: int) -> Span | None:
    try:
        return allocator.malloc(size, stream)
    except OutOfMemory:
        return None


def main(configuration: str) -> None:
    """Compare under one value of PYTORCH_CUDA_ALLOC_CONF, which the environment has to hold already."""
    found = CONFIGURATIONS[configuration]
    found.capacity = torch.cuda.mem_get_info()[1]
    for seed, (scale, streams) in enumerate(product((24, 27, 30, 32), (1, 3))):
        allocator = type(found)(found.capacity, found.max_split, found.divisions)
        told = difference(allocator, seed, scale, streams) or f"{REQUESTS} requests equal"
        print(configuration or "default", f"sizes up to 2**{scale} on {streams}:", told)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
