"""The words of gradient formulas: what each kernel allocates. The first argument is the formula that calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from analyzer.graph import Shape, contiguous
from analyzer.ops.elementwise import promoted_dtype
from analyzer.ops.layout import broadcast, elementwise_strides, preserved, same_layout
from analyzer.ops.memory_format import is_channels_last, laid
from analyzer.ops.rearranging import resized
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.run.arrays import Array
from analyzer.run.kernel_reductions import count, evenly_distribute_backward, mean, repeat_backward, sum_to, sum_to_channels
from analyzer.run.kernel_scans import cumprod_backward, prod_backward, reversed_cumsum
from analyzer.run.kernel_views import expand, narrow, permute, reshape, restored, selected
from analyzer.sizes import sizes
from analyzer.work import multiplied

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
    formula.flops = multiplied(*a.shape, b.shape[-1])
    return result


def _is_for_cublas(x: Array) -> bool:
    """Whether cuBLAS reads the matrix as it lies: a step of 1 in one dimension, and none of 0 (prepare_matrix_for_cublas)."""
    steps = x.strides[-2:]
    if ONE not in steps or not all(steps):
        steps = tuple(step for size, step in zip(x.shape[-2:], steps) if not sizes().is_one(size))
    return len(steps) < 2 or (ONE in steps and all(steps))


def joined(formula: Formula, shape: Shape, parts: tuple[Shape, ...], *grads: Array | None) -> Array:
    """The gradients of parts put together; a part that has none is made of zeros first."""
    for part, g in zip(parts, grads):
        if g is None:
            formula.fresh(part, formula.target.dtype)
    return formula.fresh(shape, formula.target.dtype)


def roll(formula: Formula, g: Array, count: int) -> Array:
    """As many copies as dimensions are rolled, the last one staying, the first of a contiguous copy."""
    result = formula.fresh(g.shape, g.dtype)
    beside = count - 1 if same_layout(g.shape, g.strides, contiguous(g.shape)) else max(1, count - 1)
    formula.scratch(*[g.bytes] * beside)
    return result


def col2im(formula: Formula, g: Array) -> Array:
    """Windows folded into an image, in a storage that was made for the windows where they are larger."""
    return _resized(formula, g)


def im2col(formula: Formula, g: Array) -> Array:
    """Windows of an image, by way of a contiguous copy of one that is not, in a storage that was made for the image."""
    return _resized(formula, g, *([] if same_layout(g.shape, g.strides, contiguous(g.shape)) else [g.bytes]))


def _resized(formula: Formula, g: Array, *copied: Poly) -> Array:
    """A new array like g that becomes one like the target; where that is larger, the first storage goes when the other is there."""
    target, heap = formula.target, formula.memory.heap
    size, grown = resized(g.bytes, target.bytes)
    held = heap.take(formula.label, *grown, *copied)
    storage = heap.alloc(size, "temporary", formula.label)
    heap.give_back(held)
    return formula.own(Array(target.shape, contiguous(target.shape), target.dtype, storage))


def zeros(formula: Formula, shape: Shape) -> Array:
    """A new array of zeros."""
    return formula.fresh(shape, formula.target.dtype)


def zeros_like(formula: Formula, x: Array) -> Array:
    """A new array of zeros, dense in the order of x."""
    return like(formula, x)


def scalar(formula: Formula) -> Array:
    """scalar_tensor: one number on the device, as the gradient is."""
    return formula.fresh((), formula.names["g"].dtype)


def compare(formula: Formula, *operands: Any) -> Any:
    """A comparison or logical operation: one byte an element; of numbers alone, nothing."""
    return formula.elementwise(*operands, dtype="bool")


def where(formula: Formula, mask: Array, *choices: Any) -> Array:
    """One of two values, as the mask says."""
    dtype = promoted_dtype(*(c for c in choices if isinstance(c, Array)))
    result: Array = formula.elementwise(mask, *choices, dtype=dtype)
    return result


def masked_fill(formula: Formula, g: Array, mask: Array) -> Array:
    """A row-major copy, overwritten where the mask says (aten::masked_fill)."""
    result: Array = formula.fresh(broadcast(g.shape, mask.shape), g.dtype)
    return result


def masked_scale(formula: Formula, g: Array, mask: Array) -> Array:
    """The gradient of dropout, in the memory format that it comes in: row-major or channels-last (dropout_backward_cuda)."""
    result: Array = formula.fresh(g.shape, g.dtype, laid(g.shape, is_channels_last(g.shape, g.strides)))
    return result


def row_major(formula: Formula, *operands: Array) -> Array:
    """A contiguous gradient, whatever the layout of what it is the gradient of."""
    return formula.fresh(formula.target.shape, formula.target.dtype)


def softmax_backward(formula: Formula, g: Array, y: Array) -> Array:
    """A contiguous gradient, made before the product g * y that it is computed from (softmax_backward_cuda_out)."""
    result = formula.fresh(g.shape, formula.target.dtype)
    product: Array = formula.elementwise(g, y)
    formula.scratch(ZERO if same_layout(g.shape, product.strides, contiguous(g.shape)) else product.bytes)
    return result


def log_softmax_backward(formula: Formula, g: Array, y: Array) -> Array:
    """A contiguous gradient, by way of a contiguous copy of one that is not."""
    result = formula.fresh(g.shape, formula.target.dtype)
    formula.scratch(ZERO if same_layout(g.shape, g.strides, contiguous(g.shape)) else g.bytes)
    return result


def kept(formula: Formula, value: Array, *others: Array) -> Array:
    """The value; the others are saved for other cases of the same formula."""
    return value


def cast(formula: Formula, g: Array, dtype: str) -> Array:
    """A copy in another dtype."""
    return g if g.dtype == dtype else formula.fresh(g.shape, dtype, preserved(g.shape, g.strides))


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
        matmul,
        reshape,
        permute,
        expand,
        sum_to,
        restored,
        mean,
        count,
        evenly_distribute_backward,
        reversed_cumsum,
        cumprod_backward,
        prod_backward,
        sum_to_channels,
        narrow,
        selected,
        joined,
        repeat_backward,
        roll,
        col2im,
        im2col,
        row_major,
        zeros,
        zeros_like,
        scalar,
        compare,
        where,
        masked_fill,
        masked_scale,
        softmax_backward,
        log_softmax_backward,
        kept,
        cast,
        clone,
        overwritten,
        scattered,
    )
} | {
    "glu_backward": row_major,
    "logit_backward": row_major,
    "mse_loss_backward": row_major,
    "smooth_l1_loss_backward": row_major,
    "huber_loss_backward": row_major,
    "nll_loss_backward": row_major,
}
