"""How PyTorch calls attention, and what stands for its CUDA kernels on other devices; see `validation.reference`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from validation.stand_ins import Kernel, Made

HALF = (torch.float16, torch.bfloat16)
BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION,
    "math": SDPBackend.MATH,
}  # fmt: skip


@contextlib.contextmanager
def forced(backend: str) -> Iterator[None]:
    """The one kernel of scaled_dot_product_attention that may run; `auto` leaves the choice to PyTorch."""
    with contextlib.nullcontext() if backend == "auto" else sdpa_kernel(BACKENDS[backend]):
        yield


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, attention: str, **attributes: Any) -> Tensor:
    with forced(attention):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, **attributes)


def _on_cuda(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, dropout_p: float = 0.0,
             is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False, attention: str = "auto") -> Tensor:  # fmt: skip
    """The kernel that an A100 runs: flash, memory-efficient, or the math of every device; or the one that is forced."""
    if attention != "auto":
        raise NotImplementedError("a forced kernel of attention runs on CUDA only")
    half, d = query.dtype in HALF, query.shape[-1]
    four, grouped = query.dim() == 4, enable_gqa and query.shape[-3] != key.shape[-3]
    square = query.shape[-2] == key.shape[-2] or not is_causal
    if four and half and mask is None and d == value.shape[-1] and d <= 256 and square:
        return _flash(query, key, value, dropout_p)
    dense = all(t.stride(-1) == 1 for t in (query, key, value, *([mask] if mask is not None else [])))
    if four and not grouped and dense and not any(t.shape[-1] % (8 if half else 4) for t in (query, value)):
        return _efficient(query, key, value, mask)
    return _math(query, key, value, mask, dropout_p, is_causal, enable_gqa)


def _flash(query: Tensor, key: Tensor, value: Tensor, dropout_p: float) -> Tensor:
    d = query.shape[-1]
    wide = [F.pad(t, (0, -d % 8)) if d % 8 else t for t in (query, key, value)]

    def made(query: Tensor, key: Tensor, value: Tensor) -> Made:
        out, sums = torch.empty_like(query), torch.empty(query.shape[:3])
        return (out,), (query, key, value, out, sums, torch.empty(2, dtype=torch.int64), torch.empty((), dtype=torch.int64))

    y: Tensor = Kernel.apply(made, *wide)[0]  # type: ignore[no-untyped-call]
    return y[..., :d] if d % 8 else y


def _efficient(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    batch, heads, length, _ = query.shape
    if mask is not None:
        mask = _added(mask, query.dtype)
        if any(step % 8 for step in mask.stride()[:-1]):
            mask = F.pad(mask, (0, 8 - mask.shape[-1] % 8))[..., : mask.shape[-1]]
        mask = mask.expand(batch, heads, length, key.shape[2])

    def made(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Made:
        out = torch.empty(batch, length, heads, value.shape[3], dtype=query.dtype).transpose(1, 2)
        return (out,), (query, key, value, mask, out, torch.empty(batch, heads, -(-length // 32) * 32))

    y: Tensor = Kernel.apply(made, query, key, value, *([mask] if mask is not None else []))[0]  # type: ignore[no-untyped-call]
    return y


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.where(mask, torch.zeros((), dtype=dtype), torch.full((), -torch.inf, dtype=dtype)) if mask.dtype == torch.bool else mask


def _math(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, causal: bool, gqa: bool) -> Tensor:
    """_scaled_dot_product_attention_math, its dropout by the kernel that CUDA runs."""
    if not dropout_p:
        added = None if mask is None else _added(mask, query.dtype)
        y: Tensor = torch.ops.aten._scaled_dot_product_attention_math(query, key, value, added, 0.0, causal, None, enable_gqa=gqa)[0]
        return y
    mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril() if causal else mask
    weights = (query * 0.5) @ (key.transpose(-2, -1) * 0.5)
    if mask is not None:
        weights += _added(mask, query.dtype)
    weights = torch.native_dropout(torch.ops.aten._safe_softmax(weights, -1), dropout_p, True)[0]
    return weights @ value


class _Attention(nn.MultiheadAttention):
    """nn.MultiheadAttention with what a call says of it besides its tensors."""

    def __init__(self, width: int, options: Mapping[str, Any], **attributes: Any) -> None:
        super().__init__(width, **attributes)
        self.options = options

    def forward(self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, padding: Tensor | None = None,  # type: ignore[override]
                mask: Tensor | None = None) -> Any:  # fmt: skip
        """y and the weights, or y alone where they are not asked for."""
        key = query if key is None else key
        value = key if value is None else value
        y, weights = super().forward(query, key, value, padding, attn_mask=mask, **self.options)
        return (y, weights) if weights is not None else y


class _OnCuda(_Attention):
    """The same, by the kernels that CUDA runs."""

    def forward(self, *tensors: Tensor | None) -> Any:  # type: ignore[override]
        """As _Attention."""
        with mock.patch.object(F, "scaled_dot_product_attention", _by_position), mock.patch.object(F, "dropout", _dropout):
            return super().forward(*tensors)  # type: ignore[arg-type]


def _by_position(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, is_causal: bool) -> Tensor:
    return _on_cuda(query, key, value, mask, dropout_p=dropout_p, is_causal=is_causal)


def _dropout(x: Tensor, p: float) -> Tensor:
    return torch.native_dropout(x, p, True)[0]


def _module(kind: type[_Attention]) -> Callable[..., nn.Module]:
    def made(query: Tensor, key: Tensor | None, value: Tensor | None, padding: Tensor | None, mask: Tensor | None, *, num_heads: int,
             embed_dim: int | None = None, need_weights: bool = True, average_attn_weights: bool = True, is_causal: bool = False,
             kdim: int | None = None, vdim: int | None = None, **attributes: Any) -> nn.Module:  # fmt: skip
        options = {"need_weights": need_weights, "average_attn_weights": average_attn_weights, "is_causal": is_causal}
        width, wide = query.shape[-1], (query if key is None else key).shape[-1]
        last = wide if value is None else value.shape[-1]
        return kind(width, options, num_heads=num_heads, kdim=wide, vdim=last, **attributes)

    return made


def _transformer(name: str, kind: type[_Plain]) -> Callable[..., nn.Module]:
    """A layer of nn.Transformer, called with what a call says of it besides its tensors."""
    layer: type[nn.Module] = getattr(nn, name)

    def made(x: Tensor, *others: Tensor | None, nhead: int, d_model: int | None = None, is_causal: bool = False,
             tgt_is_causal: bool = False, memory_is_causal: bool = False, **attributes: Any) -> nn.Module:  # fmt: skip
        given = {"tgt_is_causal": tgt_is_causal, "memory_is_causal": memory_is_causal}
        options = {"is_causal": is_causal} if name == "TransformerEncoderLayer" else given
        single = type(name, (kind, layer), {"options": options})
        module: nn.Module = single(x.shape[-1], nhead, **attributes)
        return module

    return made


class _Plain:
    """A layer with the options of its call."""

    options: Mapping[str, Any]

    def forward(self, *tensors: Tensor | None) -> Any:
        """The layer's own."""
        return super().forward(*tensors, **self.options)  # type: ignore[misc]


class _Patched(_Plain):
    """The same, by the kernels that CUDA runs."""

    def forward(self, *tensors: Tensor | None) -> Any:
        """As _Plain."""
        with mock.patch.object(F, "scaled_dot_product_attention", _by_position), mock.patch.object(F, "dropout", _dropout_of):
            return super().forward(*tensors)


def _dropout_of(x: Tensor, p: float, training: bool = True, inplace: bool = False) -> Tensor:
    return torch.native_dropout(x, p, True)[0] if training and p else x


LAYERS = ("TransformerEncoderLayer", "TransformerDecoderLayer")

ATTENTION: Mapping[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": _attention,
    "MultiheadAttention": _module(_Attention),
    **{name: _transformer(name, _Plain) for name in LAYERS},
    "canonical_mask": lambda mask, x: F._canonical_mask(mask, "mask", None, "", x.dtype, False),
    "nested_tensor_from_mask": lambda x, mask: x,
}
CUDA_ATTENTION: Mapping[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": _on_cuda,
    "MultiheadAttention": _module(_OnCuda),
    **{name: _transformer(name, _Patched) for name in LAYERS},
}
