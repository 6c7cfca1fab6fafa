"""Convolutions with weights that are tensors of the model."""

from __future__ import annotations

from dataclasses import replace

from analyzer.graph import Tensor
from analyzer.ops import convolution, convolution_transposed
from analyzer.ops.convolution_kernels import TRANSPOSED, convolved, divided
from analyzer.ops.layout import is_contiguous
from analyzer.ops.registry import op
from analyzer.ops.spatial import batched, each, unbatched, window
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show

Each = list[Poly] | Poly


def _check(weight: Tensor, bias: Tensor | None, rank: int, channels: Poly) -> None:
    """Raises Refused for a weight or a bias of the wrong shape, or one that a kernel would copy."""
    if len(weight.shape) != rank + 2:
        raise Refused(f"a convolution over {rank} dimensions needs a weight of {rank + 2}, not {show(weight.shape)} from {weight.origin}")
    if not is_contiguous(weight):
        raise Refused(f"a convolution has no rule for a weight that is not row-major, from {weight.origin}", "- contiguous: {in: weight}")
    if bias is not None and not (len(bias.shape) == 1 and sizes().same(bias.shape[0], channels)):
        raise Refused(f"a convolution into {channels!r} channels needs a bias of that size, not {show(bias.shape)}")


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, rank: int, stride: Each, padding: Each | str, dilation: Each,
               groups: Poly) -> Tensor:  # fmt: skip
    """F.conv."""
    _check(weight, bias, rank, weight.shape[0])
    whole = batched(x, rank, f"conv{rank}d")
    moved = window(rank, list(weight.shape[2:]), stride, ZERO if isinstance(padding, str) else padding, dilation)
    if not sizes().same(divided(whole.shape[1], groups), weight.shape[1]):
        raise Refused(f"a weight {show(weight.shape)} does not fit {whole.shape[1]!r} channels in {groups!r} groups")
    before, after = convolution.around(moved, padding)
    return unbatched(convolution.same(whole, weight, bias, replace(moved, padding=before), groups, after), x)


def _transposed(x: Tensor, weight: Tensor, bias: Tensor | None, rank: int, stride: Each, padding: Each, output_padding: Each,
                groups: Poly, dilation: Each) -> Tensor:  # fmt: skip
    """F.conv_transpose."""
    channels = weight.shape[1] * groups
    _check(weight, bias, rank, channels)
    whole = batched(x, rank, f"conv_transpose{rank}d")
    moved = window(rank, list(weight.shape[2:]), stride, padding, dilation)
    if not sizes().same(whole.shape[1], weight.shape[0]):
        raise Refused(f"a weight {show(weight.shape)} does not fit {whole.shape[1]!r} channels")
    divided(whole.shape[1], groups)
    extent = convolution_transposed.extent(whole.shape[2:], moved, each(output_padding, rank, "output_padding"))
    return unbatched(convolved(whole, weight, bias, channels, extent, TRANSPOSED), x)


@op
def conv1d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k)"""
    return _convolved(x, weight, bias, 1, stride, padding, dilation, groups)


@op
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k)"""
    return _convolved(x, weight, bias, 2, stride, padding, dilation, groups)


@op
def conv3d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE) -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k, k)"""
    return _convolved(x, weight, bias, 3, stride, padding, dilation, groups)


@op
def conv_transpose1d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
                     padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                     dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k)"""
    return _transposed(x, weight, bias, 1, stride, padding, output_padding, groups, dilation)


@op
def conv_transpose2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
                     padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                     dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k, k)"""
    return _transposed(x, weight, bias, 2, stride, padding, output_padding, groups, dilation)


@op
def conv_transpose3d(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: list[Poly] | Poly = ONE,
                     padding: list[Poly] | Poly = ZERO, output_padding: list[Poly] | Poly = ZERO, groups: Poly = ONE,
                     dilation: list[Poly] | Poly = ONE) -> Tensor:  # fmt: skip
    """x = y ∗ W without b, W: (in_channels, out_channels / groups, k, k, k)"""
    return _transposed(x, weight, bias, 3, stride, padding, output_padding, groups, dilation)
