"""The cases of embeddings and indexing; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

INDEXING: Mapping[str, tuple[str, ...]] = {
    "Embedding": (
        "num_embeddings: 11, embedding_dim: 6 | int64 4 3", "num_embeddings: 7, embedding_dim: 5, padding_idx: 0 | int64 9",
        "num_embeddings: 7, embedding_dim: 5, scale_grad_by_freq: true | int64 9", "num_embeddings: 7, embedding_dim: 5 | int32 9",
        "num_embeddings: 50, embedding_dim: 64 | int64 4 1031", "num_embeddings: 5000, embedding_dim: 32 | int64 2000",
        "num_embeddings: 5000, embedding_dim: 33 | int64 3 1031", "num_embeddings: 1000, embedding_dim: 3 | int32 5001",
        "num_embeddings: 300, embedding_dim: 3, scale_grad_by_freq: true | int64 5001",
    ),
    "embedding": (
        "| int64 4 3, 11 6", "| int64 9, half 7 5 | mean", "| int64 4 1031, half 50 6 | mean",
        "| int64 3 1031, half 1000 6 | mean",
    ),
    "EmbeddingBag": (
        "num_embeddings: 11, embedding_dim: 6 | int64 4 3", "num_embeddings: 7, embedding_dim: 5, mode: sum | int64 9, int64 3",
        "num_embeddings: 7, embedding_dim: 5, mode: max | int64 9, int64 3", "num_embeddings: 7, embedding_dim: 5, mode: max | int64 9 2",
        "num_embeddings: 7, embedding_dim: 5, scale_grad_by_freq: true | int64 9 2", "num_embeddings: 7, embedding_dim: 5 | int32 9 2",
        "num_embeddings: 700, embedding_dim: 5, include_last_offset: true | int64 3001, int64 33",
        "num_embeddings: 30, embedding_dim: 50 | int64 300 11",
    ),
    "embedding_bag": (
        "mode: sum | int64 9, 7 5, int64 3, 9", "mode: sum | int64 9, 7 5, int64 3, float32 9", "| int64 9 2, 7 5",
        "| int64 9 2, half 7 5 | mean",
    ),
}  # fmt: skip
