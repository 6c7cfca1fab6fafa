"""The buffer through which a reduction adds up what several thread blocks found, from how PyTorch walks the tensor.

Sources: ATen/native/cuda/Reduce.cuh (setReduceConfig, get_output_vec_size), ATen/TensorIterator.cpp (reorder_dimensions,
coalesce_dimensions), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from analyzer.graph import ITEMSIZE, Shape
from analyzer.polynomial import ONE, ZERO, Poly, call, product
from analyzer.sizes import remembered, sizes


@dataclass(frozen=True, slots=True)
class _Loop:
    """Dimensions that are walked as one: how many steps, the step in the tensor, and in the result (0 where it is reduced)."""

    extent: Poly
    step: Poly
    result: Poly


def partial_bytes(dtype: str) -> int:
    """Bytes of a partial sum: fp32 for half precision."""
    return max(4, ITEMSIZE[dtype])


def reduction_scratch(shape: Shape, strides: Shape, dims: Collection[int], accumulator: int = 4) -> tuple[Poly, ...]:
    """Bytes a reduction over `dims` takes while it runs: of partial results, and of counters, as named functions of the sizes.

    `accumulator` is the bytes of a partial result.
    """
    return _scratch(shape, strides, tuple(dims), accumulator)


@remembered
def _scratch(shape: Shape, strides: Shape, dims: Collection[int], accumulator: int) -> tuple[Poly, ...]:
    here = sizes()
    if all(shape[d] == ONE for d in dims):  # functions of a size that happens to be 1 are 0
        return ()
    outputs = product(shape[d] for d in range(len(shape)) if d not in dims)
    inputs = product(shape[d] for d in dims)
    device = (here.device.sms, here.device.threads_per_sm)
    wide = () if accumulator == 4 else (accumulator,)
    loops = _loops(shape, strides, dims)
    kept = next((i for i, loop in enumerate(loops) if loop.result != ZERO), None)
    if kept is None or here.below(loops[0].step, loops[kept].step):
        return call("row_scratch", outputs, inputs, *device, *wide), call("row_semaphores", outputs, inputs, *device)
    columns = (inputs, outputs, _neighbours(loops, kept), *device)
    return call("column_scratch", *columns, *wide), call("column_semaphores", *columns)


def _neighbours(loops: Sequence[_Loop], kept: int) -> Poly:
    """What the number of results that a load may take divides: the extent that they lie in, and the steps between extents."""
    if not sizes().is_one(loops[kept].step):
        return ONE
    return call("gcd", loops[kept].extent, *(loop.step for i, loop in enumerate(loops) if i != kept))


def _loops(shape: Shape, strides: Shape, dims: Collection[int]) -> list[_Loop]:
    """The loops from the innermost on: reduced dimensions first, by their steps, then the others in the order of the result."""
    results, size = [ZERO] * len(shape), ONE
    for d in reversed(range(len(shape))):
        if d not in dims:
            results[d] = size
            size = size * shape[d]
    reduced = [d for d in reversed(range(len(shape))) if d in dims]
    order = [*_by_step(reduced, shape, strides), *(d for d in reversed(range(len(shape))) if d not in dims)]
    return _merged([_Loop(shape[d], strides[d], results[d]) for d in order])


def _by_step(dims: list[int], shape: Shape, strides: Shape) -> list[int]:
    """PyTorch's insertion sort, where steps of 0 compare with nothing."""
    below, order = sizes().below, list(dims)
    for i in range(1, len(order)):
        upper = i
        for lower in range(i - 1, -1, -1):
            a, b = order[lower], order[upper]
            if ZERO in (strides[a], strides[b]):
                continue
            if below(strides[a], strides[b]):
                break
            if below(strides[b], strides[a]) or below(shape[b], shape[a]):
                order[lower], order[upper] = b, a
                upper = lower
    return order


def _merged(loops: list[_Loop]) -> list[_Loop]:
    """Neighbouring loops that step through memory as one."""
    one, agree = sizes().is_one, sizes().agree
    result = loops[:1]
    for loop in loops[1:]:
        last = result[-1]
        if one(last.extent):
            result[-1] = replace(loop, extent=last.extent * loop.extent)
        elif one(loop.extent) or (agree(last.extent * last.step, loop.step) and agree(last.extent * last.result, loop.result)):
            result[-1] = replace(last, extent=last.extent * loop.extent)
        else:
            result.append(loop)
    return result
