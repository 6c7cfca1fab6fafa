"""Convolution layers, with the padding that they do themselves.

Sources: torch/nn/modules/conv.py, ATen/native/Convolution.cpp (_convolution_same); torch 2.7 and 2.13.
"""

from __future__ import annotations

from dataclasses import replace

from analyzer.graph import Shape, Tensor
from analyzer.ops.convolution_kernels import convolved, divided, kernel_of
from analyzer.ops.padding import pad
from analyzer.ops.registry import op
from analyzer.ops.spatial import Window, batched, positions, unbatched, window
from analyzer.polynomial import ONE, ZERO, Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current

Each = list[Poly] | Poly
MODES = ("zeros", "reflect", "replicate", "circular")


def _layer(x: Tensor, rank: int, out_channels: Poly, kernel_size: Each, stride: Each, padding: Each | str, dilation: Each,
           groups: Poly, bias: bool, padding_mode: str) -> Tensor:  # fmt: skip
    """nn.Conv: its parameters, what it pads itself, then the kernel."""
    if padding_mode not in MODES:
        raise Refused(f"padding_mode '{padding_mode}' has no rule", f"one of: {', '.join(MODES)}")
    whole = batched(x, rank, f"Conv{rank}d")
    moved = window(rank, kernel_size, stride, ZERO if isinstance(padding, str) else padding, dilation)
    divided(out_channels, groups)
    weight = current().parameter("weight", (out_channels, divided(whole.shape[1], groups), *moved.kernel))
    b = current().parameter("bias", (out_channels,)) if bias else None
    before, after = around(moved, padding)
    if padding_mode == "zeros":
        y = same(whole, weight, b, replace(moved, padding=before), groups, after)
    else:
        padded = _padded(whole, before, after, padding_mode)
        y = _plain(padded, weight, b, replace(moved, padding=(ZERO,) * rank), groups)
    return unbatched(y, x)


def _plain(x: Tensor, weight: Tensor, bias: Tensor | None, moved: Window, groups: Poly) -> Tensor:
    return convolved(x, weight, bias, weight.shape[0], positions(x.shape[2:], moved), kernel_of(x, weight, moved, groups))


def same(x: Tensor, weight: Tensor, bias: Tensor | None, moved: Window, groups: Poly, after: Shape) -> Tensor:
    """Where more is padded behind than before, a padded copy is made first, before autocast."""
    beyond = tuple(z - a for a, z in zip(moved.padding, after))
    if not any(sizes().number(size) for size in beyond):
        return _plain(x, weight, bias, moved, groups)
    return _plain(_padded(x, (ZERO,) * moved.rank, beyond, "constant"), weight, bias, moved, groups)


def around(moved: Window, padding: Each | str) -> tuple[Shape, Shape]:
    """Entries before and behind, for each dimension. Raises Refused for `same` with a stride."""
    if padding != "same":
        return moved.padding, moved.padding
    if any(sizes().number(s) != 1 for s in moved.stride):
        raise Refused("padding: same has no meaning with a stride", "give padding as a number")
    whole = [d * (k - 1) for k, d in zip(moved.kernel, moved.dilation)]
    before = tuple(w // 2 for w in whole)
    return before, tuple(w - b for w, b in zip(whole, before))


def _padded(x: Tensor, before: Shape, after: Shape, mode: str) -> Tensor:
    """F.pad, which counts from the last dimension."""
    pads = [p for a, z in zip(reversed(before), reversed(after)) for p in (a, z)]
    padded: Tensor = pad(x, pad=pads, mode=mode)
    return padded


@op
def Conv1d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE,
           bias: bool = True, padding_mode: str = "zeros") -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k)"""
    return _layer(x, 1, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)


@op
def Conv2d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE,
           bias: bool = True, padding_mode: str = "zeros") -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k)"""
    return _layer(x, 2, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)


@op
def Conv3d(x: Tensor, *, out_channels: Poly, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly = ONE,
           padding: list[Poly] | Poly | str = ZERO, dilation: list[Poly] | Poly = ONE, groups: Poly = ONE,
           bias: bool = True, padding_mode: str = "zeros") -> Tensor:  # fmt: skip
    """y = x ∗ W + b, W: (out_channels, in_channels / groups, k, k, k)"""
    return _layer(x, 3, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)
