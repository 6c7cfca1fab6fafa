"""How PyTorch calls embeddings and indexing, where arguments or names differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from validation.stand_ins import Kernel, Made

Entry = Callable[..., Any]


def _embedding_bag(ids: Tensor, weight: Tensor, offsets: Any = None, per_sample_weights: Any = None, **attributes: Any) -> Tensor:
    return F.embedding_bag(ids, weight, offsets, per_sample_weights=per_sample_weights, **attributes)


def _cuda_embedding_bag(ids: Tensor, weight: Tensor, offsets: Any = None, per_sample_weights: Any = None, *, mode: str = "mean",
                        include_last_offset: bool = False, **attributes: Any) -> Tensor:  # fmt: skip
    """_embedding_bag as on CUDA, which keeps the bag of every index, the size of every bag, and for max who was the largest."""
    if offsets is None:
        offsets, include_last_offset = torch.arange(0, ids.numel(), ids.shape[1], dtype=ids.dtype), False
        ids = ids.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)

    def made(weight: Tensor, per_sample_weights: Tensor | None) -> Made:
        y = torch.empty(offsets.shape[0] - include_last_offset, weight.shape[1], dtype=weight.dtype)
        needed = weight if per_sample_weights is not None and per_sample_weights.requires_grad else None
        kept = (ids, offsets, torch.empty_like(ids), torch.empty_like(offsets), per_sample_weights, needed)
        return (y,), (*kept, *((torch.empty(y.shape, dtype=ids.dtype),) if mode == "max" else ()))

    y: Tensor = Kernel.apply(made, weight, per_sample_weights)[0]  # type: ignore[no-untyped-call]
    return y


class _CudaEmbeddingBag(nn.EmbeddingBag):
    """nn.EmbeddingBag by the kernel that CUDA runs."""

    def forward(self, ids: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """The mean, sum or largest of each bag's rows."""
        last = self.include_last_offset
        return _cuda_embedding_bag(ids, self.weight, offsets, per_sample_weights, mode=self.mode, include_last_offset=last)


def _along(name: str) -> Entry:
    """A method of tensors that takes a dimension, all of them when none is given, or another tensor."""
    method: Entry = getattr(Tensor, name)

    def along(x: Tensor, other: Tensor | None = None, *, dim: int | None = None, keepdim: bool = False) -> Any:
        return method(x) if dim is None and other is None else method(x, other) if dim is None else method(x, dim, keepdim=keepdim)

    return along


INDEXING: Mapping[str, Entry] = {
    "Embedding": lambda ids, **attributes: nn.Embedding(**attributes),
    "embedding": F.embedding,
    "EmbeddingBag": lambda *tensors, **attributes: nn.EmbeddingBag(**attributes),
    "embedding_bag": _embedding_bag,
    "index_select": lambda x, index, *, dim: x.index_select(dim, index),
    "gather": lambda x, index, *, dim: x.gather(dim, index),
    "take_along_dim": lambda x, index, *, dim: x.take_along_dim(index, dim),
    "scatter": lambda x, index, src=None, *, dim, value=None: x.scatter(dim, index, value if src is None else src),
    "scatter_add": lambda x, index, src, *, dim: x.scatter_add(dim, index, src),
    "index_add": lambda x, index, source, *, dim: x.index_add(dim, index, source),
    "index": lambda x, indices, *, dim=0: x[(*(slice(None),) * (dim % x.dim()), *indices)],
    "one_hot": F.one_hot,
    "stack": torch.stack,
    "searchsorted": torch.searchsorted,
    "bucketize": torch.bucketize,
    "count_nonzero": torch.count_nonzero,
    **{name: _along(name) for name in ("max", "min", "argmax", "argmin")},
    **{
        name: getattr(torch.Tensor, name)
        for name in ("sort", "argsort", "topk", "kthvalue", "median", "cumsum", "cumprod", "cummax", "cummin", "prod")
    },
}

# On other devices than CUDA, where PyTorch would run a kernel that keeps something else.
CUDA_INDEXING: Mapping[str, Entry] = {
    "EmbeddingBag": lambda *tensors, **attributes: _CudaEmbeddingBag(**attributes),
    "embedding_bag": _cuda_embedding_bag,
}
