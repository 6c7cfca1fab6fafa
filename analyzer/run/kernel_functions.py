"""The words of gradient formulas: what each kernel allocates. The first argument is the formula that calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from analyzer.graph import ITEMSIZE, Shape, contiguous
from analyzer.ops.layout import elementwise_strides, same_layout, view_strides
from analyzer.ops.reduction import reduction_scratch
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.run.arrays import Array
from analyzer.sizes import sizes

if TYPE_CHECKING:
    from analyzer.run.kernels import Formula

Kernel = Callable[..., Any]


def like(formula: Formula, array: Array) -> Array:
    """What a `..._backward` kernel returns: a new array shaped as the input it is the gradient of."""
    return formula.fresh(array.shape, array.dtype, elementwise_strides(array.shape, [(array.shape, array.strides)]))


def matmul(formula: Formula, a: Array, b: Array) -> Array:
    """A product; the gradient of a transposed operand is made transposed, as mm_mat2_grad does."""
    shape = (*a.shape[:-1], b.shape[-1])
    target = formula.target
    if len(shape) == 2 and target.strides[0] == ONE and target.strides[1] != ONE:
        base = formula.fresh((shape[1], shape[0]), a.dtype)
        result = formula.own(formula.memory.alias(base, shape, (ONE, shape[0])))
    else:
        result = formula.fresh(shape, a.dtype)
    formula.scratch(*(x.bytes for x in (a, b) if not _is_for_cublas(x)))
    return result


def _is_for_cublas(x: Array) -> bool:
    """Whether cuBLAS reads the matrix as it lies: a step of 1 in one dimension, and none of 0 (prepare_matrix_for_cublas)."""
    steps = x.strides[-2:]
    if ONE not in steps or not all(steps):
        steps = tuple(step for size, step in zip(x.shape[-2:], steps) if not sizes().is_one(size))
    return len(steps) < 2 or (ONE in steps and all(steps))


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


def sum_to(formula: Formula, g: Array, shape: Shape) -> Array:
    """The gradient of a broadcast operand: summed over what was broadcast."""
    pad = len(g.shape) - len(shape)
    own = (ONE,) * pad + shape
    dims = [d for d, (a, b) in enumerate(zip(g.shape, own)) if d < pad or (a != b and b == ONE)]
    if not dims:
        return g
    scratch = reduction_scratch(g.shape, g.strides, dims)
    result = formula.fresh(own, g.dtype)
    formula.scratch(scratch)
    return formula.own(formula.memory.alias(result, shape, contiguous(shape), view=bool(pad))) if pad else result


def restored(formula: Formula, g: Array, shape: Shape, dims: tuple[int, ...]) -> Array:
    """A reduced array with the dimensions that were reduced, of size 1."""
    if len(g.shape) == len(shape):
        return g
    extents, steps = iter(g.shape), iter(g.strides)
    full = tuple(ONE if d in dims else next(extents) for d in range(len(shape)))
    strides = tuple(ONE if d in dims else next(steps) for d in range(len(shape)))
    return formula.own(formula.memory.alias(g, full, strides))


def mean(formula: Formula, x: Array, dims: tuple[int, ...]) -> Array:
    """The mean over dimensions, which stay with size 1."""
    result = formula.fresh(tuple(ONE if d in dims else s for d, s in enumerate(x.shape)), x.dtype)
    formula.scratch(reduction_scratch(x.shape, x.strides, dims))
    return result


def count(formula: Formula, mask: Array, dims: tuple[int, ...]) -> Array:
    """How many over dimensions, which stay with size 1: a bool mask is summed as a copy in int64."""
    result = formula.fresh(tuple(ONE if d in dims else s for d, s in enumerate(mask.shape)), "int64")
    formula.scratch(mask.bytes * ITEMSIZE["int64"], reduction_scratch(mask.shape, mask.strides, dims, 8))
    return result


def sum_to_channels(formula: Formula, g: Array) -> Array:
    """A convolution's bias gradient: summed over all but the channels."""
    dims = [d for d in range(len(g.shape)) if d != 1]
    result = formula.fresh((g.shape[1],), g.dtype)
    formula.scratch(reduction_scratch(g.shape, g.strides, dims))
    return result


def narrow(formula: Formula, g: Array, dim: int, start: Poly, shape: Shape) -> Array:
    """A view of a part along one dimension."""
    return formula.own(formula.memory.alias(g, shape, g.strides))


def zeros(formula: Formula, shape: Shape) -> Array:
    """A new array of zeros."""
    return formula.fresh(shape, formula.target.dtype)


def zeros_like(formula: Formula, x: Array) -> Array:
    """A new array of zeros, dense in the order of x."""
    return like(formula, x)


def scalar(formula: Formula) -> Array:
    """scalar_tensor: one number on the device."""
    return formula.fresh((), formula.target.dtype)


def compare(formula: Formula, *operands: Any) -> Any:
    """A comparison or logical operation: one byte an element; of numbers alone, nothing."""
    return formula.elementwise(*operands, dtype="bool")


def where(formula: Formula, mask: Array, *choices: Any) -> Array:
    """One of two values, as the mask says."""
    dtype = next(c.dtype for c in choices if isinstance(c, Array))
    result: Array = formula.elementwise(mask, *choices, dtype=dtype)
    return result


def masked_fill(formula: Formula, g: Array, mask: Array) -> Array:
    """A copy, overwritten where the mask says."""
    result: Array = formula.elementwise(g, mask, dtype=g.dtype)
    return result


def row_major(formula: Formula, *operands: Array) -> Array:
    """A contiguous gradient, whatever the layout of what it is the gradient of."""
    return formula.fresh(formula.target.shape, formula.target.dtype)


def softmax_backward(formula: Formula, g: Array, y: Array) -> Array:
    """A contiguous gradient, by way of a contiguous copy of one that is not."""
    result = formula.fresh(g.shape, formula.target.dtype)
    formula.scratch(ZERO if same_layout(g.shape, g.strides, contiguous(g.shape)) else g.bytes)
    return result


def kept(formula: Formula, value: Array, *others: Array) -> Array:
    """The value; the others are saved for other cases of the same formula."""
    return value


def cast(formula: Formula, g: Array, dtype: str) -> Array:
    """A copy in another dtype."""
    result: Array = g if g.dtype == dtype else formula.elementwise(g, dtype=dtype)
    return result


def clone(formula: Formula, g: Array) -> Array:
    """A copy."""
    return like(formula, g)


def overwritten(formula: Formula, whole: Array, part: Array) -> Array:
    """The whole, a part of it replaced in place."""
    return whole


def scattered(formula: Formula, g: Array, shape: Shape) -> Array:
    """as_strided_backward: a new storage of the base's size that the gradient is copied into, seen as the base."""
    storage = formula.fresh(shape, g.dtype)
    return formula.own(formula.memory.alias(storage, shape, contiguous(shape)))


KERNELS: dict[str, Kernel] = {
    f.__name__: f
    for f in (
        reshape,
        permute,
        expand,
        sum_to,
        restored,
        mean,
        count,
        sum_to_channels,
        narrow,
        zeros,
        zeros_like,
        scalar,
        compare,
        where,
        masked_fill,
        softmax_backward,
        kept,
        cast,
        clone,
        overwritten,
        scattered,
    )
} | {
    "log_softmax_backward": softmax_backward,
    "glu_backward": row_major,
    "mse_loss_backward": row_major,
    "smooth_l1_loss_backward": row_major,
    "huber_loss_backward": row_major,
    "nll_loss_backward": row_major,
}
