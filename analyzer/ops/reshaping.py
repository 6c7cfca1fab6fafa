"""Further names for views."""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops import layout
from analyzer.ops.registry import op
from analyzer.ops.shape import _permute, expand, reshape, transpose, unflatten, view
from analyzer.polynomial import Poly
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
