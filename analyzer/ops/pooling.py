"""Pooling by the maximum of a window. The kernels always make the indices of the maxima, eight bytes for each.

Sources: ATen/native/cuda/DilatedMaxPool2d.cu, DilatedMaxPool3d.cu, ATen/native/Pooling.cpp, MaxPooling.cpp; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.memory_format import copied, laid
from analyzer.ops.pooling_windows import Pooling, flattened, is_last, pooled, raised
from analyzer.ops.registry import op, primitive
from analyzer.ops.spatial import window
from analyzer.polynomial import ONE, ZERO, Poly

Each = list[Poly] | Poly


@primitive
def _max_pool_with_indices(x: Tensor, extent: Shape) -> Rule:
    last = is_last(x, len(extent))
    shape = (*x.shape[: -len(extent)], *extent)
    strides = laid(x.shape, last)
    read = ("x", "g") if len(extent) == 2 else ("g",)
    back = Pooling(strides, tuple((name, laid(x.shape if name == "x" else shape, last)) for name in read))
    return Rule(
        (Spec(shape, x.dtype, laid(shape, last)), Spec(shape, "int64", laid(shape, last), differentiable=False)),
        {"x": "pooling_backward(g, x, y1)"},
        scratch=(copied(x, last),),
        constants={"pooling": back},
    )


def _max_pool(x: Tensor, rank: int, kernel_size: Each, stride: Each | None, padding: Each, dilation: Each, ceil_mode: bool,
              return_indices: bool) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """The maxima, and their places where they are asked for; a length is an image of height 1."""
    moved = window(rank, kernel_size, kernel_size if stride is None else stride, padding, dilation)
    image = raised(x) if rank == 1 else x
    extent = pooled(x, moved, ceil_mode, f"max_pool{rank}d")
    results = _max_pool_with_indices(image, (ONE, *extent) if rank == 1 else extent)
    wanted = tuple(flattened(t) if rank == 1 else t for t in (results if return_indices else results[:1]))
    return wanted if return_indices else wanted[0]


@op
def max_pool1d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               dilation: list[Poly] | Poly = ONE, ceil_mode: bool = False,
               return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of a length; with return_indices also where they stand"""
    return _max_pool(x, 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op
def max_pool2d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               dilation: list[Poly] | Poly = ONE, ceil_mode: bool = False,
               return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of an image; with return_indices also where they stand"""
    return _max_pool(x, 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op
def max_pool3d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               dilation: list[Poly] | Poly = ONE, ceil_mode: bool = False,
               return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of a volume; with return_indices also where they stand"""
    return _max_pool(x, 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op
def MaxPool1d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              dilation: list[Poly] | Poly = ONE, return_indices: bool = False,
              ceil_mode: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of a length; with return_indices also where they stand"""
    return _max_pool(x, 1, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op
def MaxPool2d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              dilation: list[Poly] | Poly = ONE, return_indices: bool = False,
              ceil_mode: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of an image; with return_indices also where they stand"""
    return _max_pool(x, 2, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op
def MaxPool3d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              dilation: list[Poly] | Poly = ONE, return_indices: bool = False,
              ceil_mode: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the largest value of every window of a volume; with return_indices also where they stand"""
    return _max_pool(x, 3, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
