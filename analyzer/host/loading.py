"""What a DataLoader keeps in host memory: batches made ahead, what making one takes, pinned copies, copies in workers."""

from __future__ import annotations

from dataclasses import replace

from analyzer.host.deciding import Item, largest
from analyzer.host.formats import index_size, size_of, whole
from analyzer.host.source import NUMPY, Array, Loader
from analyzer.polynomial import ZERO, Poly, call, total
from analyzer.sizes import Sizes


def loading(loader: Loader, arrays: tuple[Array, ...], sizes: Sizes) -> tuple[Item, ...]:
    """The items of a loader in a loop that works on a batch while the next ones are made, at their most.

    PyTorch keeps workers * prefetch_factor batches ordered, and the loop's variable holds one more. A worker copies its
    batch to shared memory; pinning copies once more, into blocks of a power of two (CachingHostAllocator).
    """
    chosen = tuple(a for a in arrays if a.name in loader.arrays)
    tensors = [_batch_tensor(a, loader) for a in chosen]
    batch = total(tensors)
    unit = total(call("pow2_ceil", t) for t in tensors) if loader.pinned else batch
    making = [("batches that workers make: slices and copies", form) for form in _making(chosen, loader, sizes)]
    own = total(_samples(a, loader) for a in chosen) if loader.collate == "samples" else batch
    if loader.workers == 0:
        return _alone(batch, unit, making, own, loader, sizes)
    copies: Item = ("copies of the arrays in spawned workers", loader.workers * total(size_of(a) for a in chosen))
    return (*_with_workers(batch, unit, making, own, loader, sizes), *([copies] if loader.start == "spawn" else []))


def _with_workers(batch: Poly, unit: Poly, making: list[Item], own: Poly, loader: Loader, sizes: Sizes) -> tuple[Item, ...]:
    """The dearest of: every worker copying its batch, every worker making one, every batch ahead pinned."""
    workers, ahead = loader.workers, loader.workers * loader.prefetch
    pinned = ", pinned" if loader.pinned else ""
    held: Item = (f"the batch in the loop{pinned}", unit)
    pinning: Item = ("a batch in shared memory while it is pinned", batch if loader.pinned else ZERO)
    ready: Item = (f"batches made ahead{pinned}", (ahead - workers) * unit)
    copying = [("batches that workers copy to shared memory", workers * batch), ("what workers copy them from", workers * own)]
    moments: list[tuple[Item, ...]] = [(ready, held, pinning, *copying)]
    moments += [(ready, held, pinning, (label, workers * form)) for label, form in making]
    if loader.pinned:
        moments.append(((ready[0], ahead * unit), held, pinning))
    return largest(moments, sizes)


def _alone(batch: Poly, unit: Poly, making: list[Item], own: Poly, loader: Loader, sizes: Sizes) -> tuple[Item, ...]:
    """Without workers: the loop's variable holds a batch until the next one is there."""
    pinned = ", pinned" if loader.pinned else ""
    held: Item = (f"the batch in the loop{pinned}", unit)
    moments: list[tuple[Item, ...]] = [(held, ("the next batch while it is made", form)) for _, form in making]
    if loader.collate == "samples":
        moments.append((held, ("the samples of the next batch", own), ("the next batch", batch)))
    if loader.pinned:
        moments.append((held, ("the next batch, pinned", unit), ("the next batch while it is pinned", batch)))
    return largest(moments, sizes)


def _batch_tensor(array: Array, loader: Loader) -> Poly:
    """Bytes of an array's part of a batch, dense as models take it."""
    return loader.batch * array.columns * (NUMPY[loader.cast] if loader.cast else array.itemsize)


def _samples(array: Array, loader: Loader) -> Poly:
    """Bytes of the samples that default_collate stacks: rows of a dense array are views, sparse or cast ones are copies."""
    views = array.format == "dense" and (not loader.cast or loader.cast == array.dtype)
    return ZERO if views else _batch_tensor(array, loader)


def _making(arrays: tuple[Array, ...], loader: Loader, sizes: Sizes) -> list[Poly]:
    """Bytes at each moment of making a batch: arrays in order, sliced, made dense, cast; those that are done stay."""
    if loader.collate == "samples":
        return [total(_samples(a, loader) for a in arrays)]
    moments: list[Poly] = []
    done: Poly = ZERO
    for array in arrays:
        dense = loader.batch * array.columns * array.itemsize
        final = _batch_tensor(array, loader)
        if array.format != "dense":
            rows = _slice(array, loader.batch, sizes)
            moments += [done + rows + _lookup(array, loader.batch), done + rows + dense]
        if loader.cast and loader.cast != array.dtype:
            moments.append(done + dense + final)
        done = done + final
    return [done, *moments]


def _slice(array: Array, batch: Poly, sizes: Sizes) -> Poly:
    """Bytes of the rows of a batch in the array's own format."""
    stored = array.nonzeros * batch
    share = whole(stored / array.rows, sizes) if len(array.rows.terms) == 1 else call("ceildiv", stored, array.rows)
    rows = replace(array, shape=(batch, *array.shape[1:]), nonzeros=share)
    return size_of(rows)


def _lookup(array: Array, batch: Poly) -> Poly:
    """Bytes by which scipy finds rows: two index arrays as long as the batch, and for csc a table as long as the array."""
    return (2 * batch + (array.rows if array.format == "csc" else ZERO)) * index_size(array)
