"""The words of gradient formulas that stand for what several GPUs do together (`analyzer.ops.collectives`)."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Shape, contiguous
from analyzer.ops.layout import same_layout
from analyzer.polynomial import Poly, product
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula


def part(formula: Formula, g: Array, shape: Shape) -> Array:
    """A copy of this rank's part."""
    return formula.fresh(shape, g.dtype)


def all_gather(formula: Formula, g: Array, shape: Shape, rearranged: int) -> Array:
    """The parts of all ranks; `rearranged` out of a buffer that they come into."""
    return _by_way_of(formula, g, [product(shape) * ITEMSIZE[g.dtype]] * rearranged, shape)


def reduce_scatter(formula: Formula, g: Array, shape: Shape) -> Array:
    """This rank's part of the sum over all ranks, out of a copy that is rearranged."""
    return _by_way_of(formula, g, [g.bytes], shape)


def _by_way_of(formula: Formula, g: Array, copies: list[Poly], shape: Shape) -> Array:
    """A new array, made while copies are there, before them one of a gradient that is not row-major."""
    heap = formula.memory.heap
    rows = [] if same_layout(g.shape, g.strides, contiguous(g.shape)) else [g.bytes]
    held = heap.take(formula.label, *rows, *copies)
    result = formula.fresh(shape, g.dtype)
    heap.give_back(held)
    return result


KERNELS.update({"part": part, "all_gather": all_gather, "reduce_scatter": reduce_scatter})
