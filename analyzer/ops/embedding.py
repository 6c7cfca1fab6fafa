"""Embedding tables."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import Poly
from analyzer.tracing import Refused, current


@primitive
def _embedding(ids: Tensor, weight: Tensor) -> Rule:
    return Rule(Spec((*ids.shape, weight.shape[1]), weight.dtype), {"weight": "embedding_backward(g, ids)"})


@op
def Embedding(ids: Tensor, *, num_embeddings: Poly, embedding_dim: Poly, padding_idx: Poly | None = None) -> Tensor:
    """y = W[ids], W: (num_embeddings, embedding_dim)"""
    if ids.dtype not in ("int64", "int32"):
        raise Refused(f"Embedding looks up whole numbers, its input is {ids.dtype}", "give the input dtype: int64")
    y: Tensor = _embedding(ids, current().parameter("weight", (num_embeddings, embedding_dim)))
    return y
