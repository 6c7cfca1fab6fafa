"""Channels-last or row-major: the memory format that kernels over images read off the strides of what they are given.

Source: c10/core/MemoryFormat.h (is_channels_last_strides_2d_s4, is_channels_last_strides_3d_s5), c10/core/TensorImpl.h,
ATen/native/ConvUtils.h (cudnn_conv_suggest_memory_format); torch 2.7 and 2.13.
"""

from __future__ import annotations

from analyzer.graph import Shape, Tensor, contiguous
from analyzer.ops.layout import same_layout
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.sizes import sizes

CHANNELS_LAST = {4: (1, 3, 2, 0), 5: (1, 4, 3, 2, 0)}  # dimensions from the fastest to the slowest


def is_channels_last(shape: Shape, strides: Shape) -> bool:
    """Tensor.suggest_memory_format: whether an image or volume counts as channels-last."""
    order, here = CHANNELS_LAST.get(len(shape)), sizes()
    if order is None or strides[1] == ZERO or strides == contiguous(shape):
        return False
    least = strides[1] * shape[1]
    for dim in order[1:]:
        if here.below(strides[dim], least) or (dim == 0 and here.agree(least, strides[1])):
            return False
        least = strides[dim] * shape[dim]
    return True


def suggested(x: Tensor) -> Shape:
    """The strides of a dense tensor of x's shape in the memory format that x suggests."""
    return laid(x.shape, is_channels_last(x.shape, x.strides))


def laid(shape: Shape, channels_last: bool) -> Shape:
    """The strides of a dense tensor, row-major or channels-last."""
    if not channels_last:
        return contiguous(shape)
    strides, step = [ONE] * len(shape), ONE
    for dim in CHANNELS_LAST[len(shape)]:
        strides[dim] = step
        step = step * shape[dim]
    return tuple(strides)


def copied(x: Tensor, channels_last: bool) -> Poly:
    """Bytes of the copy that a kernel makes of an input that does not lie as it reads it."""
    return ZERO if same_layout(x.shape, x.strides, laid(x.shape, channels_last)) else x.bytes
