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
    "index_select": (
        "dim: 1 | 7 11 13, int64 5", "dim: 0 | 7 11, int32 5", "dim: -1 | swapped 7 3 13, int64 50", "dim: 0 | half 7 11, int64 5 | mean",
    ),
    "gather": ("dim: 1 | 7 11 13, int64 7 3 13", "dim: 0 | swapped 7 11, int64 4 3", "dim: 1 | half 7 11, int64 7 30 | mean"),
    "take_along_dim": (
        "dim: 1 | 7 11 13, int64 7 3 13", "dim: 1 | 7 11 13, int64 1 3 1", "dim: 0 | 1 11, int64 3 1",
        "dim: 0 | swapped 7 11, int64 4 11",
    ),
    "scatter": (
        "dim: 1 | 7 11 13, int64 7 3 13, 7 3 13", "dim: 1, value: 0.5 | 7 11 13, int64 7 3 13",
        "dim: 0 | swapped 7 11, int64 4 3, swapped 4 3",
    ),
    "scatter_add": (
        "dim: 1 | 7 11 13, int64 7 3 13, 7 3 13", "dim: 0 | swapped 7 11, int64 40 3, swapped 40 3",
        "dim: 0 | float32 7 11, int64 40 3, 40 3",
    ),
    "index_add": ("dim: 1 | 7 11 13, int64 5, 7 5 13", "dim: 0 | 7 11, int32 5, 5 11", "dim: 0 | swapped 7 11, int64 5, swapped 5 11"),
    "index": (
        "| 7 11 13, int64 5", "dim: 1 | 7 11 13, int64 5", "dim: 1 | 7 11 13, int64 5 4, int64 5 4", "dim: -1 | 7 11 13, int64 5",
        "| swapped 7 11 13, int64 6 5", "dim: 1 | swapped 7 11 13, int64 5", "| half 70 3, int64 49 60 | mean", "| 1000 3, int64 49 60",
    ),
    "one_hot": ("num_classes: 9 | int64 5 | float",),
    "sort": ("| 7 11 13 || 2", "dim: 0 | swapped 7 11 || 2", "dim: 1, descending: true | half 7 4096 | mean | 2"),
    "argsort": ("| 7 11 13 | float", "dim: 0 | swapped 7 11 | float"),
    "topk": (
        "k: 3 | 7 11 13 || 2", "k: 2, dim: 0 | swapped 7 11 || 2", "k: 3, largest: false | half 7 11 | mean | 2",
        "k: 5, dim: 0 | 30000 3 | mean | 2",
        "k: 17, dim: 0 | half 9000 45 | mean | 2", "k: 2 | 900 801 || 2",
    ),
    "kthvalue": ("k: 3 | 7 11 13 || 2", "k: 2, dim: 0, keepdim: true | swapped 7 11 || 2"),
    "median": ("dim: -1 | 7 11 13 || 2", "dim: 0, keepdim: true | swapped 7 11 || 2"),
    **dict.fromkeys(
        ("max", "min"),
        (
            "dim: 1 | 7 11 13 || 2", "dim: 0, keepdim: true | swapped 7 11 || 2", "dim: 0 | 5000 12 | mean | 2", "| 7 11 | scalar",
            "| swapped 7 11 | scalar", "| 300 500 | scalar", "| 7 11 13, 13",
        ),
    ),
    **dict.fromkeys(
        ("argmax", "argmin"), ("dim: 1 | 7 11 13 | float", "dim: 0, keepdim: true | swapped 7 11 | float", "| swapped 300 500 | times"),
    ),
    **dict.fromkeys(
        ("cumsum", "cumprod"),
        ("dim: 1 | 7 11 13", "dim: 0 | swapped 7 11", "dim: 0 | half 7 11 | mean", "dim: 0 | 1 11", "dim: 0 | 5"),
    ),
    **dict.fromkeys(("cummax", "cummin"), ("dim: 1 | 7 11 13 || 2", "dim: 0 | swapped 7 11 || 2", "dim: 0 | half 7 11 | mean | 2")),
    "prod": ("dim: 1 | 7 11 13", "dim: 0, keepdim: true | swapped 7 11", "dim: 0 | 5000 12 | mean", "dim: 0 | half 7 11 | mean"),
    "count_nonzero": ("dim: 1 | 7 11 13 | float", "| swapped 7 11 | times"),
    "searchsorted": ("| float32 15, float32 7 3 | float", "| float32 15, 7 3 | float"),
    "bucketize": ("| float32 7 3, float32 15 | float", "| 7 3, float32 15 | float"),
    "stack": ("| 7 11, 7 11", "dim: 1 | 7 11, swapped 7 11, 7 11", "dim: -1 | half 7 11, half 7 11 | mean"),
}  # fmt: skip
