"""The inverse of pooling by the maximum.

Source: ATen/native/cuda/MaxUnpooling.cu, torch/csrc/autograd/FunctionsManual.cpp (max_pool_double_backward); torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.memory_format import copied
from analyzer.ops.pooling_windows import flattened, raised
from analyzer.ops.registry import op, primitive
from analyzer.ops.spatial import Window, window
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.tracing import Refused

Each = list[Poly] | Poly


@primitive
def _max_unpool(x: Tensor, indices: Tensor, extent: Shape) -> Rule:
    shape = (*x.shape[: -len(extent)], *extent)
    copies = tuple(copied(t, False) for t in (x, indices))
    return Rule(Spec(shape, x.dtype), {"x": "max_unpool_backward(g, indices)"}, scratch=copies)


def _unpooled(x: Tensor, indices: Tensor, rank: int, kernel_size: Each, stride: Each | None, padding: Each,
              output_size: list[Poly] | None) -> Tensor:  # fmt: skip
    """Zeros with the values of x where the indices say."""
    if indices.dtype != "int64" or len(indices.shape) != len(x.shape) or len(x.shape) not in (rank + 1, rank + 2):
        raise Refused(f"max_unpool{rank}d takes values and the indices that max_pool{rank}d gave with them")
    moved = window(rank, kernel_size, kernel_size if stride is None else stride, padding, ONE)
    extent = tuple(output_size[-rank:]) if output_size else _reached(x.shape[-rank:], moved)
    if rank > 1:
        y: Tensor = _max_unpool(x, indices, extent)
        return y
    return flattened(_max_unpool(raised(x), raised(indices), (ONE, *extent)))


def _reached(extent: Shape, moved: Window) -> Shape:
    steps = zip(extent, moved.kernel, moved.stride, moved.padding)
    return tuple((n - 1) * s - 2 * p + k for n, k, s, p in steps)


@op
def max_unpool1d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                 padding: list[Poly] | Poly = ZERO, output_size: list[Poly] | None = None) -> Tensor:  # fmt: skip
    """y = x at the indices that max_pool1d gave, and zeros"""
    return _unpooled(x, indices, 1, kernel_size, stride, padding, output_size)


@op
def max_unpool2d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                 padding: list[Poly] | Poly = ZERO, output_size: list[Poly] | None = None) -> Tensor:  # fmt: skip
    """y = x at the indices that max_pool2d gave, and zeros"""
    return _unpooled(x, indices, 2, kernel_size, stride, padding, output_size)


@op
def max_unpool3d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                 padding: list[Poly] | Poly = ZERO, output_size: list[Poly] | None = None) -> Tensor:  # fmt: skip
    """y = x at the indices that max_pool3d gave, and zeros"""
    return _unpooled(x, indices, 3, kernel_size, stride, padding, output_size)


@op
def MaxUnpool1d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                padding: list[Poly] | Poly = ZERO) -> Tensor:  # fmt: skip
    """y = x at the indices that MaxPool1d gave, and zeros"""
    return _unpooled(x, indices, 1, kernel_size, stride, padding, None)


@op
def MaxUnpool2d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                padding: list[Poly] | Poly = ZERO) -> Tensor:  # fmt: skip
    """y = x at the indices that MaxPool2d gave, and zeros"""
    return _unpooled(x, indices, 2, kernel_size, stride, padding, None)


@op
def MaxUnpool3d(x: Tensor, indices: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
                padding: list[Poly] | Poly = ZERO) -> Tensor:  # fmt: skip
    """y = x at the indices that MaxPool3d gave, and zeros"""
    return _unpooled(x, indices, 3, kernel_size, stride, padding, None)
