"""The words of gradient formulas that reduce."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.graph import ITEMSIZE, Shape, contiguous
from analyzer.ops.layout import elementwise_strides
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.polynomial import ONE, Poly
from analyzer.run.arrays import Array
from analyzer.run.kernel_views import reshape

if TYPE_CHECKING:
    from analyzer.run.kernels import Formula


def sum_to(formula: Formula, g: Array, shape: Shape) -> Array:
    """The gradient of a broadcast operand: summed over what was broadcast."""
    pad = len(g.shape) - len(shape)
    own = (ONE,) * pad + shape
    dims = [d for d, (a, b) in enumerate(zip(g.shape, own)) if d < pad or (a != b and b == ONE)]
    if not dims:
        return g
    scratch = reduction_scratch(g.shape, g.strides, dims, partial_bytes(g.dtype))
    result = formula.fresh(own, g.dtype)
    formula.scratch(*scratch)
    return formula.own(formula.memory.alias(result, shape, contiguous(shape), view=bool(pad))) if pad else result


def mean(formula: Formula, x: Array, dims: tuple[int, ...]) -> Array:
    """The mean over dimensions, which stay with size 1."""
    result = formula.fresh(tuple(ONE if d in dims else s for d, s in enumerate(x.shape)), x.dtype)
    formula.scratch(*reduction_scratch(x.shape, x.strides, dims, partial_bytes(x.dtype)))
    return result


def count(formula: Formula, mask: Array, dims: tuple[int, ...]) -> Array:
    """How many over dimensions, which stay with size 1: a bool mask is summed as a copy in int64."""
    result = formula.fresh(tuple(ONE if d in dims else s for d, s in enumerate(mask.shape)), "int64")
    formula.scratch(mask.bytes * ITEMSIZE["int64"], *reduction_scratch(mask.shape, mask.strides, dims, 8))
    return result


def evenly_distribute_backward(formula: Formula, g: Array, x: Array, y: Array) -> Array:
    """The gradient shared by all elements of x that are y, NaN among them: found as bools, counted, and given their part."""
    mask = formula.fresh(x.shape, "bool", elementwise_strides(x.shape, [(x.shape, x.strides)]))
    formula.fresh((), "bool")
    formula.fresh(mask.shape, "bool", mask.strides)
    formula.fresh((), "int64")
    formula.scratch(mask.bytes * ITEMSIZE["int64"], *reduction_scratch((mask.bytes,), (ONE,), (0,), 8))
    formula.fresh((), g.dtype)
    return formula.fresh(mask.shape, g.dtype, mask.strides)


def sum_to_channels(formula: Formula, g: Array) -> Array:
    """A convolution's bias gradient: summed over all but the channels."""
    dims = [d for d in range(len(g.shape)) if d != 1]
    result = formula.fresh((g.shape[1],), g.dtype)
    formula.scratch(*reduction_scratch(g.shape, g.strides, dims, partial_bytes(g.dtype)))
    return result


def repeat_backward(formula: Formula, g: Array, repeats: tuple[Poly, ...]) -> Array:
    """The gradient summed over the repetitions."""
    shape = formula.target.shape
    for _ in range(len(repeats) - len(shape)):
        g = _summed(formula, g, [0])
    wide: list[Poly] = []
    dims = []
    for repeat, size in zip(repeats[len(repeats) - len(shape) :], shape):
        if repeat != ONE:
            dims.append(len(wide))
            wide.append(repeat)
        wide.append(size)
    return _summed(formula, reshape(formula, g, tuple(wide)), dims) if dims else g


def _summed(formula: Formula, g: Array, dims: list[int]) -> Array:
    result = formula.fresh(tuple(s for d, s in enumerate(g.shape) if d not in dims), g.dtype)
    formula.scratch(*reduction_scratch(g.shape, g.strides, dims, partial_bytes(g.dtype)))
    return result
