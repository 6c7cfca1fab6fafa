"""Which operands of a matrix product are copied before cuBLAS reads them.

Sources: ATen/native/cuda/cuBlasCommonArgs.h (prepare_matrix_for_cublas), ATen/native/cuda/Blas.cpp
(prepare_batch_matrix_for_cublas, bmm_out_cuda_impl, addmv_out_cuda); torch 2.7 and 2.13.
"""

from __future__ import annotations

from typing import Protocol

from analyzer.graph import Shape, contiguous
from analyzer.ops.layout import is_dense, same_layout
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.sizes import sizes

Copies = tuple[Poly, ...]  # in the order they are made: cuBLAS takes the right operand first, its matrices are column-major


class Strided(Protocol):
    """A tensor of the trace, or an array of the simulation."""

    @property
    def shape(self) -> Shape: ...
    @property
    def strides(self) -> Shape: ...
    @property
    def bytes(self) -> Poly: ...


def mm_copies(left: Strided, right: Strided) -> Copies:
    """Bytes of the copies that a product of two matrices makes of its operands."""
    return tuple(x.bytes for x in (right, left) if not (is_dense(x.shape, x.strides) or _has_leading_dimension(x)))


def bmm_copies(left: Strided, right: Strided) -> Copies:
    """Bytes of the copies that a batch of products makes of its operands."""
    rows, inner, columns = left.shape[1], left.shape[2], right.shape[2]
    if sizes().is_one(right.shape[2]):
        fits = _fits(left, 1, rows, inner), _fits(right, 1, inner, columns)
    else:
        fits = _fits(left, 2, inner, rows), _fits(right, 2, columns, inner)
    return tuple(x.bytes for x, fit in zip((right, left), reversed(fits)) if not fit)


def mv_copies(matrix: Strided, vector: Strided) -> Copies:
    """Bytes of the copies that a product of a matrix and a vector makes of its operands."""
    return tuple(x.bytes for x, fit in ((matrix, _has_leading_dimension(matrix)), (vector, vector.strides[0])) if not fit)


def _has_leading_dimension(x: Strided) -> bool:
    """Whether one stride of the matrix is 1 and the other steps over whole rows or columns."""
    return _is_readable(x, ((0, 1, x.shape[0]), (1, 0, x.shape[1])))


def _fits(x: Strided, fast: int, m: Poly, n: Poly) -> bool:
    """prepare_batch_matrix_for_cublas: whether the matrices can be read in place; `fast` is the dimension read first."""
    slow = 3 - fast
    if _is_readable(x, ((fast, slow, m), (slow, fast, n))):
        return True
    return bool(x.strides[1]) and bool(x.strides[2]) and same_layout(x.shape, x.strides, contiguous(x.shape))


def _is_readable(x: Strided, ways: tuple[tuple[int, int, Poly], ...]) -> bool:
    """Whether one stride is 1 and the other steps over a length, in one of two ways; first asked is what no value decides."""
    here = sizes()
    ordered = sorted(ways, key=lambda way: x.strides[way[0]] != ONE)
    return any(here.is_one(x.strides[a]) and x.strides[b] != ZERO and not here.below(x.strides[b], length) for a, b, length in ordered)
