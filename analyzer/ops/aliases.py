"""Other names for ops, as torch has them."""

from __future__ import annotations

from itertools import pairwise

from analyzer.graph import Tensor
from analyzer.ops import comparison, elementwise, joining, reshaping, resize, softmax, unary
from analyzer.ops.layout import dimension
from analyzer.ops.rearranging import flip
from analyzer.ops.registry import alias, op
from analyzer.ops.shape import contiguous, expand, transpose, view
from analyzer.polynomial import ONE, ZERO, Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show

for _name, _function in {
    "clip": elementwise.clamp, "absolute": unary.abs, "multiply": elementwise.mul, "subtract": elementwise.sub,
    "divide": elementwise.div, "true_divide": elementwise.div, "negative": elementwise.neg, "greater": comparison.gt,
    "greater_equal": comparison.ge, "less": comparison.lt, "less_equal": comparison.le, "not_equal": comparison.ne,
    "moveaxis": reshaping.movedim, "concat": joining.cat, "concatenate": joining.cat, "arctan": unary.atan, "fix": unary.trunc,
    "upsample": resize.interpolate,
}.items():  # fmt: skip
    alias(_name, _function)


@op
def swapaxes(x: Tensor, *, axis0: int, axis1: int) -> Tensor:
    """y = x with two dimensions exchanged"""
    y: Tensor = transpose(x, dim0=axis0, dim1=axis1)
    return y


@op
def swapdims(x: Tensor, *, dim0: int, dim1: int) -> Tensor:
    """y = x with two dimensions exchanged"""
    y: Tensor = transpose(x, dim0=dim0, dim1=dim1)
    return y


@op
def ravel(x: Tensor) -> Tensor:
    """y = x as one dimension; a copy where it is not row-major"""
    y: Tensor = view(contiguous(x), shape=[x.elements])
    return y


@op
def broadcast_to(x: Tensor, *, size: list[Poly]) -> Tensor:
    """y = x repeated along dimensions of size 1, no copy"""
    y: Tensor = expand(x, size=size)
    return y


@op
def fliplr(x: Tensor) -> Tensor:
    """y = x with its columns backwards"""
    dimension(1, len(x.shape))
    y: Tensor = flip(x, dims=[1])
    return y


@op
def flipud(x: Tensor) -> Tensor:
    """y = x with its rows backwards"""
    y: Tensor = flip(x, dims=[0])
    return y


@op
def split_with_sizes(x: Tensor, *, split_sizes: list[Poly], dim: int = 0) -> tuple[Tensor, ...]:
    """y0, y1, ... = x in pieces of several sizes along a dimension; no copy"""
    pieces: tuple[Tensor, ...] = joining.split(x, split_size=split_sizes, dim=dim)
    return pieces


@op
def Softmax2d(x: Tensor) -> Tensor:
    """y = exp(x) / Σ exp(x) over the channels of an image"""
    if len(x.shape) not in (3, 4):
        raise Refused(f"Softmax2d takes (c, h, w) or (n, c, h, w), not {show(x.shape)} from {x.origin}")
    y: Tensor = softmax.softmax(x, dim=-3)
    return y


@op
def channel_shuffle(x: Tensor, *, groups: Poly) -> Tensor:
    """y = x with the channels of its groups taken in turn"""
    if len(x.shape) < 3:
        raise Refused(f"channel_shuffle takes at least 3 dimensions, not {show(x.shape)} from {x.origin}")
    grouped = view(x, shape=[x.shape[0], groups, x.shape[1] / groups, -ONE])
    y: Tensor = view(contiguous(transpose(grouped, dim0=1, dim1=2)), shape=list(x.shape))
    return y


@op
def ChannelShuffle(x: Tensor, *, groups: Poly) -> Tensor:
    """y = x with the channels of its groups taken in turn"""
    y: Tensor = channel_shuffle(x, groups=groups)
    return y


@op
def tensor_split(x: Tensor, *, indices_or_sections: list[Poly] | Poly, dim: int = 0) -> tuple[Tensor, ...]:
    """y0, y1, ... = x in so many pieces along a dimension, the first ones longer by 1, or cut before some entries; no copy"""
    at = dimension(dim, len(x.shape))
    number = sizes().number
    if isinstance(indices_or_sections, list):
        cuts = [ZERO, *map(poly, indices_or_sections), x.shape[at]]
    else:
        count = number(indices_or_sections)
        if number(x.shape[at]) % count:
            raise Refused(f"tensor_split of {x.shape[at]!r} into {count} pieces of different sizes", "give the places to cut at")
        cuts = [x.shape[at] / count * i for i in range(count + 1)]
    pieces = [joining.slice(x, dim=at, start=start, length=end - start) for start, end in pairwise(cuts)]
    return tuple(pieces)


@op
def meshgrid(tensors: list[Tensor], *, indexing: str = "ij") -> tuple[Tensor, ...]:
    """y0, y1, ... = each vector repeated over the others' dimensions, no copy"""
    if indexing not in ("ij", "xy"):
        raise Refused(f"meshgrid has no indexing '{indexing}'", "one of: ij, xy")
    if any(len(t.shape) != 1 for t in tensors):
        raise Refused("meshgrid takes vectors")
    swapped = indexing == "xy" and len(tensors) > 1
    ordered = [tensors[1], tensors[0], *tensors[2:]] if swapped else tensors
    shape = [t.elements for t in ordered]
    grids = [expand(view(t, shape=[n if i == j else ONE for j, n in enumerate(shape)]), size=shape) for i, t in enumerate(ordered)]
    return (grids[1], grids[0], *grids[2:]) if swapped else tuple(grids)
