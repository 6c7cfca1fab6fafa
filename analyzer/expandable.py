"""The caching allocator with expandable segments: one range of addresses per pool of a stream, mapped in granules as far as it is needed.

Source: c10/cuda/CUDACachingAllocator.cpp (get_free_block, find_expandable_block, try_allocate_expandable_block, map_block,
unmap_block, release_blocks), torch 2.13.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

from analyzer.allocator import LARGE_BUFFER, ROUND, SMALL_BUFFER, Allocator, Span

RANGE = 5 << 50  # apart, and a multiple of both granules


@dataclass(slots=True)
class Expandable(Allocator):
    """The allocator under expandable_segments:True; what is unmapped is neither free nor taken."""

    _least: int = ROUND
    _unmapped: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def empty_cache(self) -> None:
        """Give every free granule back to the driver."""
        for blocks in list(self._free.values()):
            for _, address in list(blocks):
                self._unmap(self._spans[address])

    def _splits(self, wanted: int) -> bool:
        return True

    def _cached(self, wanted: int, pool: int) -> Span | None:
        """The best fit, where a block that can grow counts as large as it can become."""
        blocks = self._free[pool]
        index = bisect_left(blocks, (wanted, -1))
        while index + 1 < len(blocks) and self._reach(blocks[index + 1][1]) < self._reach(blocks[index][1]):
            index += 1
        return self._spans[blocks.pop(index)[1]] if index < len(blocks) else None

    def _reach(self, address: int) -> int:
        span = self._spans[address]
        return span.size + (span.after.size if span.after is not None and not span.after.mapped else 0)

    def _from_driver(self, wanted: int, pool: int) -> Span | None:
        """Free addresses for a request, mapped as far as they are not; None when the driver has no memory for that."""
        span: Span | None = self._room(wanted, pool)
        if span is not None and not span.mapped:
            span = self._map(span, wanted)
        while span is not None and span.size < wanted and span.after is not None:
            span = self._map(span.after, wanted - span.size)
        if span is not None:
            self._forget(span)
        return span

    def _room(self, wanted: int, pool: int) -> Span:
        """The lowest addresses of a pool that are not taken and enough."""
        for address in self._unmapped[pool]:
            start = self._spans[address]
            if start.before is not None and start.before.free:
                start = start.before
            if _untaken(start, wanted) >= wanted:
                return start
        self._next = self._next // RANGE * RANGE + RANGE
        size = RANGE // 2 if self.capacity is None else -(-self.capacity * 9 // 8 // _granule(pool)) * _granule(pool)
        self._spans[self._next] = Span(self._next, size, pool, mapped=False)
        insort(self._unmapped[pool], self._next)
        return self._spans[self._next]

    def _map(self, span: Span, wanted: int) -> Span | None:
        """Map the beginning of an unmapped span; it merges with free neighbours."""
        granule = _granule(span.pool)
        size = -(-min(wanted, span.size) // granule) * granule
        if self.capacity is not None and self.reserved + size > self.capacity:
            return None
        self._unmapped[span.pool].remove(span.address)
        if size < span.size:
            rest = Span(span.address + size, span.size - size, span.pool, mapped=False)
            self._linked(span, rest, span.after)
            span.size = size
            insort(self._unmapped[span.pool], rest.address)
        span.mapped = True
        self._take_in(span)
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        return self._spans.get(span.address, span.before)

    def _unmap(self, span: Span) -> None:
        """Give the whole granules of a free span back; what is left of it at either end stays free."""
        granule, stop = _granule(span.pool), span.address + span.size
        begin, end = -(-span.address // granule) * granule, stop // granule * granule
        if end <= begin:
            return
        self._forget(span)
        del self._spans[span.address]
        middle = Span(begin, end - begin, span.pool, mapped=False)
        parts = [Span(span.address, begin - span.address, span.pool, True), middle, Span(end, stop - end, span.pool, True)]
        before, after = span.before, span.after
        for part in (part for part in parts if part.size):
            self._linked(before, part, after)
            before = part
            if part.free:
                insort(self._free[part.pool], (part.size, part.address))
        self.reserved -= middle.size
        self._join_unmapped(middle)

    def _join_unmapped(self, span: Span) -> None:
        """Neighbours that are not mapped either become one with it."""
        pool = self._unmapped[span.pool]
        for other in (span.before, span.after):
            if other is not None and not other.mapped:
                pool.remove(other.address)
                span = self._merged(*((other, span) if other is span.before else (span, other)))
                span.free = False
        insort(pool, span.address)

    def _linked(self, before: Span | None, span: Span, after: Span | None) -> None:
        self._spans[span.address] = span
        span.before, span.after = before, after
        if before is not None:
            before.after = span
        if after is not None:
            after.before = span


def _granule(pool: int) -> int:
    return SMALL_BUFFER if pool & 1 else LARGE_BUFFER


def _untaken(span: Span | None, enough: int) -> int:
    """Bytes from a span on that are free or not mapped, counted until they are enough."""
    size = 0
    while span is not None and size < enough and (span.free or not span.mapped):
        size, span = size + span.size, span.after
    return size
