"""Running sums, products and extremes along a dimension, and products over one.

Sources: ATen/native/cuda/ScanUtils.cuh (scan_dim), ScanKernels.cpp, ReduceOps.cpp; cumsum_backward, cumprod_backward and
prod_backward in FunctionsManual.cpp, where no element is 0: with one they take several more tensors; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import FLOATING, ITEMSIZE, Rule, Shape, Spec, Tensor, contiguous
from analyzer.ops.autocast import accumulation_dtype
from analyzer.ops.comparison import ne
from analyzer.ops.elementwise import statement
from analyzer.ops.layout import dimension, is_contiguous, same_layout
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.ops.reduction import reduced, sum
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ZERO, Poly, call, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused


def scan_scratch(shape: Shape, strides: Shape, dtype: str, dim: int) -> tuple[Poly, ...]:
    """Bytes that a running sum or product takes: a row-major copy, and for a single row what CUB takes."""
    copied = () if same_layout(shape, strides, contiguous(shape)) else (product(shape) * ITEMSIZE[dtype],)
    single = all(sizes().is_one(s) for d, s in enumerate(shape) if d != dim)
    return (*copied, call("scan_scratch", shape[dim], ITEMSIZE[dtype])) if single else copied


def _dtype(x: Tensor) -> str:
    return accumulation_dtype(x) if x.dtype in FLOATING else "int64"


def _scanned(x: Tensor, dim: int, grad: str, single: str) -> Rule:
    dtype = _dtype(x)
    one = sizes().is_one(x.shape[dim])
    cast = x.bytes / ITEMSIZE[x.dtype] * ITEMSIZE[dtype] if dtype != x.dtype else ZERO
    scratch = scan_scratch(x.shape, x.strides, dtype, dim)
    return Rule(Spec(x.shape, dtype), {"x": single if one else grad}, scratch=(cast, *scratch), constants={"dim": dim})


@primitive
def _cumsum(x: Tensor, dim: int) -> Rule:
    return _scanned(x, dim, "reversed_cumsum(cast(g, x.dtype), dim)", "cast(g, x.dtype)")


@op
def cumsum(x: Tensor, *, dim: int) -> Tensor:
    """y[i] = x[0] + ... + x[i] along a dimension"""
    y: Tensor = _cumsum(x, dimension(dim, len(x.shape)))
    return y


@primitive
def _cumprod(x: Tensor, dim: int) -> Rule:
    return _scanned(x, dim, "cumprod_backward(cast(g, x.dtype), x, y, dim)", "kept(cast(g, x.dtype), x, y)")


@op
def cumprod(x: Tensor, *, dim: int) -> Tensor:
    """y[i] = x[0] ... x[i] along a dimension; its gradient as where no x is 0"""
    y: Tensor = _cumprod(x, dimension(dim, len(x.shape)))
    return y


@primitive
def _running(x: Tensor) -> Rule:
    copied = ZERO if is_contiguous(x) else x.bytes
    out = (Spec(x.shape, x.dtype), Spec(x.shape, "int64"))
    return Rule(out, {"x": "kept(scatter_add_(zeros(x.shape), y1, g), x)"}, scratch=(copied,))


@op
def cummax(x: Tensor, *, dim: int) -> tuple[Tensor, ...]:
    """y0[i] = the largest of x[0], ..., x[i] along a dimension, y1 = where it stood"""
    dimension(dim, len(x.shape))
    y: tuple[Tensor, ...] = _running(x)
    return y


@op
def cummin(x: Tensor, *, dim: int) -> tuple[Tensor, ...]:
    """y0[i] = the smallest of x[0], ..., x[i] along a dimension, y1 = where it stood"""
    dimension(dim, len(x.shape))
    y: tuple[Tensor, ...] = _running(x)
    return y


@primitive
def _prod(x: Tensor, dim: int, keepdim: bool) -> Rule:
    dtype = _dtype(x)
    copied = x.elements * 8 if x.dtype not in FLOATING and x.dtype != "int64" else ZERO
    scratch = reduction_scratch(x.shape, x.strides, (dim,), 8 if dtype == "int64" else partial_bytes(x.dtype))
    grad = "prod_backward(restored(g, x.shape, dims), cast(x, g.dtype), restored(y, x.shape, dims), dims)"
    return Rule(Spec(reduced(x, (dim,), keepdim), dtype), {"x": grad}, scratch=(copied, *scratch), constants={"dims": (dim,)})


@op
def prod(x: Tensor, *, dim: int, keepdim: bool = False) -> Tensor:
    """y = the product of x along a dimension; its gradient as where no x is 0"""
    y: Tensor = _prod(x, dimension(dim, len(x.shape)), keepdim)
    return y


@op
def count_nonzero(x: Tensor, *, dim: list[int] | int | None = None) -> Tensor:
    """y = how many of x are not 0"""
    if x.dtype == "bool":
        counted: Tensor = sum(x, dim=dim)
        return counted
    mask = ne(x, ZERO)
    return statement(sum(mask, dim=dim), mask)


def _looked_up(sorted_sequence: Tensor, values: Tensor, word: str) -> Tensor:
    if sorted_sequence.dtype != values.dtype:
        raise Refused(f"{word} of {values.dtype} among {sorted_sequence.dtype}", "both need one dtype")
    y: Tensor = _searchsorted(sorted_sequence, values)
    return y


@primitive
def _searchsorted(sorted_sequence: Tensor, values: Tensor) -> Rule:
    copied = tuple(t.bytes for t in (sorted_sequence, values) if not is_contiguous(t))
    return Rule(Spec(values.shape, "int64"), scratch=copied)


@op
def searchsorted(sorted_sequence: Tensor, values: Tensor, *, right: bool = False) -> Tensor:
    """y = where each value would stand in the sequence"""
    return _looked_up(sorted_sequence, values, "searchsorted")


@op
def bucketize(x: Tensor, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """y = the number of the bucket between boundaries that each x falls in"""
    return _looked_up(boundaries, x, "bucketize")
