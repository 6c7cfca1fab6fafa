"""Distances and similarities of vectors, and the losses made of them."""

from __future__ import annotations

from analyzer.graph import Rule, Tensor
from analyzer.ops.comparison import eq, ne
from analyzer.ops.creation import zeros_like
from analyzer.ops.elementwise import _scalar_tensor, _where, add, clamp_min, div, mul, neg, promoted_dtype, rsub, statement, sub
from analyzer.ops.inplace import overwriting
from analyzer.ops.layout import broadcast
from analyzer.ops.loss import alike, reduced
from analyzer.ops.reduction import last_norm, norm, sum
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _expand, clone
from analyzer.polynomial import ONE, poly
from analyzer.tracing import Refused, show


@primitive
def _clamp_min_(x: Tensor) -> Rule:
    return overwriting(x, {"x": "where(compare(original), g, scalar())"})


@primitive
def _sqrt_(x: Tensor) -> Rule:
    return overwriting(x, {"x": "g / (2 * y)"})


@op
def normalize(x: Tensor, *, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """y = x / max(‖x‖, eps) along a dimension"""
    length = norm(x, p=p, dim=dim, keepdim=True)
    bounded = statement(clamp_min(length, min=eps), length)
    spread = statement(_expand(bounded, x.shape), bounded)
    y: Tensor = div(x, spread)
    return y


@op
def cosine_similarity(x: Tensor, other: Tensor, *, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = Σ x other / (‖x‖ ‖other‖) along a dimension"""
    shape = broadcast(x.shape, other.shape)
    x, other = (t if t.shape == shape else _expand(t, shape) for t in (x, other))
    lengths = []
    for vectors in (x, other):
        length = norm(vectors, dim=dim, keepdim=True)
        lengths.append(statement(clone(length), length))
    _scalar_tensor("float64" if promoted_dtype(x, other) == "float64" else "float32")  # eps
    unit = div(other, lengths[1])
    y: Tensor = sum(mul(div(x, lengths[0]), unit), dim=dim)
    return y


@op
def pairwise_distance(x: Tensor, other: Tensor, *, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """y = ‖x - other + eps‖ along the last dimension"""
    y: Tensor = last_norm(add(sub(x, other), ONE), p, keepdim)
    return y


def _dot(x: Tensor, other: Tensor, over: int) -> Tensor:
    both = mul(x, other)
    return statement(sum(both, dim=over), both)


def _square(x: Tensor, over: int) -> Tensor:
    both = mul(x, x)
    total = sum(both, dim=over)
    return statement(add(total, ONE), total, both)


@op
def cosine_embedding_loss(x: Tensor, other: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """y = mean of 1 - cos where the target is 1, and of max(0, cos - margin) where it is -1"""
    over = len(target.shape)
    if len(x.shape) != over + 1 or len(other.shape) != over + 1:
        raise Refused(
            f"a target {show(target.shape)} needs vectors with {over + 1} dimensions, not {show(x.shape)} and {show(other.shape)}"
        )
    dots, squares, others = _dot(x, other, over), _square(x, over), _square(other, over)
    product = mul(squares, others)
    cos = div(dots, statement(_sqrt_(product), product))
    zeros = zeros_like(cos)
    apart = rsub(cos, ONE)
    gap = sub(cos, ONE)
    near = statement(_clamp_min_(gap), gap)
    same, differ = eq(target, ONE), eq(target, poly(-1))
    losses = add(_where(same, apart, zeros), _where(differ, near, zeros))
    return reduced(losses, reduction)


@op
def hinge_embedding_loss(x: Tensor, target: Tensor, *, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """y = mean of x where the target is 1, and of max(0, margin - x) where it is -1"""
    alike(x, target)
    zeros = zeros_like(x)
    gap = rsub(x, ONE)
    far = statement(_clamp_min_(gap), gap)
    near, apart = ne(target, poly(-1)), ne(target, ONE)
    outside = statement(_where(apart, far, zeros), apart)
    inside = statement(_where(near, x, zeros), near)
    return reduced(add(outside, inside), reduction)


@op
def margin_ranking_loss(x: Tensor, other: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """y = mean max(0, -target (x - other) + margin)"""
    gap = sub(x, other)
    sign = neg(target)
    product = mul(sign, gap)
    unclamped = statement(add(product, ONE), product, sign, gap)
    return reduced(_clamp_min_(unclamped), reduction)


@op
def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 1.0, p: float = 2.0,
                        eps: float = 1e-6, reduction: str = "mean") -> Tensor:  # fmt: skip
    """y = mean max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin)"""
    near, far = (pairwise_distance(anchor, t, p=p, eps=eps) for t in (positive, negative))
    shifted = add(near, ONE)
    gap = sub(shifted, far)
    return reduced(statement(clamp_min(gap, min=0.0), gap, shifted), reduction)
