"""Parts of tensors, and tensors put together."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor, View
from analyzer.ops import layout
from analyzer.ops.elementwise import promoted_dtype
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _clone, _expand, as_shape, unsqueeze
from analyzer.polynomial import ONE, ZERO, Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@primitive
def _cat(x: list[Tensor], dim: int) -> Rule:
    extents = [t.shape[dim] for t in x]
    shape = (*x[0].shape[:dim], sum(extents, ZERO), *x[0].shape[dim + 1 :])
    starts = [sum(extents[:i], ZERO) for i in range(len(x))]
    grads = {f"x{i}": f"narrow(g, dim, start{i}, x{i}.shape)" for i in range(len(x))}
    constants = {"dim": dim} | {f"start{i}": start for i, start in enumerate(starts)}
    return Rule(Spec(shape, promoted_dtype(*x)), grads, constants=constants)


@op
def cat(tensors: list[Tensor], *, dim: int = 0) -> Tensor:
    """y = the tensors one after another along a dimension"""
    at = layout.dimension(dim, len(tensors[0].shape))
    for other in tensors[1:]:
        rest = [i for i in range(len(tensors[0].shape)) if i != at]
        if len(other.shape) != len(tensors[0].shape) or not all(sizes().same(other.shape[i], tensors[0].shape[i]) for i in rest):
            raise Refused(f"cannot concatenate {show(tensors[0].shape)} and {show(other.shape)} along dimension {dim}")
    joined: Tensor = _cat(tensors, at)
    return joined


@primitive
def _stack(x: list[Tensor], dim: int) -> Rule:
    shape = (*x[0].shape[:dim], poly(len(x)), *x[0].shape[dim:])
    return Rule(Spec(shape, promoted_dtype(*x)), {f"x{i}": "selected(g, dim)" for i in range(len(x))}, constants={"dim": dim})


@op
def stack(tensors: list[Tensor], *, dim: int = 0) -> Tensor:
    """y = the tensors, all of one shape, one after another along a new dimension"""
    for other in tensors[1:]:
        if len(other.shape) != len(tensors[0].shape) or not all(map(sizes().same, other.shape, tensors[0].shape)):
            raise Refused(f"cannot stack {show(tensors[0].shape)} and {show(other.shape)}", "one shape")
    stacked: Tensor = _stack(tensors, layout.dimension(dim, len(tensors[0].shape) + 1))
    return stacked


@primitive
def _narrow(x: Tensor, dim: int, length: Poly, step: Poly) -> Rule:
    shape, strides = _part(x, dim, length), (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :])
    return Rule(View("x", shape, strides), {"x": "copy_(zeros(x.shape), g)"})


def _part(x: Tensor, dim: int, length: Poly) -> tuple[Poly, ...]:
    return (*x.shape[:dim], length, *x.shape[dim + 1 :])


@op
def slice(x: Tensor, *, dim: int = 0, start: Poly = ZERO, length: Poly, step: Poly = ONE) -> Tensor:
    """y = `length` entries of x along a dimension, every `step`-th from `start`; no copy"""
    at = layout.dimension(dim, len(x.shape))
    _within(x, at, start + (length - 1) * step + 1)
    part: Tensor = _narrow(x, at, length, step)
    return part


def _within(x: Tensor, dim: int, end: Poly) -> None:
    if sizes().number(end) < 1 or not sizes().demand(end, "<=", x.shape[dim]):
        raise Refused(f"entries up to {end!r} of dimension {dim} of {show(x.shape)}")


@op
def narrow(x: Tensor, *, dim: int, start: Poly, length: Poly) -> Tensor:
    """y = `length` entries of x along a dimension, from `start`; no copy"""
    part: Tensor = slice(x, dim=dim, start=start, length=length)
    return part


@primitive
def _select(x: Tensor, dim: int) -> Rule:
    shape, strides = x.shape[:dim] + x.shape[dim + 1 :], x.strides[:dim] + x.strides[dim + 1 :]
    return Rule(View("x", shape, strides), {"x": "copy_(zeros(x.shape), g)"})


@op
def select(x: Tensor, *, dim: int, index: int) -> Tensor:
    """y = x[..., index, ...] along a dimension; no copy"""
    part: Tensor = _select(x, layout.dimension(dim, len(x.shape)))
    return part


@primitive
def _split(x: Tensor, dim: int, lengths: tuple[Poly, ...]) -> Rule:
    parts = tuple(_part(x, dim, length) for length in lengths)
    names = ", ".join(f"g{i}" for i in range(len(parts)))
    return Rule(tuple(View("x", part, x.strides) for part in parts), {"x": f"joined(x.shape, parts, {names})"}, constants={"parts": parts})


@op
def split(x: Tensor, *, split_size: list[Poly] | Poly, dim: int = 0) -> tuple[Tensor, ...]:
    """y0, y1, ... = x in pieces of a size, or of several, along a dimension; no copy"""
    at = layout.dimension(dim, len(x.shape))
    if isinstance(split_size, list):
        lengths = tuple(poly(size) for size in split_size)
        if not sizes().same(sum(lengths, ZERO), x.shape[at]):
            raise Refused(f"pieces {show(lengths)} do not make up dimension {at} of {show(x.shape)}")
    else:
        lengths = _even(x.shape[at], split_size)
    pieces: tuple[Tensor, ...] = _split(x, at, lengths)
    return pieces


def _even(whole: Poly, piece: Poly) -> tuple[Poly, ...]:
    """Pieces of one size, the last one smaller where they do not fit; how many is decided at the bound values."""
    here = sizes()
    count = -(-here.number(whole) // here.number(piece))
    if here.number(whole) == count * here.number(piece) and here.same(whole, piece * count):
        return (piece,) * count
    here.assume(whole, ">=", piece * (count - 1) + 1)
    here.assume(whole, "<=", piece * count - 1)
    return (*(piece,) * (count - 1), whole - piece * (count - 1))


@op
def chunk(x: Tensor, *, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """y0, y1, ... = x in so many pieces along a dimension; no copy"""
    at = layout.dimension(dim, len(x.shape))
    number, whole = sizes().number(x.shape[at]), x.shape[at]
    piece = whole / chunks if number % chunks == 0 else poly(-(-number // chunks))
    if number % chunks == 0 and whole.constant is None:
        sizes().same(whole % poly(chunks), ZERO)
    elif whole.constant is None:
        sizes().assume(whole, "==", poly(number))
    pieces: tuple[Tensor, ...] = split(x, split_size=piece, dim=at)
    return pieces


@primitive
def _unbind(x: Tensor, dim: int, count: int) -> Rule:
    shape, strides = x.shape[:dim] + x.shape[dim + 1 :], x.strides[:dim] + x.strides[dim + 1 :]
    names = ", ".join(f"g{i}" for i in range(count))
    grad = {"x": f"joined(x.shape, parts, {names})"}
    return Rule((View("x", shape, strides),) * count, grad, constants={"parts": ((),) * count})  # zeros are expanded


@op
def unbind(x: Tensor, *, dim: int = 0) -> tuple[Tensor, ...]:
    """y0, y1, ... = the entries of x along a dimension; no copy"""
    at = layout.dimension(dim, len(x.shape))
    count = sizes().number(x.shape[at])
    if x.shape[at].constant is None:
        sizes().assume(x.shape[at], "==", poly(count))
    entries: tuple[Tensor, ...] = _unbind(x, at, count)
    return entries


@primitive
def _repeat(x: Tensor, repeats: tuple[Poly, ...]) -> Rule:
    own = (ONE,) * (len(repeats) - len(x.shape)) + x.shape
    return Rule(
        Spec(tuple(r * s for r, s in zip(repeats, own)), x.dtype), {"x": "repeat_backward(g, repeats)"}, constants={"repeats": repeats}
    )


@op
def tile(x: Tensor, *, dims: list[Poly]) -> Tensor:
    """y = x so many times along each dimension; Tensor.repeat"""
    repeats = (ONE,) * (len(x.shape) - len(dims)) + tuple(poly(d) for d in dims)
    repeated: Tensor = _repeat(x, repeats)
    return repeated


@op
def repeat_interleave(x: Tensor, *, repeats: Poly, dim: int | None = None) -> Tensor:
    """y = every entry of x so many times, along a dimension or of x flattened"""
    if dim is None:
        x, dim = as_shape(x, (x.elements,)), 0
    at = layout.dimension(dim, len(x.shape))
    spread = _expand(unsqueeze(x, dim=at + 1), (*x.shape[: at + 1], repeats, *x.shape[at + 1 :]))
    copied: Tensor = _clone(spread)
    return as_shape(copied, (*x.shape[:at], x.shape[at] * repeats, *x.shape[at + 1 :]))
