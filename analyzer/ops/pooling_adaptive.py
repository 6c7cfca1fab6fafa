"""Pooling to a given size: averages and maxima of windows that share an input evenly.

Sources: ATen/native/cuda/AdaptiveAveragePooling.cu, AdaptiveAveragePooling3d.cu, AdaptiveMaxPooling2d.cu,
ATen/native/AdaptiveAveragePooling.cpp, AdaptiveAveragePooling3d.cpp; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor, View
from analyzer.ops.elementwise import statement
from analyzer.ops.memory_format import copied, laid
from analyzer.ops.pooling_windows import Pooling, checked, flattened, is_last, raised
from analyzer.ops.reduction import mean
from analyzer.ops.registry import op, primitive
from analyzer.ops.spatial import each
from analyzer.polynomial import ONE, Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused

Each = list[Poly] | Poly


@primitive
def _adaptive_avg_pool(x: Tensor, extent: Shape) -> Rule:
    rank = len(extent)
    last = rank == 2 and is_last(x, rank)
    shape = (*x.shape[:-rank], *extent)
    read = () if last else (("g", laid(shape, False)),)
    return Rule(
        Spec(shape, x.dtype, laid(shape, last)),
        {"x": "pooling_backward(g, x)"},
        copies=(copied(x, last),),
        constants={"pooling": Pooling(laid(x.shape, last), read)},
    )


@primitive
def _restrided(x: Tensor) -> Rule:
    return Rule(View("x", x.shape, laid(x.shape, True)), {"x": "scattered(g, x.shape)"}, constants={"untracked": True})


def average(x: Tensor, rank: int, output_size: Each) -> Tensor:
    """The averages; a single one is a mean. A length is an image of height 1."""
    checked(x, rank, f"adaptive_avg_pool{rank}d")
    extent = _extent(output_size, rank)
    if rank == 1:
        return flattened(average(raised(x), 2, [ONE, *extent]))
    if not sizes().is_one(product(extent)):
        y: Tensor = _adaptive_avg_pool(x, extent)
        return y
    single: Tensor = mean(x, dim=list(range(-rank, 0)), keepdim=True)
    return statement(_restrided(single), single) if is_last(x, rank) else single


@primitive
def _adaptive_max_pool(x: Tensor, extent: Shape) -> Rule:
    rank = len(extent)
    last = rank == 2 and is_last(x, rank)
    shape = (*x.shape[:-rank], *extent)
    out, places = Spec(shape, x.dtype, laid(shape, last)), Spec(shape, "int64", laid(shape, last), differentiable=False)
    row_major = laid(shape, False)
    read = (("g", row_major), ("y1", row_major)) if last else (("g", row_major),)
    return Rule(
        (out, places),
        {"x": "pooling_backward(g, x, y1)"},
        scratch=(out.bytes, places.bytes, x.bytes) if last else (copied(x, False),),
        constants={"pooling": Pooling(laid(x.shape, last), read, again=last)},
    )


def _maximum(x: Tensor, rank: int, output_size: Each, return_indices: bool) -> Tensor | tuple[Tensor, ...]:
    """The maxima, and their places where they are asked for."""
    checked(x, rank, f"adaptive_max_pool{rank}d")
    extent = _extent(output_size, rank)
    results = _adaptive_max_pool(raised(x), (ONE, *extent)) if rank == 1 else _adaptive_max_pool(x, extent)
    wanted = tuple(flattened(t) if rank == 1 else t for t in (results if return_indices else results[:1]))
    return wanted if return_indices else wanted[0]


def _extent(output_size: Each, rank: int) -> Shape:
    extent = each(output_size, rank, "output_size")
    if any(sizes().number(size) < 1 for size in extent):
        raise Refused(f"output_size has {min(map(sizes().number, extent))}", "expected sizes of at least 1")
    return extent


@op
def adaptive_avg_pool1d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of a length"""
    return average(x, 1, output_size)


@op
def adaptive_avg_pool2d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of an image"""
    return average(x, 2, output_size)


@op
def adaptive_avg_pool3d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of a volume"""
    return average(x, 3, output_size)


@op
def AdaptiveAvgPool1d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of a length"""
    return average(x, 1, output_size)


@op
def AdaptiveAvgPool2d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of an image"""
    return average(x, 2, output_size)


@op
def AdaptiveAvgPool3d(x: Tensor, *, output_size: list[Poly] | Poly) -> Tensor:
    """y = averages of so many windows of a volume"""
    return average(x, 3, output_size)


@op
def adaptive_max_pool1d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of a length; with return_indices also where they stand"""
    return _maximum(x, 1, output_size, return_indices)


@op
def adaptive_max_pool2d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of an image; with return_indices also where they stand"""
    return _maximum(x, 2, output_size, return_indices)


@op
def adaptive_max_pool3d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of a volume; with return_indices also where they stand"""
    return _maximum(x, 3, output_size, return_indices)


@op
def AdaptiveMaxPool1d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of a length; with return_indices also where they stand"""
    return _maximum(x, 1, output_size, return_indices)


@op
def AdaptiveMaxPool2d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of an image; with return_indices also where they stand"""
    return _maximum(x, 2, output_size, return_indices)


@op
def AdaptiveMaxPool3d(x: Tensor, *, output_size: list[Poly] | Poly, return_indices: bool = False) -> Tensor | tuple[Tensor, ...]:
    """y = maxima of so many windows of a volume; with return_indices also where they stand"""
    return _maximum(x, 3, output_size, return_indices)
