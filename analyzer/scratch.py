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


def _columns(rows: int, columns: int, neighbours: int, sms: int, threads: int) -> tuple[int, int, int]:
    """Blocks per output, block columns, and results per block row, of a sum of `rows` numbers for each of `columns` results."""
    vector = 4 if neighbours % 4 == 0 else 2 if neighbours % 2 == 0 else 1
    block = _block(columns // vector, rows, MAX_THREADS // vector)
    grid = _up(columns // vector, block.width)
    if rows < min(block.height * MIN_VALUES, MAX_VALUES):
        return 1, grid, 0
    return _ctas(_up(rows, block.height), grid, block, sms, threads), grid, block.width * vector


def column_scratch(rows: int, columns: int, neighbours: int, sms: int = 108, threads: int = 2048, accumulator: int = 4) -> int:
    """Bytes for partial results that a sum of `rows` numbers for each of `columns` neighbouring results takes while it runs.

    A load takes as many results, up to four, as divide `neighbours`.
    """
    ctas, _, width = _columns(rows, columns, neighbours, sms, threads)
    return accumulator * columns * ctas * width if ctas > 1 else 0


def column_semaphores(rows: int, columns: int, neighbours: int, sms: int = 108, threads: int = 2048) -> int:
    """Bytes of the counters beside column_scratch: four for each block column."""
    ctas, grid, _ = _columns(rows, columns, neighbours, sms, threads)
    return 4 * grid if ctas > 1 else 0


def _rows(outputs: int, inputs: int, sms: int, threads: int) -> int:
    """Blocks per output of a sum of `inputs` neighbouring elements for each of `outputs` results.

    Loads of several elements, where there are any, make blocks narrower, but only of sums too short to be split.
    """
    block = _block(inputs, outputs, MAX_THREADS)
    if _up(inputs, block.width) < min(block.height * MIN_VALUES, MAX_VALUES):
        return 1
    return _ctas(_up(inputs, block.width * block.height), outputs, block, sms, threads)


def row_scratch(outputs: int, inputs: int, sms: int = 108, threads: int = 2048, accumulator: int = 4) -> int:
    """Bytes for partial results that a sum of `inputs` neighbouring elements for each of `outputs` results takes."""
    ctas = _rows(outputs, inputs, sms, threads)
    return accumulator * outputs * ctas if ctas > 1 else 0


def row_semaphores(outputs: int, inputs: int, sms: int = 108, threads: int = 2048) -> int:
    """Bytes of the counters beside row_scratch: four for each result."""
    return 4 * outputs if _rows(outputs, inputs, sms, threads) > 1 else 0
