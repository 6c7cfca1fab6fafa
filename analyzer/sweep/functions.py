"""The named functions of formulas over numpy arrays of whole numbers: equal to those of analyzer.functions, element by element.

A function that has no rule here is called once for every set of arguments that occurs.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from analyzer import cub
from analyzer.functions import FUNCTIONS
from analyzer.scratch import MAX_THREADS, MAX_VALUES, MIN_VALUES, WARP

Array = np.ndarray[Any, np.dtype[np.int64]]
Rule = Callable[..., Array]


def applied(name: str, args: list[Array]) -> Array:
    """A function of whole numbers. Raises what the scalar function raises where one of the arguments is not for it."""
    rule = RULES.get(name)
    if rule is not None:
        return rule(*args)
    keys, extent = np.zeros((), dtype=np.int64), 1
    for arg in args:  # one number for each set of arguments
        low, high = int(arg.min()), int(arg.max())
        keys, extent = keys + (arg - low) * extent, extent * (high - low + 1)
    if extent >= 1 << 62:
        raise OverflowError(f"arguments of {name} lie too far apart")
    _, first, places = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    rows = zip(*(np.broadcast_to(arg, keys.shape).ravel()[first].tolist() for arg in args))
    results = np.array([FUNCTIONS[name](*row) for row in rows], dtype=np.int64)
    return results[places].reshape(keys.shape)


def _up(a: Array, b: Array | int) -> Array:
    return -(-a // b)


def _bits(a: Array) -> Array:
    """Of each positive number, the largest power of two that is not above it, as an exponent."""
    exponent = np.frexp(a.astype(np.float64))[1].astype(np.int64) - 1
    return np.where(np.left_shift(1, exponent) > a, exponent - 1, exponent)  # a double may round up to the next power


def _power(a: Array, limit: Array | int) -> Array:
    """The last power of two up to a, at most a limit."""
    return np.minimum(np.left_shift(1, _bits(np.maximum(a, 1))), limit)


def _ctas(values: Array, grid: Array, target: Array) -> Array:
    split = np.maximum(np.minimum(_up(target, np.maximum(grid, 1)), _up(values, MIN_VALUES)), _up(values, MAX_VALUES))
    return np.where((values < MAX_VALUES) | (grid > target), 1, split)


def _columns(rows: Array, columns: Array, neighbours: Array, sms: Array, threads: Array) -> tuple[Array, Array, Array]:
    vector = np.where(neighbours % 4 == 0, 4, np.where(neighbours % 2 == 0, 2, 1))
    limit, dim0 = MAX_THREADS // vector, columns // vector
    p0 = _power(dim0, limit)
    height = np.minimum(_power(rows, limit), limit // np.minimum(p0, WARP))
    width = np.minimum(p0, limit // height)
    grid = _up(dim0, width)
    ctas = _ctas(_up(rows, height), grid, sms * (threads // (width * height)))
    return np.where(rows < np.minimum(height * MIN_VALUES, MAX_VALUES), 1, ctas), grid, width * vector


def column_scratch(rows: Array, columns: Array, neighbours: Array, sms: Array, threads: Array, accumulator: Array | int = 4) -> Array:
    """As analyzer.scratch has it."""
    ctas, _, width = _columns(rows, columns, neighbours, sms, threads)
    return np.where(ctas > 1, accumulator * columns * ctas * width, 0)


def column_semaphores(rows: Array, columns: Array, neighbours: Array, sms: Array, threads: Array) -> Array:
    """As analyzer.scratch has it."""
    ctas, grid, _ = _columns(rows, columns, neighbours, sms, threads)
    return np.where(ctas > 1, 4 * grid, 0)


def _rows(outputs: Array, inputs: Array, sms: Array, threads: Array) -> Array:
    p0 = _power(inputs, MAX_THREADS)
    height = np.minimum(_power(outputs, MAX_THREADS), MAX_THREADS // np.minimum(p0, WARP))
    width = np.minimum(p0, MAX_THREADS // height)
    ctas = _ctas(_up(inputs, width * height), outputs, sms * (threads // (width * height)))
    return np.where(_up(inputs, width) < np.minimum(height * MIN_VALUES, MAX_VALUES), 1, ctas)


def row_scratch(outputs: Array, inputs: Array, sms: Array, threads: Array, accumulator: Array | int = 4) -> Array:
    """As analyzer.scratch has it."""
    ctas = _rows(outputs, inputs, sms, threads)
    return np.where(ctas > 1, accumulator * outputs * ctas, 0)


def row_semaphores(outputs: Array, inputs: Array, sms: Array, threads: Array) -> Array:
    """As analyzer.scratch has it."""
    return np.where(_rows(outputs, inputs, sms, threads) > 1, 4 * outputs, 0)


def layer_norm_partials(rows: Array, columns: Array) -> Array:
    """As analyzer.kernel_scratch has it."""
    return np.minimum(32 * 1024 // _up(columns, 32), _up(rows, 32))


def sort_pairs_scratch(n: Array, largest: Array, width: Array, capability: Array | int = 80) -> Array:
    """As analyzer.cub has it, for one width and capability."""
    passes = _up(_bits(np.maximum(largest, 1)) + 1, cub.DIGIT_BITS)
    blocks = _up(n, cub.tile(cub.SORT_PAIRS, int(width), int(capability)))
    copies = np.where(passes > 1, 2 * _aligned(n * width), 0)
    needed = passes * (cub.DIGITS * 8) + blocks * (cub.DIGITS * 4) + copies + _aligned(4 * passes) + cub.ALIGNMENT - 1
    return np.where(n <= cub.SINGLE_BLOCK * (76 // width), 1, needed)


def unique_scratch(n: Array, width: Array, capability: Array | int = 80) -> Array:
    """As analyzer.cub has it, for one width and capability."""
    blocks = _up(n, cub.tile(cub.UNIQUE, int(width), int(capability)))
    return _aligned((blocks + cub.PADDING) * cub.STATE) + 2 * cub.ALIGNMENT - 1


def scan_scratch(n: Array, width: Array) -> Array:
    """As analyzer.cub has it, for one width."""
    padded = _up(n, cub.tile(cub.SCAN, int(width), 0)) + cub.PADDING
    if width == 2:
        return _aligned(4 * padded) + 2 * _aligned(2 * padded) + 2 * cub.ALIGNMENT - 1
    return _aligned(padded * 2 * width) + 2 * cub.ALIGNMENT - 1


def scan_by_key_scratch(n: Array, width: Array, capability: Array | int = 80) -> Array:
    """As analyzer.cub has it, for one width and capability."""
    blocks = _up(n, cub.tile(cub.SCAN_BY_KEY, int(width), int(capability)))
    return _aligned((blocks + cub.PADDING) * cub.STATE) + _aligned(width * (blocks + 1)) + cub.ALIGNMENT - 1


def _aligned(size: Array) -> Array:
    return _up(size, cub.ALIGNMENT) * cub.ALIGNMENT


def _pow2_ceil(a: Array) -> Array:
    return np.left_shift(1, np.where(a > 1, _bits(np.maximum(a - 1, 1)) + 1, 0))


RULES: dict[str, Rule] = {
    "floordiv": lambda a, b: a // b, "ceildiv": lambda a, b: -(-a // b), "size": lambda a: a, "mod": lambda a, b: a % b,
    "max": np.maximum, "min": np.minimum, "log2": _bits, "pow2_ceil": _pow2_ceil,
    "gcd": lambda *args: np.gcd.reduce(np.broadcast_arrays(*args)) if len(args) > 2 else np.gcd(*args),
    "column_scratch": column_scratch, "column_semaphores": column_semaphores,
    "row_scratch": row_scratch, "row_semaphores": row_semaphores, "layer_norm_partials": layer_norm_partials,
    "sort_pairs_scratch": sort_pairs_scratch, "unique_scratch": unique_scratch,
    "scan_scratch": scan_scratch, "scan_by_key_scratch": scan_by_key_scratch,
}  # fmt: skip
PRODUCTS = ("column_scratch", "column_semaphores", "row_scratch", "row_semaphores")


def headroom(name: str, limits: list[int]) -> bool:
    """Whether a rule's own arithmetic stays within 62 bits for positive arguments up to the limits.

    A reduction's scratch is at most 16 bytes for each of its first two arguments' product and 2,048 elements of a block.
    """
    return max(limits) < 1 << 61 and (name not in PRODUCTS or prod(limits[:2]) < 1 << 45)
