"""Layers of which each GPU has a part, as torch.distributed.tensor.parallel divides them: by columns or by rows.

The input of a column-parallel layer is whole, and its gradients are summed over the GPUs into a new tensor; a row-parallel layer's
input is a part, and its outputs are summed into a new tensor. Its bias is whole: a part of it for the sum is made in each forward.
With sequence parallel the input of a column-parallel layer is gathered, and the sum of a row-parallel one is scattered.

Source: torch/distributed/tensor/parallel/style.py (ColwiseParallel, RowwiseParallel), _api.py (_FromTorchTensor, _ToTorchTensor),
_redistribute.py, placement_types.py (Partial, _MaskPartial), _ops/_embedding_ops.py, torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from analyzer.graph import Rule, Spec, Tensor, View
from analyzer.ops import layout, plan
from analyzer.ops.collectives import (
    CLASSES,
    FEATURES,
    GATHERED,
    SEQUENCE,
    all_reduced,
    features_gathered,
    laid,
    layout_of,
    part,
    sequence_gathered,
    sequence_summed,
)
from analyzer.ops.comparison import ge, logical_or, lt
from analyzer.ops.dense import linear
from analyzer.ops.elementwise import statement, sub
from analyzer.ops.embedding import embedding, gradient_plan, looked_up
from analyzer.ops.matmul import addmm, transposed
from analyzer.ops.registry import prepared, primitive
from analyzer.ops.shape import as_shape, clone
from analyzer.polynomial import ONE, Poly, product
from analyzer.sizes import sizes
from analyzer.tensors import DIVIDED
from analyzer.tracing import Refused, current, show


@primitive
def _whole_input(x: Tensor) -> Rule:
    """The input of every GPU; its gradient is the sum of theirs."""
    return Rule(View("x", x.shape, x.strides), {"x": "clone(g)"}, constants={"untracked": True})


@primitive
def _addmm(x: Tensor, mat1: Tensor, mat2: Tensor) -> Rule:
    """addmm with a bias that is divided by the number of GPUs first."""
    rule: Rule = addmm.rule(x, mat1, mat2)  # type: ignore[attr-defined]
    return replace(rule, copies=(x.bytes, *rule.copies))


def colwise(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """A part of the columns: y = x Wᵀ + b, W: (out_features / ranks, in_features)."""
    width = _width(x, in_features)
    columns = part(out_features, "out_features")
    weight = current().parameter("weight", (columns, width), placement=DIVIDED)
    b = current().parameter("bias", (columns,), placement=DIVIDED) if bias else None
    return laid(linear(_entering(x), weight, b), FEATURES)


def _entering(x: Tensor) -> Tensor:
    """The input of a column-parallel layer, whole."""
    if layout_of(x) == SEQUENCE:
        return sequence_gathered(x, partial=True)
    entered: Tensor = x if layout_of(x) == GATHERED else _whole_input(x)
    return entered


def colwise_gather_output(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """As colwise, and the output is gathered, unless it is classes of a loss that is parallel: W: (out_features / ranks, in_features)."""
    y = colwise(x, out_features=out_features, bias=bias, in_features=in_features)
    return laid(y, CLASSES) if current().loss_parallel else features_gathered(y)


def rowwise(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """A part of the rows: y = Σ over GPUs x Wᵀ, + b, W: (out_features, in_features / ranks)."""
    if layout_of(x) != FEATURES:
        hint = "rowwise comes after colwise: shard: {up: colwise, down: rowwise}"
        raise Refused(f"a row-parallel layer takes a part of the features, and {show(x.shape)} from {x.origin} is all of them", hint)
    width = _width(x, None if in_features is None else part(in_features, "in_features"))
    weight = current().parameter("weight", (out_features, width), placement=DIVIDED)
    b = current().parameter("bias", (out_features,)) if bias else None
    if b is None:
        return _summed(linear(x, weight))
    with prepared("linear", (x, weight, b)) as (rows, matrix, shift):
        return _summed(_biased(rows, matrix, shift))


def _summed(x: Tensor) -> Tensor:
    return sequence_summed(x) if current().sequence_parallel else all_reduced(x)


def _width(x: Tensor, told: Poly | None) -> Poly:
    if not x.shape or (told is not None and not sizes().same(told, x.shape[-1])):
        raise Refused(f"Linear has in_features {told!r} on a rank, but its input is {show(x.shape)} from {x.origin}")
    return x.shape[-1]


def _biased(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if len(x.shape) != 2 and not layout.is_contiguous(x):
        raise Refused("a row-parallel Linear with a bias of an input that is not contiguous is not simulated", "- contiguous")
    rows = x if len(x.shape) == 2 else as_shape(x, (product(x.shape[:-1]), x.shape[-1]))
    y: Tensor = _addmm(bias, rows, transposed(weight))
    return y if len(x.shape) == 2 else as_shape(y, (*x.shape[:-1], weight.shape[0]))


@primitive
def _masked_embedding(ids: Tensor, masked: Tensor, weight: Tensor, by_frequency: bool) -> Rule:
    """Rows that this rank has; the gradient is made of the ids as they came, of all rows."""
    rows = replace(weight, shape=(weight.shape[0] * current().ranks, weight.shape[1]))
    order = gradient_plan(ids, rows, by_frequency=by_frequency)
    out = Spec((*ids.shape, weight.shape[1]), weight.dtype)
    return Rule(out, plan.gradients("embedding_dense_backward", "g, ids", order), constants={"plan": order})


def masked(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Indices into this rank's part of what they index, and which of them lie in others' (_MaskPartial)."""
    below, above = lt(ids, ONE), ge(ids, ONE)
    elsewhere = statement(logical_or(below, above), below, above)
    copied = clone(ids)
    return statement(sub(copied, ONE), copied), elsewhere


