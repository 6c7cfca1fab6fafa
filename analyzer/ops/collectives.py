"""Collectives between GPUs that have parts of a tensor, as DTensor's redistribute runs them: what each allocates.

A gather along another dimension than the first comes into a buffer along the first one, and is then rearranged into a copy, but where
all dimensions before it are 1. What is reduced and scattered along another dimension is rearranged first.

Source: torch/distributed/_functional_collectives.py (all_reduce, all_gather_single, reduce_scatter_single), torch/_utils.py
(_maybe_view_chunk_cat, _chunk_or_narrow_cat), torch/distributed/tensor/placement_types.py, _redistribute.py, torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.layout import is_contiguous
from analyzer.ops.registry import primitive
from analyzer.polynomial import Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current

SEQUENCE_DIM = 1  # of (batch, sequence, features), as SequenceParallel has it
SEQUENCE, GATHERED, CLASSES, FEATURES = "sequence", "gathered", "classes", "features"
"""What a rank has of a tensor: a part of its sequence; all of it, for column-parallel layers alone; a part of its classes, or features."""


def layout_of(x: Tensor) -> str:
    """What a rank has of a tensor, or nothing where it is one like others."""
    return current().layouts.get(x.storage, "")


def laid(x: Tensor, layout: str) -> Tensor:
    """The tensor, and what a rank has of it told."""
    current().layouts[x.storage] = layout
    return x


def part(size: Poly, what: str) -> Poly:
    """A GPU's part of a size. Raises Refused where the GPUs cannot have equal parts."""
    ranks = current().ranks
    if not sizes().demand(size % ranks, "==", 0):
        told = f"{size!r}, which is {sizes().number(size)}," if size.constant is None else f"{size!r}"
        raise Refused(f"{what} {told} cannot be divided among {sizes().number(ranks)} ranks", "run.ranks has to divide it")
    return size / ranks


@primitive
def _all_reduce(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {"x": "g"})


@primitive
def _all_gather(x: Tensor, dim: int, partial: bool) -> Rule:
    """Whole again in a dimension; `partial` where its gradients are sums over the ranks still to be made."""
    out = Spec((*x.shape[:dim], x.shape[dim] * current().ranks, *x.shape[dim + 1 :]), x.dtype)
    grads = {"x": "reduce_scatter(g, x.shape)" if partial else "part(g, x.shape)"}
    rearranged = (out.bytes,) if _is_rearranged(x.shape[:dim]) else ()
    return Rule(out, grads, copies=(*_row_major(x), *rearranged), constants={"distributed": True} if partial else {})


@primitive
def _reduce_scatter(x: Tensor) -> Rule:
    return Rule(_sequence_part(x), _gathered_again(x), copies=(*_row_major(x), x.bytes))


@primitive
def _scatter(x: Tensor) -> Rule:
    return Rule(_sequence_part(x), _gathered_again(x))


def _sequence_part(x: Tensor) -> Spec:
    if len(x.shape) <= SEQUENCE_DIM:
        raise Refused("sequence parallel divides the second dimension of (batch, sequence, features)")
    length = part(x.shape[SEQUENCE_DIM], "the sequence")
    return Spec((*x.shape[:SEQUENCE_DIM], length, *x.shape[SEQUENCE_DIM + 1 :]), x.dtype)


def _gathered_again(x: Tensor) -> dict[str, str]:
    return {"x": f"all_gather(g, x.shape, {int(_is_rearranged(x.shape[:SEQUENCE_DIM]))})"}


def _is_rearranged(before: Shape) -> bool:
    return not all(sizes().is_one(size) for size in before)


def _row_major(x: Tensor) -> tuple[Poly, ...]:
    return () if is_contiguous(x) else (x.bytes,)


def all_reduced(x: Tensor) -> Tensor:
    """The sum over the ranks, in a new tensor."""
    y: Tensor = _all_reduce(x)
    return y


def features_gathered(x: Tensor) -> Tensor:
    """Whole again in its last dimension."""
    y: Tensor = _all_gather(x, len(x.shape) - 1, False)
    return y


def sequence_gathered(x: Tensor, *, partial: bool) -> Tensor:
    """Whole again in its sequence; `partial` for column-parallel layers alone, whose gradients are summed when all have come."""
    y: Tensor = _all_gather(x, SEQUENCE_DIM, partial)
    return laid(y, GATHERED) if partial else y


def sequence_summed(x: Tensor) -> Tensor:
    """A part of the sequence of the sum over the ranks."""
    y: Tensor = _reduce_scatter(x)
    return laid(y, SEQUENCE)


def sequence_divided(x: Tensor) -> Tensor:
    """A part of the sequence of what every rank has whole, copied."""
    y: Tensor = _scatter(x)
    return laid(y, SEQUENCE)
