"""Shapes and strides as PyTorch derives them: broadcasting, TensorIterator's output order, which reshapes are views.

Source: ATen/TensorIterator.cpp (reorder_dimensions, allocate_or_resize_outputs), ATen/TensorUtils.cpp (computeStride),
ATen/ExpandUtils.cpp; torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from analyzer.graph import Shape, Tensor, contiguous
from analyzer.polynomial import ONE, ZERO, Poly, poly, product
from analyzer.sizes import remembered, sizes
from analyzer.tracing import Refused, show


def dimension(dim: int, rank: int) -> int:
    """A dimension counted from the front. Raises Refused when there is none."""
    if not -rank <= dim < rank:
        raise Refused(f"dimension {dim} of a tensor with {rank} dimensions", f"expected {-rank} to {rank - 1}")
    return dim % rank


def broadcast(*shapes: Shape) -> Shape:
    """The common shape. Raises Refused with both shapes when there is none."""
    rank = max(len(s) for s in shapes)
    result: list[Poly] = [ONE] * rank
    for shape in shapes:
        for i, size in enumerate(shape, rank - len(shape)):
            result[i] = _common(result[i], size, shapes)
    return tuple(result)


def _common(a: Poly, b: Poly, shapes: tuple[Shape, ...]) -> Poly:
    tracer = sizes()
    if a == b or b == ONE:
        return a
    if a == ONE:
        return b
    if tracer.number(a) == tracer.number(b) and tracer.same(a, b):
        return a
    if tracer.number(b) == 1 and tracer.is_one(b):
        return a
    if tracer.number(a) == 1 and tracer.is_one(a):
        return b
    raise Refused(f"shapes {' and '.join(show(s) for s in shapes)} do not fit together: {a!r} is not {b!r}")


def is_contiguous(tensor: Tensor) -> bool:
    """Whether the elements lie in row-major order without gaps; sizes of 1 do not matter."""
    return same_layout(tensor.shape, tensor.strides, contiguous(tensor.shape))


def same_layout(shape: Shape, a: Shape, b: Shape) -> bool:
    """Whether two stride tuples mean the same places, sizes of 1 left out."""
    return all(x == y or sizes().is_one(size) for size, x, y in zip(shape, a, b))


@remembered
def is_dense(shape: Shape, strides: Shape) -> bool:
    """Whether the elements fill their place without gaps, in some order of the dimensions (Tensor.is_non_overlapping_and_dense)."""
    here = sizes()
    order = sorted(range(len(shape)), key=lambda d: (here.number(strides[d]), here.number(shape[d])))
    if _filled([shape[d] for d in order]) == [strides[d] for d in order]:
        return True
    wide = [d for d in order if not here.is_one(shape[d])]
    if all(map(here.agree, (strides[d] for d in wide), _filled([shape[d] for d in wide]))):
        return True
    for a, b in pairwise(wide):  # in this order they leave gaps
        here.below(strides[a], strides[b])
    return False


def _filled(extents: Sequence[Poly]) -> list[Poly]:
    """The strides of dimensions without gaps, from the fastest on."""
    return [product(extents[:i]) for i in range(len(extents))]


def elementwise_strides(shape: Shape, operands: Sequence[tuple[Shape, Shape]]) -> Shape:
    """Strides of a new elementwise result of `shape`, given each operand's (shape, strides)."""
    if all(strides == contiguous(own) for own, strides in operands):  # broadcast or not, and whatever sizes are 1
        return contiguous(shape)
    return _elementwise_strides(shape, tuple(operands))


@remembered
def _elementwise_strides(shape: Shape, operands: Sequence[tuple[Shape, Shape]]) -> Shape:
    aligned = []
    for own, strides in operands:
        steps = [ZERO if step == ZERO or sizes().is_one(size) else step for size, step in zip(own, strides)]
        aligned.append([ZERO] * (len(shape) - len(own)) + steps)
    return _laid(shape, _iteration_order(shape, aligned))


def preserved(shape: Shape, strides: Shape) -> Shape:
    """The strides of a cast: those of a dense tensor, else without gaps in their order.

    Source: ATen/native/TensorConversions.cpp (_to_copy), ATen/ExpandUtils.cpp (infer_dense_strides).
    """
    if is_dense(shape, strides):
        return strides
    return _laid(shape, _iteration_order(shape, [strides]))


def _laid(shape: Shape, order: Sequence[int]) -> Shape:
    """Strides without gaps, by dimensions from the fastest on."""
    strides, steps = [ONE] * len(shape), _filled([shape[d] for d in order])
    for dim, step in zip(order, steps):
        strides[dim] = step
    return tuple(strides)


def _iteration_order(extents: Shape, aligned: Sequence[Sequence[Poly]]) -> list[int]:
    """Dimensions from the fastest to the slowest, by PyTorch's insertion sort over the operands' strides."""
    order = list(range(len(extents) - 1, -1, -1))
    for i in range(1, len(order)):
        upper = i
        for lower in range(i - 1, -1, -1):
            verdict = _should_swap(order[lower], order[upper], aligned, extents)
            if verdict > 0:
                order[lower], order[upper] = order[upper], order[lower]
                upper = lower
            elif verdict < 0:
                break
    return order


def _should_swap(a: int, b: int, operands: Sequence[Sequence[Poly]], extents: Shape) -> int:
    below = sizes().below
    for steps in operands:
        if steps[a] == ZERO or steps[b] == ZERO:
            continue
        if below(steps[a], steps[b]):
            return -1
        if below(steps[b], steps[a]) or below(extents[b], extents[a]):
            return 1
    return 0


def full_shape(tensor_elements: Poly, wanted: Sequence[Poly | int]) -> Shape:
    """A shape with its -1 filled in. Raises Refused when the sizes do not multiply up."""
    known = [poly(s) for s in wanted]
    free = [i for i, s in enumerate(known) if s == -1]
    if len(free) > 1:
        raise Refused("only one size may be -1")
    if free:
        rest = product(s for s in known if s != -1)
        known[free[0]] = tensor_elements / rest
    if not sizes().same(product(known), tensor_elements):
        raise Refused(f"cannot shape {tensor_elements!r} elements as {show(tuple(known))}")
    return tuple(known)


@remembered
def view_strides(shape: Shape, strides: Shape, target: Shape) -> Shape | None:
    """Strides of a view with another shape, or None where the data would have to be copied."""
    one, same = sizes().is_one, sizes().agree
    if not shape:
        return (ONE,) * len(target)
    result: list[Poly] = [ZERO] * len(target)
    at = len(target) - 1
    base, chunk, viewed = strides[-1], ONE, ONE
    for d in range(len(shape) - 1, -1, -1):
        chunk = chunk * shape[d]
        if d == 0 or (not one(shape[d - 1]) and not same(strides[d - 1], chunk * base)):
            while at >= 0 and (not same(viewed, chunk) or one(target[at])):
                result[at] = viewed * base
                viewed = viewed * target[at]
                at -= 1
            if not same(viewed, chunk):
                return None
            if d > 0:
                base, chunk, viewed = strides[d - 1], ONE, ONE
    return tuple(result) if at == -1 else None
