"""Views and copies: what changes a tensor's shape or order."""

from __future__ import annotations

from analyzer import graph
from analyzer.graph import Rule, Spec, Tensor, View
from analyzer.ops import layout
from analyzer.ops.elementwise import result
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ONE, ZERO, Poly, poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@primitive
def _view(x: Tensor, shape: tuple[Poly, ...], strides: tuple[Poly, ...]) -> Rule:
    return Rule(View("x", shape, strides), {"x": "reshape(g, x.shape)"})


@primitive
def _clone(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype), {"x": "g"})


@primitive
def _copy(x: Tensor) -> Rule:
    return Rule(result(x), {"x": "g"})


@primitive
def _unsafe_view(x: Tensor, shape: tuple[Poly, ...]) -> Rule:
    return Rule(View("x", shape, graph.contiguous(shape)), {"x": "reshape(g, x.shape)"}, constants={"untracked": True})


def as_shape(x: Tensor, shape: tuple[Poly, ...]) -> Tensor:
    """Tensor.reshape: a view where the strides allow one, else a contiguous copy."""
    strides = layout.view_strides(x.shape, x.strides, shape)
    viewed: Tensor = _view(x, shape, strides) if strides is not None else unsafe_view(_clone(x), shape)
    return viewed


def unsafe_view(x: Tensor, shape: tuple[Poly, ...]) -> Tensor:
    """A reshaped alias of a fresh tensor that autograd does not count as a view."""
    made: Tensor = _unsafe_view(x, shape)
    return made


def leading_columns(x: Tensor, count: Poly) -> Tensor:
    """x[:, :count]: a view of a matrix."""
    viewed: Tensor = _view(x, (x.shape[0], count), x.strides)
    return viewed


@op
def view(x: Tensor, *, shape: list[Poly]) -> Tensor:
    """y = x with another shape, no copy"""
    target = layout.full_shape(x.elements, shape)
    strides = layout.view_strides(x.shape, x.strides, target)
    if strides is None:
        raise Refused(f"view of {show(x.shape)} as {show(target)} needs a copy", "use reshape")
    viewed: Tensor = _view(x, target, strides)
    return viewed


@op
def reshape(x: Tensor, *, shape: list[Poly]) -> Tensor:
    """y = x with another shape; a copy where strides forbid a view"""
    return as_shape(x, layout.full_shape(x.elements, shape))


@op
def flatten(x: Tensor, *, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """y = x with dimensions start to end merged"""
    first, last = layout.dimension(start_dim, len(x.shape)), layout.dimension(end_dim, len(x.shape))
    return as_shape(x, (*x.shape[:first], product(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@op
def unflatten(x: Tensor, *, dim: int, sizes: list[Poly]) -> Tensor:
    """y = x with one dimension split into several, no copy"""
    at = layout.dimension(dim, len(x.shape))
    parts = layout.full_shape(x.shape[at], sizes)
    strides = tuple(x.strides[at] * product(parts[i + 1 :]) for i in range(len(parts)))
    made: Tensor = _view(x, (*x.shape[:at], *parts, *x.shape[at + 1 :]), (*x.strides[:at], *strides, *x.strides[at + 1 :]))
    return made


@op
def Flatten(x: Tensor, *, start_dim: int = 1, end_dim: int = -1) -> Tensor:
    """y = x with dimensions start to end merged"""
    made: Tensor = flatten(x, start_dim=start_dim, end_dim=end_dim)
    return made


@primitive
def _permute(x: Tensor, dims: tuple[int, ...]) -> Rule:
    inverse = tuple(dims.index(i) for i in range(len(dims)))
    shape, strides = tuple(x.shape[d] for d in dims), tuple(x.strides[d] for d in dims)
    return Rule(View("x", shape, strides), {"x": "permute(g, inverse)"}, constants={"inverse": inverse})


@op
def permute(x: Tensor, *, dims: list[int]) -> Tensor:
    """y = x with dimensions in another order"""
    order = tuple(layout.dimension(d, len(x.shape)) for d in dims)
    if sorted(order) != list(range(len(x.shape))):
        raise Refused(f"permute needs each of the {len(x.shape)} dimensions once, not {list(dims)}")
    made: Tensor = _permute(x, order)
    return made


@op
def transpose(x: Tensor, *, dim0: int, dim1: int) -> Tensor:
    """y = x with two dimensions exchanged"""
    order = list(range(len(x.shape)))
    a, b = layout.dimension(dim0, len(order)), layout.dimension(dim1, len(order))
    order[a], order[b] = order[b], order[a]
    made: Tensor = _permute(x, tuple(order))
    return made


@op
def contiguous(x: Tensor) -> Tensor:
    """y = x in row-major order; x itself where it is"""
    copied: Tensor = x if layout.is_contiguous(x) else _clone(x)
    return copied


@op
def clone(x: Tensor) -> Tensor:
    """y = a copy of x, in its order of dimensions"""
    copied: Tensor = _copy(x)
    return copied


@op
def squeeze(x: Tensor, *, dim: int) -> Tensor:
    """y = x without a dimension of size 1"""
    at = layout.dimension(dim, len(x.shape))
    if not sizes().is_one(x.shape[at]):
        return x
    made: Tensor = _view(x, x.shape[:at] + x.shape[at + 1 :], x.strides[:at] + x.strides[at + 1 :])
    return made


@op
def unsqueeze(x: Tensor, *, dim: int) -> Tensor:
    """y = x with a new dimension of size 1"""
    at = layout.dimension(dim, len(x.shape) + 1)
    step = x.shape[at] * x.strides[at] if at < len(x.shape) else ONE
    made: Tensor = _view(x, (*x.shape[:at], ONE, *x.shape[at:]), (*x.strides[:at], step, *x.strides[at:]))
    return made


@primitive
def _expand(x: Tensor, shape: tuple[Poly, ...]) -> Rule:
    pad = len(shape) - len(x.shape)
    own = (ONE,) * pad + x.shape
    old = (ZERO,) * pad + x.strides
    strides = tuple(s if a == b else ZERO for a, b, s in zip(own, shape, old))
    return Rule(View("x", shape, strides), {"x": "sum_to(g, x.shape)"})


@op
def expand(x: Tensor, *, size: list[Poly]) -> Tensor:
    """y = x repeated along dimensions of size 1, no copy"""
    pad = len(size) - len(x.shape)
    target = tuple(x.shape[i - pad] if s == -1 else poly(s) for i, s in enumerate(size))
    if layout.broadcast(x.shape, target) != target:
        raise Refused(f"cannot expand {show(x.shape)} to {show(target)}")
    made: Tensor = _expand(x, target)
    return made


@op
def detach(x: Tensor) -> Tensor:
    """y = x, cut off from its gradient"""
    made: Tensor = _detach(x)
    return made


@primitive
def _detach(x: Tensor) -> Rule:
    return Rule(View("x", x.shape, x.strides), constants={"detached": True})
