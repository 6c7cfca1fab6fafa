"""PyTorch's CUDA caching allocator, as arithmetic on sizes.

Source: c10/cuda/CUDACachingAllocator.cpp (round_size, get_pool, should_split, get_allocation_size, alloc_block,
free_block, release_cached_blocks) and c10/core/AllocatorConfig.h; the rules are the same from torch 2.4 to 2.13.

Each stream has a pool of small and one of large blocks: what was allocated on one stream serves no other. A pool's number is twice
its stream's, and one more for small blocks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

MIB = 1 << 20
ROUND, SMALL, SMALL_BUFFER, LARGE_BUFFER, MIN_LARGE, ROUND_LARGE = 512, MIB, 2 * MIB, 20 * MIB, 10 * MIB, 2 * MIB


def rounded(size: int, divisions: int = 0) -> int:
    """Bytes a request takes at least: a multiple of 512, or of a power of two in that many divisions."""
    if divisions > 1 and size > ROUND * divisions:
        step = (1 << size.bit_length() - 1) >> divisions.bit_length() - 1
        return -(-size // step) * step
    return -(-size // ROUND) * ROUND or ROUND


def segment_size(size: int) -> int:
    """Bytes asked of the driver for a rounded request that no cached block can serve."""
    if size <= SMALL:
        return SMALL_BUFFER
    return LARGE_BUFFER if size < MIN_LARGE else -(-size // ROUND_LARGE) * ROUND_LARGE


class OutOfMemory(Exception):
    """The driver has no room for a segment, also after cached segments were given back."""

    def __init__(self, requested: int, segment: int, allocated: int, reserved: int) -> None:
        super().__init__(f"tried to allocate {segment} bytes")
        self.requested, self.segment, self.allocated, self.reserved = requested, segment, allocated, reserved


@dataclass(slots=True, eq=False)
class Span:
    """A stretch of a segment: free or taken, with its neighbours."""

    address: int
    size: int
    pool: int
    free: bool = False
    before: Span | None = None
    after: Span | None = None
    mapped: bool = True  # whether memory is behind the addresses


@dataclass(slots=True)
class Allocator:
    """The state of the allocator; `capacity` is what the driver can give to segments.

    `max_split` and `divisions` are max_split_size_mb, in bytes, and roundup_power2_divisions.
    """

    capacity: int | None = None
    max_split: int | None = None
    divisions: int = 0
    allocated: int = 0
    reserved: int = 0
    peak_allocated: int = 0
    peak_reserved: int = 0
    trimmed: bool = False  # whether the driver had no room for a segment, so that cached ones were given back
    _next: int = 1 << 40
    _least: int = SMALL + 1  # what is left of a large block is split off from so many bytes on
    _rounded: dict[int, int] = field(default_factory=dict)
    _free: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    _spans: dict[int, Span] = field(default_factory=dict)

    def malloc(self, size: int, stream: int = 0) -> Span:
        """Take the best fitting block that the stream has cached, else a new segment. Raises OutOfMemory."""
        wanted = self._rounded.get(size) or self._rounded.setdefault(size, rounded(size, self.divisions))
        pool = stream << 1 | (wanted <= SMALL)
        span = self._cached(wanted, pool) or self._made(wanted, pool, size)
        span.free = False
        rest = span.size - wanted
        if rest >= (ROUND if pool & 1 else self._least) and (self.max_split is None or self._splits(wanted)):
            after, address = span.after, span.address + wanted
            span.after = self._spans[address] = Span(address, rest, pool, True, span, after)
            if after is not None:
                after.before = span.after
            span.size = wanted
            insort(self._free[pool], (rest, address))
        self.allocated += span.size
        if self.allocated > self.peak_allocated:
            self.peak_allocated = self.allocated
        return span

    def free(self, span: Span) -> None:
        """Give a block back to the cache; free neighbours merge."""
        self.allocated -= span.size
        self._take_in(span)

    def _take_in(self, span: Span) -> None:
        blocks = self._free[span.pool]
        span.free = True
        before, after = span.before, span.after
        if before is not None and before.free:
            del blocks[bisect_left(blocks, (before.size, before.address))]
            span = self._merged(before, span)
        if after is not None and after.free:
            del blocks[bisect_left(blocks, (after.size, after.address))]
            span = self._merged(span, after)
        insort(blocks, (span.size, span.address))

    def reset_peaks(self) -> None:
        """torch.cuda.reset_peak_memory_stats()."""
        self.peak_allocated, self.peak_reserved = self.allocated, self.reserved

    def empty_cache(self) -> None:
        """Give whole free segments back to the driver."""
        for pool, blocks in self._free.items():
            whole = {a for _, a in blocks if self._spans[a].before is None and self._spans[a].after is None}
            self._free[pool] = [(size, address) for size, address in blocks if address not in whole]
            for address in whole:
                self.reserved -= self._spans.pop(address).size

    def _splits(self, wanted: int) -> bool:
        """Whether the block that serves a request is split where some never are."""
        return self.max_split is None or wanted <= SMALL or wanted < self.max_split

    def _cached(self, wanted: int, pool: int) -> Span | None:
        blocks = self._free[pool]
        index = bisect_left(blocks, (wanted, -1))
        if index == len(blocks) or (self.max_split is not None and not self._may_serve(blocks[index][0], wanted, self.max_split)):
            return None
        return self._spans[blocks.pop(index)[1]]

    @staticmethod
    def _may_serve(size: int, wanted: int, max_split: int) -> bool:
        """Whether a block that is never split, or one that is, is for such a request."""
        return size < max_split if wanted < max_split else size < wanted + LARGE_BUFFER

    def _made(self, wanted: int, pool: int, requested: int) -> Span:
        """Memory from the driver, if need be after cached blocks went back to it."""
        span = self._from_driver(wanted, pool)
        self.trimmed = self.trimmed or span is None
        if span is None and self._give_back_oversize(wanted, pool):
            span = self._from_driver(wanted, pool)
        if span is None:
            self.empty_cache()
            span = self._from_driver(wanted, pool)
        if span is None:
            raise OutOfMemory(requested, segment_size(wanted), self.allocated, self.reserved)
        return span

    def _from_driver(self, wanted: int, pool: int) -> Span | None:
        """A new segment; None when the driver has no room for it."""
        size = segment_size(wanted)
        if self.capacity is not None and self.reserved + size > self.capacity:
            return None
        self._next += 1 << 44
        span = self._spans[self._next] = Span(self._next, size, pool)
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        return span

    def _give_back_oversize(self, wanted: int, pool: int) -> bool:
        """release_available_cached_blocks: only so many of the stream's blocks that are never split as the request needs."""
        if self.max_split is None:
            return False
        enough, blocks = max(wanted, self.max_split), self._free[pool]
        index = bisect_left(blocks, (enough, -1))
        if index < len(blocks):
            self._give_back(blocks.pop(index)[1])
            return True
        released = 0
        while released < enough and blocks and blocks[-1][0] >= self.max_split:
            released += blocks[-1][0]
            self._give_back(blocks.pop()[1])
        return released >= enough

    def _give_back(self, address: int) -> None:
        self.reserved -= self._spans.pop(address).size

    def _forget(self, span: Span) -> None:
        blocks = self._free[span.pool]
        del blocks[bisect_left(blocks, (span.size, span.address))]

    def _merged(self, first: Span, second: Span) -> Span:
        first.size += second.size
        first.after, first.free = second.after, True
        if second.after is not None:
            second.after.before = first
        del self._spans[second.address]
        return first
