"""The words of gradient formulas that run along a dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.graph import ITEMSIZE
from analyzer.ops.layout import elementwise_strides
from analyzer.ops.reducing import reduction_scratch
from analyzer.ops.scanning import scan_scratch
from analyzer.polynomial import ONE, product
from analyzer.run.arrays import Array
from analyzer.run.kernel_reductions import count

if TYPE_CHECKING:
    from analyzer.run.kernels import Formula


def reversed_cumsum(formula: Formula, g: Array, dim: int) -> Array:
    """flip, cumsum, flip: the first two go when the third is there."""
    heap = formula.memory.heap
    strides = elementwise_strides(g.shape, [(g.shape, g.strides)])
    beside = heap.take(formula.label, g.bytes, g.bytes, scan_scratch(g.shape, strides, g.dtype, dim))
    result = formula.fresh(g.shape, g.dtype)
    heap.give_back(beside)
    return result


def cumprod_backward(formula: Formula, g: Array, x: Array, y: Array, dim: int) -> Array:
    """The running sum of y g from the end, over x."""
    weighted = formula.elementwise(y, g)
    formula.elementwise(x, dtype="bool")
    formula.scratch(ONE, *reduction_scratch((product(x.shape),), (ONE,), (0,), 1))
    result: Array = formula.elementwise(reversed_cumsum(formula, weighted, dim), x)
    return result


def prod_backward(formula: Formula, g: Array, x: Array, y: Array, dims: tuple[int, ...]) -> Array:
    """g y / x, after the zeros among x are counted."""
    mask = formula.elementwise(x, dtype="bool")
    zeros = count(formula, mask, dims)
    formula.scratch(ONE * ITEMSIZE["int64"], *reduction_scratch((product(zeros.shape),), (ONE,), (0,), 8))
    result: Array = formula.elementwise(g, formula.elementwise(y, x))
    return result
