"""Sizes of windows that move over lengths, images and volumes, for convolutions and pooling."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.graph import Shape, Tensor
from analyzer.ops.shape import squeeze, unsqueeze
from analyzer.polynomial import ONE, Call, Poly, call, opened, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@dataclass(frozen=True, slots=True)
class Window:
    """How a window moves: a value for each of its dimensions."""

    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape

    @property
    def rank(self) -> int:
        """How many dimensions it moves along."""
        return len(self.kernel)


def each(value: list[Poly] | Poly, rank: int, what: str) -> Shape:
    """A value for each dimension, or one for all. Raises Refused for another number of values."""
    values = value if isinstance(value, list) else [value] * rank
    if len(values) != rank:
        raise Refused(f"{what} needs 1 or {rank} values, not {len(values)}")
    return tuple(poly(v) for v in values)


def window(rank: int, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly, padding: list[Poly] | Poly,
           dilation: list[Poly] | Poly) -> Window:  # fmt: skip
    """A window by its arguments. Raises Refused for values out of range."""
    given = (("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    for name, value, least in given:
        for size in each(value, rank, name):
            if sizes().number(size) < least:
                raise Refused(f"{name} cannot be {sizes().number(size)}", f"expected at least {least}")
    return Window(*(each(value, rank, name) for name, value, _ in given))


def spread(size: Poly, kernel: Poly, padding: Poly, dilation: Poly) -> Poly:
    """How far a window can move along a dimension: the padded size without one window."""
    return opened(size) + 2 * padding - dilation * (kernel - 1) - 1


def positions(extent: Shape, moved: Window) -> Shape:
    """How many places the window has along each dimension. Raises Refused where it does not fit."""
    steps = zip(extent, moved.kernel, moved.stride, moved.padding, moved.dilation)
    return fitting(tuple(call("size", (spread(n, k, p, d) + s) // s) for n, k, s, p, d in steps), extent, moved)


def fitting(out: Shape, extent: Shape, moved: Window) -> Shape:
    """The sizes of a result. Raises Refused where one is less than 1."""
    if not all(positive(size) for size in out):
        raise Refused(f"a kernel of {show(moved.kernel)} does not fit into {show(extent)}")
    return out


def positive(size: Poly) -> bool:
    """Whether a size is at least 1; a decision that depends on symbols is written down, as a bound of what is rounded."""
    whole = opened(size)
    atom = next(iter(whole.atoms), "") if len(whole.terms) == 1 else ""
    if isinstance(atom, Call) and atom.name == "floordiv" and whole.terms.get(((atom, 1),), 0) >= 1:
        above, below = atom.args
        return sizes().demand(above, ">=", below)
    return sizes().demand(whole, ">=", 1)


def batched(x: Tensor, rank: int, what: str) -> Tensor:
    """x with a batch dimension: a view of a single sample. Raises Refused for another number of dimensions."""
    if len(x.shape) not in (rank + 1, rank + 2):
        raise Refused(f"{what} takes {rank + 1} or {rank + 2} dimensions, its input is {show(x.shape)} from {x.origin}")
    single: Tensor = unsqueeze(x, dim=0) if len(x.shape) == rank + 1 else x
    return single


def unbatched(y: Tensor, x: Tensor) -> Tensor:
    """y without its batch dimension where x has none."""
    single: Tensor = squeeze(y, dim=0) if len(y.shape) > len(x.shape) else y
    return single


def as_image(shape: Shape, strides: Shape) -> tuple[Shape, Shape]:
    """Shape and strides of a batch of lengths seen as images of height 1 (view1d_as_2d)."""
    return (*shape[:2], ONE, shape[2]), (*strides[:2], shape[2] * strides[2], strides[2])
