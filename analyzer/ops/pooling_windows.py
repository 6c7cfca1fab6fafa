"""What the pooling kernels share: sizes of their results, and what their backward copies.

Source: ATen/native/Pool.h (pooling_output_shape, pool2d_shape_check); torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.graph import Shape, Tensor
from analyzer.ops.memory_format import is_channels_last
from analyzer.ops.shape import squeeze, unsqueeze
from analyzer.ops.spatial import Window, fitting, positions, spread
from analyzer.polynomial import call, opened
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@dataclass(frozen=True, slots=True)
class Pooling:
    """The backward of a pooling kernel: the strides of the gradient that it makes, then those in which it reads arguments."""

    strides: Shape
    reads: tuple[tuple[str, Shape], ...]
    again: bool = False  # whether it makes the gradient once more in the other memory format


def is_last(x: Tensor, rank: int) -> bool:
    """Whether a batch of images or volumes is pooled channels-last."""
    return len(x.shape) == rank + 2 and is_channels_last(x.shape, x.strides)


def pooled(x: Tensor, moved: Window, ceil_mode: bool, what: str) -> Shape:
    """How many windows there are along each dimension. Raises Refused where the input has others, or no window fits."""
    checked(x, moved.rank, what)
    for kernel, padding in zip(moved.kernel, moved.padding):
        if 2 * sizes().number(padding) > sizes().number(kernel):
            raise Refused(f"padding {padding!r} is more than half of the kernel's {kernel!r}")
    extent = x.shape[-moved.rank :]
    if not ceil_mode:
        return positions(extent, moved)
    steps = zip(extent, moved.kernel, moved.stride, moved.padding, moved.dilation)
    out = (call("min", call("ceildiv", spread(n, k, p, d) + s, s), call("ceildiv", opened(n) + p, s)) for n, k, s, p, d in steps)
    return fitting(tuple(out), extent, moved)


def checked(x: Tensor, rank: int, what: str) -> None:
    """Raises Refused where the input has neither channels nor channels and a batch beside its extent."""
    if len(x.shape) not in (rank + 1, rank + 2):
        raise Refused(f"{what} takes {rank + 1} or {rank + 2} dimensions, its input is {show(x.shape)} from {x.origin}")


def raised(x: Tensor) -> Tensor:
    """A length as an image of height 1."""
    image: Tensor = unsqueeze(x, dim=-2)
    return image


def flattened(x: Tensor) -> Tensor:
    """An image of height 1 as a length."""
    length: Tensor = squeeze(x, dim=-2)
    return length
