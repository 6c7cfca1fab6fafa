"""The words of gradient formulas that are views: another shape, another order, a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.graph import Shape
from analyzer.ops.layout import view_strides
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.run.arrays import Array

if TYPE_CHECKING:
    from analyzer.run.kernels import Formula


def reshape(formula: Formula, g: Array, shape: Shape) -> Array:
    """A view where the strides allow one, else a contiguous copy."""
    strides = view_strides(g.shape, g.strides, shape)
    if strides is not None:
        return formula.own(formula.memory.alias(g, shape, strides))
    return formula.fresh(shape, g.dtype)


def permute(formula: Formula, g: Array, dims: tuple[int, ...]) -> Array:
    """A view with the dimensions in another order."""
    return formula.own(formula.memory.alias(g, tuple(g.shape[d] for d in dims), tuple(g.strides[d] for d in dims)))


def expand(formula: Formula, g: Array, shape: Shape, dims: tuple[int, ...]) -> Array:
    """A view of a reduced gradient over the full shape, with strides of 0."""
    kept = iter(g.strides if len(g.shape) < len(shape) else [s for d, s in enumerate(g.strides) if d not in dims])
    strides = tuple(ZERO if d in dims else next(kept) for d in range(len(shape)))
    return formula.own(formula.memory.alias(g, shape, strides))


def narrow(formula: Formula, g: Array, dim: int, start: Poly, shape: Shape) -> Array:
    """A view of a part along one dimension."""
    return formula.own(formula.memory.alias(g, shape, g.strides))


def selected(formula: Formula, g: Array, dim: int) -> Array:
    """A view of one entry along a dimension."""
    shape, strides = (*g.shape[:dim], *g.shape[dim + 1 :]), (*g.strides[:dim], *g.strides[dim + 1 :])
    return formula.own(formula.memory.alias(g, shape, strides))


def restored(formula: Formula, g: Array, shape: Shape, dims: tuple[int, ...]) -> Array:
    """A reduced array with the dimensions that were reduced, of size 1."""
    if len(g.shape) == len(shape):
        return g
    extents, steps = iter(g.shape), iter(g.strides)
    full = tuple(ONE if d in dims else next(extents) for d in range(len(shape)))
    strides = tuple(ONE if d in dims else next(steps) for d in range(len(shape)))
    return formula.own(formula.memory.alias(g, full, strides))
