"""Values picked along a dimension, with where they stood: sorting, the largest and smallest, medians.

Sources: ATen/native/cuda/Sort.cpp, TensorTopK.cpp, TensorTopK.cu, Sorting.cpp, TensorCompare.cpp;
value_selecting_reduction_backward and evenly_distribute_backward in FunctionsManual.cpp; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Rule, Scratch, Spec, Tensor
from analyzer.ops.elementwise import maximum, minimum, result, statement
from analyzer.ops.layout import dimension, is_contiguous
from analyzer.ops.plan import exceeds
from analyzer.ops.reducing import reduction_scratch
from analyzer.ops.reduction import reduced
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ONE, ZERO, Poly, call
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show

INPLACE = 4096  # a dimension up to this length is sorted by one kernel
PICKED = "kept(scatter_(zeros(x.shape), restored(g, x.shape, dims)), y1)"
EVENLY = "evenly_distribute_backward(g, x, y)"


def _check_sorted(length: Poly, word: str) -> None:
    if exceeds(length, INPLACE):
        raise Refused(f"{word} over more than {INPLACE:,} elements has no rule: its scratch is CUB's", "sort shorter pieces")


@primitive
def _sort(x: Tensor, dim: int) -> Rule:
    values = result(x)
    out = (values, Spec(x.shape, "int64", values.strides))
    return Rule(out, {"x": PICKED}, scratch=(x.shape[dim] * ITEMSIZE["int64"],), constants={"dims": ()})


@op
def sort(x: Tensor, *, dim: int = -1, descending: bool = False, stable: bool = False) -> tuple[Tensor, ...]:
    """y0 = x in order along a dimension, y1 = where each stood"""
    at = dimension(dim, len(x.shape))
    _check_sorted(x.shape[at], "sort")
    y: tuple[Tensor, ...] = _sort(x, at)
    return y


@op
def argsort(x: Tensor, *, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """y = the places of x in order along a dimension"""
    values, places = sort(x, dim=dim, descending=descending, stable=stable)
    return statement(places, values)


@primitive
def _topk(x: Tensor, k: Poly, dim: int) -> Rule:
    shape = (*x.shape[:dim], k, *x.shape[dim + 1 :])
    copied = ZERO if is_contiguous(x) else x.bytes
    out = (Spec(shape, x.dtype), Spec(shape, "int64"))
    return Rule(out, {"x": PICKED}, scratch=(copied, *_topk_scratch(x, x.shape[dim])), constants={"dims": ()})


def _topk_scratch(x: Tensor, length: Poly) -> tuple[Scratch, ...]:
    """What several thread blocks that search one slice share (mbtopk): the cut, digit counts, places."""
    here = sizes()
    slices = x.elements / length
    if not _splits(slices, length):
        return ()
    blocks = call("topk_blocks", slices, length, here.device.sms)
    width = ITEMSIZE[x.dtype]
    scan = call("scan_by_key_scratch", blocks, 4, here.device.capability)
    cut = (slices * width, slices * 8, 2 * slices * (8 if width == 8 else 4))
    return (*cut, blocks * 512, slices * 1024, blocks * 4, blocks * 4, (scan,), (scan,))


def _splits(slices: Poly, length: Poly) -> bool:
    """should_use_multiblock: how long slices are split over thread blocks, by how many there are."""
    bounds = ((20, 20000), (40, 10000), (80, 8000), (199, 5000), (799, 3000), (4000, 800))
    return exceeds(length, next((enough for most, enough in bounds if not exceeds(slices, most)), 400) - 1)


@op
def topk(x: Tensor, *, k: Poly, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, ...]:
    """y0 = the k largest of x along a dimension, y1 = where they stood"""
    at = dimension(dim, len(x.shape))
    if not sizes().demand(k, "<=", x.shape[at]):
        raise Refused(f"the {k!r} largest of dimension {dim} of {show(x.shape)}")
    _check_sorted(k, "topk")
    y: tuple[Tensor, ...] = _topk(x, k, at)
    return y


@primitive
def _picked(x: Tensor, dim: int, keepdim: bool, accumulator: int) -> Rule:
    """With an accumulator of so many bytes a reduction; without one the kernels of kthvalue and median, over rows."""
    shape = reduced(x, (dim,), keepdim)
    scratch = reduction_scratch(x.shape, x.strides, (dim,), accumulator) if accumulator else ()
    copied = ZERO if accumulator or is_contiguous(x) else x.bytes
    out = (Spec(shape, x.dtype), Spec(shape, "int64"))
    return Rule(out, {"x": PICKED}, copies=(copied,), scratch=scratch, constants={"dims": (dim,)})


@op
def kthvalue(x: Tensor, *, k: Poly, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, ...]:
    """y0 = the k-th smallest of x along a dimension, y1 = where it stood"""
    y: tuple[Tensor, ...] = _picked(x, dimension(dim, len(x.shape)), keepdim, 0)
    return y


@op
def median(x: Tensor, *, dim: int, keepdim: bool = False) -> tuple[Tensor, ...]:
    """y0 = the median of x along a dimension, y1 = where it stood"""
    y: tuple[Tensor, ...] = _picked(x, dimension(dim, len(x.shape)), keepdim, 0)
    return y


@primitive
def _largest(x: Tensor) -> Rule:
    copied = ZERO if is_contiguous(x) else x.bytes
    scratch = reduction_scratch((x.elements,), (ONE,), (0,), ITEMSIZE[x.dtype])
    return Rule(Spec((), x.dtype), {"x": EVENLY}, copies=(copied,), scratch=scratch)


def _chosen(x: Tensor, other: Tensor | None, dim: int | None, keepdim: bool) -> tuple[Tensor, ...] | Tensor:
    if dim is None:
        y: Tensor = _largest(x)
        return y
    chosen: tuple[Tensor, ...] = _picked(x, dimension(dim, len(x.shape)), keepdim, 16)
    return chosen


@op
def max(x: Tensor, other: Tensor | None = None, *, dim: int | None = None, keepdim: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y0 = the largest of x along a dimension, y1 = where it stood; the largest of all without dim; maximum of two tensors"""
    larger: Tensor | tuple[Tensor, ...] = maximum(x, other) if other is not None else _chosen(x, other, dim, keepdim)
    return larger


@op
def min(x: Tensor, other: Tensor | None = None, *, dim: int | None = None, keepdim: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y0 = the smallest of x along a dimension, y1 = where it stood; the smallest of all without dim; minimum of two tensors"""
    smaller: Tensor | tuple[Tensor, ...] = minimum(x, other) if other is not None else _chosen(x, other, dim, keepdim)
    return smaller


@primitive
def _place(x: Tensor, dims: tuple[int, ...], keepdim: bool, copied: bool) -> Rule:
    if copied:
        flat = reduction_scratch((x.elements,), (ONE,), (0,), 16)
        return Rule(Spec((), "int64"), copies=(ZERO if is_contiguous(x) else x.bytes,), scratch=flat)
    return Rule(Spec(reduced(x, dims, keepdim), "int64"), scratch=reduction_scratch(x.shape, x.strides, dims, 16))


def _argument(x: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    y: Tensor = _place(x, () if dim is None else (dimension(dim, len(x.shape)),), keepdim, dim is None)
    return y


@op
def argmax(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """y = where the largest of x stands along a dimension, or in x flattened"""
    return _argument(x, dim, keepdim)


@op
def argmin(x: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """y = where the smallest of x stands along a dimension, or in x flattened"""
    return _argument(x, dim, keepdim)