def embedding_rowwise(ids: Tensor, *, num_embeddings: Poly, embedding_dim: Poly, padding_idx: Poly | None = None,
                      scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """A part of the rows: y = Σ over GPUs of W[ids] where they are its own, W: (num_embeddings / ranks, embedding_dim)."""
    weight = current().parameter("weight", (part(num_embeddings, "num_embeddings"), embedding_dim), placement=DIVIDED)
    looked_up(ids, weight, "embedding")
    current().moved = True
    own, elsewhere = masked(ids)
    y: Tensor = _masked_embedding(ids, own, weight, scale_grad_by_freq)
    return _summed(statement(y, own, elsewhere))


def embedding_colwise(ids: Tensor, *, num_embeddings: Poly, embedding_dim: Poly, padding_idx: Poly | None = None,
                      scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """A part of the columns: y = W[ids], W: (num_embeddings, embedding_dim / ranks)."""
    weight = current().parameter("weight", (num_embeddings, part(embedding_dim, "embedding_dim")), placement=DIVIDED)
    return laid(embedding(ids, weight, scale_grad_by_freq=scale_grad_by_freq), FEATURES)


def embedding_gather_output(ids: Tensor, *, num_embeddings: Poly, embedding_dim: Poly, padding_idx: Poly | None = None,
                            scale_grad_by_freq: bool = False) -> Tensor:  # fmt: skip
    """As colwise, and the output is gathered: W: (num_embeddings, embedding_dim / ranks)."""
    return features_gathered(embedding_colwise(ids, num_embeddings=num_embeddings, embedding_dim=embedding_dim,
                                               scale_grad_by_freq=scale_grad_by_freq))  # fmt: skip


STYLES: Mapping[str, Mapping[str, Callable[..., Tensor]]] = {
    "colwise": {"Linear": colwise, "Embedding": embedding_colwise},
    "colwise_gather_output": {"Linear": colwise_gather_output, "Embedding": embedding_gather_output},
    "rowwise": {"Linear": rowwise, "Embedding": embedding_rowwise},
}
"""By style and layer: what runs in the layer's place."""
