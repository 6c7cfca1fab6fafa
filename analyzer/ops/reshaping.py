"""Further names for views."""

from __future__ import annotations

from analyzer.graph import Rule, Tensor, View
from analyzer.ops import layout
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _permute, expand, reshape, transpose, unflatten, view
from analyzer.polynomial import Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@op
def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """y = x repeated to the shape of other, no copy"""
    made: Tensor = expand(x, size=list(other.shape))
    return made


@op
def view_as(x: Tensor, other: Tensor) -> Tensor:
    """y = x with the shape of other, no copy"""
    made: Tensor = view(x, shape=list(other.shape))
    return made


@op
def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """y = x with the shape of other; a copy where strides forbid a view"""
    made: Tensor = reshape(x, shape=list(other.shape))
    return made


@op
def t(x: Tensor) -> Tensor:
    """y = x transposed; a matrix"""
    if len(x.shape) > 2:
        raise Refused(f"t transposes a matrix, not {show(x.shape)}", "use transpose")
    made: Tensor = transpose(x, dim0=0, dim1=1) if len(x.shape) == 2 else x
    return made


@op
def movedim(x: Tensor, *, source: list[int], destination: list[int]) -> Tensor:
    """y = x with dimensions moved to other places"""
    rank = len(x.shape)
    taken, places = ([layout.dimension(d, rank) for d in dims] for dims in (source, destination))
    if len(set(taken)) != len(source) or len(set(places)) != len(destination) or len(taken) != len(places):
        raise Refused(f"movedim cannot move dimensions {source} to {destination}")
    order = [d for d in range(rank) if d not in taken]
    for place, dim in sorted(zip(places, taken)):
        order.insert(place, dim)
    made: Tensor = _permute(x, tuple(order))
    return made


@op
def Identity(x: Tensor) -> Tensor:
    """y = x"""
    return x


@op
def Unflatten(x: Tensor, *, dim: int, unflattened_size: list[Poly]) -> Tensor:
    """y = x with one dimension split into several, no copy"""
    made: Tensor = unflatten(x, dim=dim, sizes=unflattened_size)
    return made


@primitive
def _diagonal(x: Tensor, shape: tuple[Poly, ...], strides: tuple[Poly, ...]) -> Rule:
    return Rule(View("x", shape, strides), {"x": "copy_(zeros(x.shape), g)"})


@op
def diagonal(x: Tensor, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """y = the entries of x at equal places in two dimensions, which become the last one; no copy"""
    a, b = (layout.dimension(d, len(x.shape)) for d in (dim1, dim2))
    if a == b or offset or not sizes().same(x.shape[a], x.shape[b]):
        raise Refused(f"diagonal has a rule for the main one of a square, not of {show(x.shape)} along {dim1} and {dim2} at {offset}")
    rest = [d for d in range(len(x.shape)) if d not in (a, b)]
    shape, strides = (*(x.shape[d] for d in rest), x.shape[a]), (*(x.strides[d] for d in rest), x.strides[a] + x.strides[b])
    y: Tensor = _diagonal(x, shape, strides)
    return y
