"""What a CUDA reduction allocates beside its result, from PyTorch's launch rules.

Source: aten/src/ATen/native/cuda/Reduce.cuh, setReduceConfig and global_memory_size (2.4 to 2.13): when the rows of a
reduction are split over thread blocks, partial results go through a buffer, and a counter of four bytes a block column
follows it.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_THREADS, WARP = 512, 32
MIN_VALUES, MAX_VALUES = 16, 256


@dataclass(frozen=True, slots=True)
class _Block:
    """A thread block: its extent along the fastest dimension, and across."""

    width: int
    height: int


def _up(a: int, b: int) -> int:
    return -(-a // b)


def _block(dim0: int, dim1: int, limit: int) -> _Block:
    """set_block_dimension: powers of two within `limit` threads."""
    p0 = limit if dim0 >= limit else 1 << (max(dim0, 1).bit_length() - 1)
    p1 = limit if dim1 >= limit else 1 << (max(dim1, 1).bit_length() - 1)
    height = min(p1, limit // min(p0, WARP))
    return _Block(min(p0, limit // height), height)


def _ctas(values: int, grid: int, block: _Block, sms: int, threads: int) -> int:
    """How many blocks share one output when each thread has `values` inputs and `grid` block columns are launched."""
    target = sms * (threads // (block.width * block.height))
    if values < MAX_VALUES or grid > target:
        return 1
    return max(min(_up(target, grid), _up(values, MIN_VALUES)), _up(values, MAX_VALUES))


def column_scratch(rows: int, columns: int, sms: int = 108, threads: int = 2048, accumulator: int = 4) -> int:
    """Bytes that x.sum(0) of a contiguous (rows, columns) array takes while it runs."""
    vector = 4 if columns % 4 == 0 else 2 if columns % 2 == 0 else 1
    block = _block(columns // vector, rows, MAX_THREADS // vector)
    if rows < min(block.height * MIN_VALUES, MAX_VALUES):
        return 0
    grid = _up(columns // vector, block.width)
    ctas = _ctas(_up(rows, block.height), grid, block, sms, threads)
    return accumulator * columns * ctas * block.width * vector + 4 * grid if ctas > 1 else 0


def row_scratch(outputs: int, inputs: int, flat: int, sms: int = 108, threads: int = 2048, accumulator: int = 4) -> int:
    """Bytes that a sum of `inputs` neighbouring elements for each of `outputs` results takes while it runs.

    `flat` is 1 when the whole array is one dimension (a full reduction), where loads are vectors of four.
    """
    block = _block(inputs // 4 if flat and inputs > 128 else inputs, outputs, MAX_THREADS)
    values = _up(inputs, block.width)
    if values < min(block.height * MIN_VALUES, MAX_VALUES):
        return 0
    ctas = _ctas(_up(inputs, block.width * block.height), outputs, block, sms, threads)
    return accumulator * outputs * ctas + 4 * outputs if ctas > 1 else 0
