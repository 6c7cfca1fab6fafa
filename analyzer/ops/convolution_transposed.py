"""Transposed convolution layers.

Sources: torch/nn/modules/conv.py (_ConvTransposeNd), ATen/native/Convolution.cpp (conv_transpose2d); torch 2.7 and 2.13.
"""

from __future__ import annotations

from analyzer.graph import Shape, Tensor
from analyzer.ops.convolution_kernels import TRANSPOSED, convolved, divided
from analyzer.ops.registry import op
from analyzer.ops.spatial import Window, batched, each, fitting, unbatched, window
from analyzer.polynomial import ONE, ZERO, Poly, call, opened
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current

Each = list[Poly] | Poly


def _layer(x: Tensor, rank: int, out_channels: Poly, kernel_size: Each, stride: Each, padding: Each, output_padding: Each,
           groups: Poly, bias: bool, dilation: Each) -> Tensor:  # fmt: skip
    """nn.ConvTranspose: its parameters, then the kernel."""
    whole = batched(x, rank, f"ConvTranspose{rank}d")
    moved = window(rank, kernel_size, stride, padding, dilation)
    divided(whole.shape[1], groups)
    weight = current().parameter("weight", (whole.shape[1], divided(out_channels, groups), *moved.kernel))
    b = current().parameter("bias", (out_channels,)) if bias else None
    out = extent(whole.shape[2:], moved, each(output_padding, rank, "output_padding"))
    return unbatched(convolved(whole, weight, b, out_channels, out, TRANSPOSED), x)


def extent(given: Shape, moved: Window, beyond: Shape) -> Shape:
    """The sizes that a convolution would make the given ones of. Raises Refused for an output_padding that says nothing."""
    for extra, step, hole in zip(beyond, moved.stride, moved.dilation):
        if sizes().number(extra) >= max(sizes().number(step), sizes().number(hole)):
            raise Refused(f"output_padding {extra!r} is not smaller than stride or dilation")
    steps = zip(given, moved.kernel, moved.stride, moved.padding, moved.dilation, beyond)
    out = tuple(call("size", opened(n) * s - s - 2 * p + d * (k - 1) + extra + 1) for n, k, s, p, d, extra in steps)
    return fitting(out, given, moved)


@op
def ConvTranspose1d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
                    padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                    bias: bool = True, dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k)"""
    return _layer(x, 1, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation)


@op
def ConvTranspose2d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
                    padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                    bias: bool = True, dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k, k)"""
    return _layer(x, 2, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation)


@op
def ConvTranspose3d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
                    padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                    bias: bool = True, dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k, k, k)"""
    return _layer(x, 3, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation)
