"""How PyTorch calls each op of the vocabulary: one entry per key of `analyzer.ops.OPS`.

A function's entry takes the op's tensors in order and its attributes by name, and computes. An entry that has an
argument `training` is told the mode. Attributes that are
None are not passed. A module's entry (a capitalised op) takes stand-ins for the tensors, for their
shapes, and the attributes, and makes the torch.nn module, which is then called with the tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from validation import names
from validation.entries import ENTRIES
from validation.reference_attention import ATTENTION, CUDA_ATTENTION
from validation.reference_images import CUDA_IMAGES, IMAGES
from validation.reference_indexing import CUDA_INDEXING, INDEXING
from validation.reference_layers import CUDA_LAYERS, LAYERS
from validation.reference_recurrent import CUDA_RECURRENT, RECURRENT

Entry = Callable[..., Any]


def _function(name: str) -> Entry:
    """The function of that name: torch.nn.functional's, torch's, or a method of tensors."""
    for home in (F, torch, torch.Tensor):
        if hasattr(home, name):
            found: Entry = getattr(home, name)
            return found
    raise AttributeError(f"torch has no function {name}")


def _scalar(value: float) -> float:
    """A number as torch takes it: -1e30 is no whole number of 64 bits."""
    return float(value) if abs(value) >= 1 << 63 else value


def _reducer(name: str) -> Entry:
    """A method of tensors that reduces all dimensions when none is given."""
    method: Entry = getattr(Tensor, name)

    def reduced(x: Tensor, *, dim: Any = None, keepdim: bool = False, **attributes: Any) -> Any:
        return method(x, **attributes) if dim is None else method(x, dim, keepdim=keepdim, **attributes)

    return reduced


def _module(name: str) -> Entry:
    """A module whose constructor needs nothing but the attributes."""
    made: Entry = getattr(nn, name)
    return lambda *tensors, **attributes: made(**attributes)


def _with_channels(name: str) -> Entry:
    """A module whose constructor takes the number of channels first."""
    made: Entry = getattr(nn, name)
    return lambda x, **attributes: made(x.shape[1], **attributes)


def _linear(x: Tensor, *, out_features: int, bias: bool = True, in_features: int | None = None) -> nn.Module:
    return nn.Linear(x.shape[-1] if in_features is None else in_features, out_features, bias)


def _layer_norm(x: Tensor, *, normalized_shape: Any = None, **attributes: Any) -> nn.Module:
    return nn.LayerNorm(x.shape[-1:] if normalized_shape is None else normalized_shape, **attributes)


def _normed(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, normalized_shape: Any, eps: float = 1e-5) -> Tensor:
    return F.layer_norm(x, normalized_shape, weight, bias, eps)


def _grouped(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, num_groups: int, eps: float = 1e-5) -> Tensor:
    return F.group_norm(x, num_groups, weight, bias, eps)


FUNCTIONS = ("bmm", "matmul", "linear", "bilinear", "mm", "mv", "dot", "addmm", "baddbmm", "outer", "ger")
CHANNELED = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")

REFERENCE: Mapping[str, Entry] = {
    **{name: _function(name) for name in (*FUNCTIONS, *names.FUNCTIONS)},
    **{name: _module(name) for name in names.MODULES},
    **{name: _with_channels(name) for name in CHANNELED},
    **{name: getattr(torch.Tensor, name) for name in names.METHODS},
    **LAYERS,
    **ATTENTION,
    **INDEXING,
    **IMAGES,
    **RECURRENT,
    **ENTRIES,
    **{name: _reducer(name) for name in names.REDUCERS},
    "norm": lambda x, *, p=2.0, dim=None, keepdim=False: x.norm(p, dim, keepdim),
    "view": lambda x, *, shape: x.view(shape),
    "to": lambda x, *, dtype: x.to(getattr(torch, dtype)),
    "masked_fill": lambda x, mask, *, value=0.0: x.masked_fill(mask, _scalar(value)),
    "masked_fill_": lambda x, mask, *, value=0.0: x.masked_fill_(mask, _scalar(value)),
    "silu_": lambda x: F.silu(x, inplace=True),
    "hardswish_": lambda x: F.hardswish(x, inplace=True),
    "einsum": lambda tensors, *, equation: torch.einsum(equation, *tensors),
    "Linear": _linear,
    "LayerNorm": _layer_norm,
    "layer_norm": _normed,
    "group_norm": _grouped,
}


class _LogSigmoid(torch.autograd.Function):
    """log_sigmoid as on CUDA, where it keeps its input only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """ln sigmoid(x)"""
        ctx.save_for_backward(x)
        return -F.softplus(-x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        """g sigmoid(-x)"""
        (x,) = ctx.saved_tensors
        return g * torch.sigmoid(-x)


class _LogSigmoidModule(nn.Module):
    """nn.LogSigmoid by the kernel that CUDA runs."""

    def forward(self, x: Tensor) -> Tensor:
        """ln sigmoid(x)"""
        return _log_sigmoid(x)


def _log_sigmoid(x: Tensor) -> Tensor:
    y: Tensor = _LogSigmoid.apply(x)  # type: ignore[no-untyped-call]
    return y


def _multilabel(x: Tensor, target: Tensor, **attributes: Any) -> Tensor:
    with mock.patch.object(F, "logsigmoid", _log_sigmoid):
        return F.multilabel_soft_margin_loss(x, target, **attributes)


class _Multilabel(nn.MultiLabelSoftMarginLoss):
    """nn.MultiLabelSoftMarginLoss by the kernels that CUDA runs."""

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return _multilabel(x, target, reduction=self.reduction)


class _NativeDropout(nn.Dropout):
    """nn.Dropout by the kernel that CUDA runs: its mask is a byte an element."""

    def forward(self, x: Tensor) -> Tensor:
        """x with some elements 0 and the others scaled."""
        return _native_dropout(x, p=self.p, training=self.training)


def _native_dropout(x: Tensor, *, p: float = 0.5, training: bool) -> Tensor:
    return torch.native_dropout(x, p, True)[0] if training and p else x


# What stands for an entry on other devices than CUDA, where PyTorch would run a kernel that keeps something else.
CUDA_KERNELS: Mapping[str, Entry] = {
    "logsigmoid": _log_sigmoid,
    "LogSigmoid": lambda x: _LogSigmoidModule(),
    "multilabel_soft_margin_loss": _multilabel,
    "MultiLabelSoftMarginLoss": lambda x, target, **attributes: _Multilabel(**attributes),
    **CUDA_LAYERS,
    **CUDA_ATTENTION,
    **CUDA_IMAGES,
    **CUDA_RECURRENT,
    **CUDA_INDEXING,
    "dropout": _native_dropout,
    "Dropout": lambda x, *, p=0.5, inplace=False: nn.Dropout(p, inplace=True) if inplace else _NativeDropout(p),
}
