"""Sums, means and other functions of many numbers."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.graph import FLOATING, ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops.autocast import accumulation_dtype
from analyzer.ops.elementwise import floating
from analyzer.ops.layout import dimension
from analyzer.ops.reducing import partial_bytes, reduction_scratch
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ONE, ZERO, product
from analyzer.tracing import Refused


def reduced(x: Tensor, dims: Sequence[int], keepdim: bool) -> Shape:
    """The shape with dimensions reduced to 1, or left out."""
    return tuple(ONE if d in dims else s for d, s in enumerate(x.shape) if keepdim or d not in dims)


@primitive
def _mean(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, partial_bytes(x.dtype))
    out = Spec(reduced(x, dims, keepdim), floating(x))
    return Rule(out, {"x": "expand(g, x.shape, dims) / n"}, scratch=scratch, constants={"dims": dims})


@primitive
def _sum(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    counts = x.dtype not in FLOATING
    dtype = "int64" if counts else accumulation_dtype(x)
    copied = x.elements * ITEMSIZE["int64"] if counts and x.dtype != "int64" else ZERO
    scratch = reduction_scratch(x.shape, x.strides, dims, 8 if counts else partial_bytes(x.dtype))
    out = Spec(reduced(x, dims, keepdim), dtype)
    return Rule(out, {"x": "expand(g, x.shape, dims)"}, scratch=(copied, *scratch), constants={"dims": dims})


def _dims(x: Tensor, dim: list[int] | int | None) -> tuple[int, ...]:
    if dim is None:
        return tuple(range(len(x.shape)))
    return tuple(dimension(d, len(x.shape)) for d in ([dim] if isinstance(dim, int) else dim))


@op
def mean(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = Σ x / n"""
    y: Tensor = _mean(x, _dims(x, dim), keepdim)
    return y


@op
def sum(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = Σ x"""
    y: Tensor = _sum(x, _dims(x, dim), keepdim)
    return y


@primitive
def _var(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, 4 * partial_bytes(x.dtype))
    out = Spec(reduced(x, dims, keepdim), x.dtype)
    return Rule(out, {"x": "var_backward(g, x, dims)"}, scratch=scratch, constants={"dims": dims})


@primitive
def _std(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, 4 * partial_bytes(x.dtype))
    out = Spec(reduced(x, dims, keepdim), x.dtype)
    return Rule(out, {"x": "var_backward(std_to_var(g, y), x, dims)"}, scratch=scratch, constants={"dims": dims})


@op
def var(x: Tensor, *, dim: list[int] | int | None = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """y = Σ (x - mean)² / (n - correction)"""
    y: Tensor = _var(x, _dims(x, dim), keepdim)
    return y


@op
def std(x: Tensor, *, dim: list[int] | int | None = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """y = √(Σ (x - mean)² / (n - correction))"""
    y: Tensor = _std(x, _dims(x, dim), keepdim)
    return y


@primitive
def _extreme(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, ITEMSIZE[x.dtype])
    out = Spec(reduced(x, dims, keepdim), x.dtype)
    grad = "scale_grad_by_count(restored(g, x.shape, dims), compare(restored(y, x.shape, dims), x), dims)"
    return Rule(out, {"x": grad}, scratch=scratch, constants={"dims": dims})


@op
def amax(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = the largest of x"""
    y: Tensor = _extreme(x, _dims(x, dim), keepdim)
    return y


@op
def amin(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = the smallest of x"""
    y: Tensor = _extreme(x, _dims(x, dim), keepdim)
    return y


@primitive
def _any(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, ITEMSIZE["bool"])
    return Rule(Spec(reduced(x, dims, keepdim), "bool"), scratch=scratch)


@op
def any(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = whether some of x is true"""
    y: Tensor = _any(x, _dims(x, dim), keepdim)
    return y


@op
def all(x: Tensor, *, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = whether all of x is true"""
    y: Tensor = _any(x, _dims(x, dim), keepdim)
    return y


@primitive
def _logsumexp(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Rule:
    out = Spec(reduced(x, dims, keepdim), floating(x))
    rows = product(reduced(x, dims, True))
    largest = reduction_scratch(x.shape, x.strides, dims, ITEMSIZE[x.dtype])
    scratch = reduction_scratch(x.shape, x.strides, dims, partial_bytes(x.dtype))
    finite = (rows * ITEMSIZE[x.dtype], rows)
    grad = "restored(g, x.shape, dims) * exp(x - restored(y, x.shape, dims))"
    return Rule(out, {"x": grad}, copies=(rows * ITEMSIZE[x.dtype], largest, finite, x.bytes), scratch=scratch, constants={"dims": dims})


@op
def logsumexp(x: Tensor, *, dim: list[int] | int, keepdim: bool = False) -> Tensor:
    """y = ln Σ e^x"""
    y: Tensor = _logsumexp(x, _dims(x, dim), keepdim)
    return y


@primitive
def _vector_norm(x: Tensor, dims: tuple[int, ...], keepdim: bool, p: float) -> Rule:
    """linalg_vector_norm of some dimensions."""
    g, y = "restored(g, x.shape, dims)", "restored(y, x.shape, dims)"
    return _norm_rule(x, dims, keepdim, {1.0: f"sgn(x) * kept({g}, y)", 2.0: f"{g} * masked_fill_(x / {y}, compare({y}))"}[p])


@primitive
def _whole_norm(x: Tensor, dims: tuple[int, ...], p: float) -> Rule:
    """linalg_vector_norm of all of x: a scalar that yields to the dtype of x."""
    return _norm_rule(x, dims, False, {1.0: "sgn(x) * kept(g, y)", 2.0: "g * masked_fill_(x / y, compare(y))"}[p])


@primitive
def _norm_to(x: Tensor, dims: tuple[int, ...], keepdim: bool, p: float) -> Rule:
    """at::norm with a dtype: backward casts x to the gradient's (derivatives.yaml, norm.ScalarOpt_dim_dtype)."""
    g, y, wide = "restored(g, x.shape, dims)", "restored(y, x.shape, dims)", "cast(x, g.dtype)"
    return _norm_rule(x, dims, keepdim, {1.0: f"sgn({wide}) * kept({g}, y)", 2.0: f"{g} * masked_fill_({wide} / {y}, compare({y}))"}[p])


def _norm_rule(x: Tensor, dims: tuple[int, ...], keepdim: bool, gradient: str) -> Rule:
    scratch = reduction_scratch(x.shape, x.strides, dims, partial_bytes(x.dtype))
    out = Spec(reduced(x, dims, keepdim), accumulation_dtype(x))
    return Rule(out, {"x": gradient}, scratch=scratch, constants={"dims": dims})


@op
def norm(x: Tensor, *, p: float = 2.0, dim: list[int] | int | None = None, keepdim: bool = False) -> Tensor:
    """y = (Σ |x|^p)^(1/p)"""
    if p not in (1.0, 2.0):
        raise Refused(f"norm has rules for p = 1 and p = 2, not {p:g}")
    whole = dim is None and not keepdim
    y: Tensor = _whole_norm(x, _dims(x, dim), p) if whole else _vector_norm(x, _dims(x, dim), keepdim, p)
    return y


def last_norm(x: Tensor, p: float, keepdim: bool) -> Tensor:
    """The norm over the last dimension as at::norm computes it."""
    if p not in (1.0, 2.0):
        raise Refused(f"norm has rules for p = 1 and p = 2, not {p:g}")
    y: Tensor = _norm_to(x, _dims(x, -1), keepdim, p)
    return y
