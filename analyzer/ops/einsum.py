"""einsum: operands aligned by permuting, then multiplied pair by pair as batches of matrices.

Source: ATen/native/Linear.cpp (einsum, sumproduct_pair); torch 2.7 and 2.13.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from analyzer.graph import Rule, Tensor, View
from analyzer.ops.elementwise import mul
from analyzer.ops.layout import view_strides
from analyzer.ops.matmul import bmm
from analyzer.ops.reduction import sum as sum_over
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _permute, _view, as_shape, unsqueeze
from analyzer.polynomial import ONE, Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@dataclass(frozen=True, slots=True)
class Subscripts:
    """The letters of each operand, an ellipsis spelled out, and of the result followed by what is summed over."""

    operands: tuple[tuple[str, ...], ...]
    order: tuple[str, ...]
    kept: int  # how many letters of the order the result has


@op
def einsum(tensors: list[Tensor], *, equation: str) -> Tensor:
    """y = the sum of products that the equation says"""
    subscripts = _subscripts(equation, tensors)
    pending = [_aligned(t, letters, subscripts.order) for t, letters in zip(tensors, subscripts.operands)]
    _check_sizes(equation, pending, tensors)
    counts = [sum(not sizes().is_one(t.shape[d]) for t in pending) for d in range(len(subscripts.order))]
    if len(pending) == 1:
        summed = list(range(subscripts.kept, len(subscripts.order)))
        return sum_over(pending[0], dim=summed) if summed else pending[0]
    result = pending[0]
    for other in pending[1:]:
        product_ = _contracted(result, other, counts, subscripts.kept)
        if result is not pending[0]:
            current().release(result)
        result = product_
    return _without(result, subscripts.kept)


def _contracted(a: Tensor, b: Tensor, counts: list[int], kept: int) -> Tensor:
    """One product: what only one operand has left to sum is summed first."""
    one, shared = sizes().is_one, []
    alone: tuple[list[int], list[int]] = [], []
    for d in range(kept, len(counts)):
        wide = not one(a.shape[d]), not one(b.shape[d])
        if all(wide):
            counts[d] -= 1
            shared += [d] if counts[d] == 1 else []
        elif any(wide) and counts[d] == 1:
            alone[wide.index(True)].append(d)
        if d in shared or d in alone[0] or d in alone[1]:
            counts[d] = 0
    tracer = current()
    tracer.push()
    a, b = (sum_over(t, dim=dims, keepdim=True) if dims else t for t, dims in zip((a, b), alone))
    result = _sumproduct(a, b, shared)
    tracer.pop((result,))
    return result


def _sumproduct(a: Tensor, b: Tensor, summed: list[int]) -> Tensor:
    """sumproduct_pair: permute, reshape, multiply, and the way back; sizes of 1 count as missing."""
    if not summed:
        multiplied: Tensor = mul(a, b)
        return multiplied
    one = sizes().is_one
    rest = [d for d in range(len(a.shape)) if d not in summed]
    both = [d for d in rest if not one(a.shape[d]) and not one(b.shape[d])]
    left = [d for d in rest if d not in both and not one(a.shape[d])]
    right = [d for d in rest if d not in both and d not in left]
    batch, inner = product(a.shape[d] for d in both), product(a.shape[d] for d in summed)
    rows, columns = product(a.shape[d] for d in left), product(b.shape[d] for d in right)
    x = as_shape(_permute(a, (*both, *left, *summed, *right)), (batch, rows, inner))
    y = as_shape(_permute(b, (*both, *summed, *right, *left)), (batch, inner, columns))
    order = [*both, *left, *summed, *right]
    shape = tuple(ONE if d in summed else b.shape[d] if d in right else a.shape[d] for d in order)
    result: Tensor = _permute(_viewed(bmm(x, y), shape), tuple(order.index(d) for d in range(len(order))))
    return result


def _viewed(x: Tensor, shape: tuple[Poly, ...]) -> Tensor:
    strides = view_strides(x.shape, x.strides, shape)
    assert strides is not None
    viewed: Tensor = _view(x, shape, strides)
    return viewed


def _without(x: Tensor, kept: int) -> Tensor:
    """The result without the summed dimensions, all of size 1."""
    if kept == len(x.shape):
        return x
    return _viewed(x, x.shape[:kept])


def _aligned(x: Tensor, letters: tuple[str, ...], order: tuple[str, ...]) -> Tensor:
    """The operand with one dimension for every letter: diagonals of repeated ones, sizes of 1 for absent ones."""
    have: list[str] = []
    for letter in letters:
        if letter in have:
            x = _diagonal(x, have.index(letter), len(have))
        else:
            have.append(letter)
    for letter in order:
        if letter not in have:
            x = unsqueeze(x, dim=len(have))
            have.append(letter)
    aligned: Tensor = _permute(x, tuple(have.index(letter) for letter in order))
    return aligned


def _diagonal(x: Tensor, first: int, second: int) -> Tensor:
    """diagonal(0, first, second), moved to the place of the first."""
    if not sizes().same(x.shape[first], x.shape[second]):
        raise Refused(f"einsum repeats a letter over sizes {x.shape[first]!r} and {x.shape[second]!r}")
    last: Tensor = _diagonal_view(x, first, second)
    rank = len(last.shape)
    rest = list(range(rank - 1))
    moved: Tensor = _permute(last, (*rest[:first], rank - 1, *rest[first:]))
    return moved


@primitive
def _diagonal_view(x: Tensor, first: int, second: int) -> Rule:
    rest = [d for d in range(len(x.shape)) if d not in (first, second)]
    shape = (*(x.shape[d] for d in rest), x.shape[first])
    strides = (*(x.strides[d] for d in rest), x.strides[first] + x.strides[second])
    return Rule(View("x", shape, strides), {"x": "copy_(zeros(x.shape), g)"})


def _check_sizes(equation: str, aligned: list[Tensor], tensors: list[Tensor]) -> None:
    for d in range(len(aligned[0].shape)):
        wide = [t.shape[d] for t in aligned if not sizes().is_one(t.shape[d])]
        if any(not sizes().same(wide[0], size) for size in wide[1:]):
            raise Refused(f"einsum '{equation}' does not fit {' and '.join(show(t.shape) for t in tensors)}")


def _subscripts(equation: str, tensors: list[Tensor]) -> Subscripts:
    """The equation read. Raises Refused where it does not fit the tensors."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(tensors) or any(not _is_term(t) for t in (*terms, output)):
        raise Refused(f"cannot read the einsum equation '{equation}' for {len(tensors)} tensor(s)", "expected a form like 'bik,bjk->bij'")
    dots = [len(t.shape) - len(term.replace("...", "")) for t, term in zip(tensors, terms)]
    if any(d < 0 or (d and "..." not in term) for d, term in zip(dots, terms)):
        raise Refused(f"einsum '{equation}' does not match {' and '.join(show(t.shape) for t in tensors)}")
    widest = max((d for d, term in zip(dots, terms) if "..." in term), default=0)
    operands = tuple(_letters(term, widest, d) for term, d in zip(terms, dots))
    counts = Counter(letter for term in terms for letter in term.replace("...", ""))
    ellipsis = [f".{i}" for i in range(widest)]
    implicit = [*ellipsis, *(letter for letter in sorted(counts) if counts[letter] == 1)]
    result = _letters(output, widest, widest) if arrow else tuple(implicit)
    if any(letter not in counts and letter not in ellipsis for letter in result) or len(set(result)) != len(result):
        raise Refused(f"einsum '{equation}': the result names a letter that no operand has, or one twice")
    rest = [letter for letter in (*ellipsis, *sorted(counts)) if letter not in result]
    return Subscripts(operands, (*result, *rest), len(result))


def _is_term(term: str) -> bool:
    rest = term.replace("...", "", 1)
    return rest == "" or (rest.isalpha() and rest.isascii())


def _letters(term: str, widest: int, dots: int) -> tuple[str, ...]:
    head, ellipsis, tail = term.partition("...")
    return (*head, *(f".{i}" for i in range(widest - dots, widest) if ellipsis), *tail)
