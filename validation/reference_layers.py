"""How PyTorch calls the layers of the vocabulary whose constructors want more than their attributes; see `validation.reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from validation.stand_ins import FusedRMSNorm, Kernel, Made


def _with_channels(name: str) -> Callable[..., nn.Module]:
    made: Callable[..., nn.Module] = getattr(nn, name)
    return lambda x, **attributes: made(x.shape[1], **attributes)


def _bilinear(x1: Tensor, x2: Tensor, *, out_features: int, bias: bool = True) -> nn.Module:
    return nn.Bilinear(x1.shape[-1], x2.shape[-1], out_features, bias)


def _group_norm(x: Tensor, *, num_groups: int, **attributes: Any) -> nn.Module:
    return nn.GroupNorm(num_groups, x.shape[1], **attributes)


def _rms_norm(single: type[nn.RMSNorm]) -> Callable[..., nn.Module]:
    def made(x: Tensor, *, normalized_shape: Any = None, fused: bool = True, **attributes: Any) -> nn.Module:
        shape = list(x.shape[-1:]) if normalized_shape is None else normalized_shape
        return (single if fused else _CompositeRMSNorm)(shape, **attributes)

    return made


class _CompositeRMSNorm(nn.RMSNorm):
    """ATen's rms_norm_composite, its temporaries freed where a C++ statement ends."""

    def forward(self, x: Tensor) -> Tensor:
        """x w / √(mean x² + eps), one kernel after another."""
        squares = x.pow(2)
        mean = squares.mean(list(range(-len(self.normalized_shape), 0)), keepdim=True).add_(self.eps or 1e-6)
        scale = mean.rsqrt()
        del squares, mean
        y = x.mul(scale)
        return y if self.weight is None else y.mul(self.weight)


def _fused_rms_norm(x: Tensor, weight: Tensor | None = None, *, normalized_shape: list[int], eps: float | None = None) -> Tensor:
    """_fused_rms_norm: keeps its input, the weight and one number a row."""

    def made(x: Tensor, weight: Tensor | None) -> Made:
        return (torch.empty(x.shape),), (x, weight, torch.empty(x.shape[: x.dim() - len(normalized_shape)]))

    y: Tensor = Kernel.apply(made, x, weight)[0]  # type: ignore[no-untyped-call]
    return y


OWN = "own"  # what a stand-in calls the tensor that in the graph has the stand-in's own path


class _Owned(nn.Module):
    """A parameter or a buffer, read."""

    own: Tensor

    def forward(self) -> Tensor:
        """The tensor itself."""
        return self.own


class _OfItsDtype(_Owned):
    """A parameter or a buffer of a stated dtype, which the model's does not change."""

    def to(self, *args: Any, **kwargs: Any) -> _OfItsDtype:
        """Itself."""
        return self


def _parameter(*, shape: list[int], dtype: str | None = None) -> nn.Module:
    owner = _OfItsDtype() if dtype else _Owned()
    owner.register_parameter(OWN, nn.Parameter(torch.rand(shape, dtype=getattr(torch, dtype) if dtype else None)))
    return owner


def _buffer(*, shape: list[int], dtype: str | None = None) -> nn.Module:
    owner = _OfItsDtype() if dtype else _Owned()
    owner.register_buffer(OWN, torch.zeros(shape, dtype=getattr(torch, dtype) if dtype else None))
    return owner


LAYERS: Mapping[str, Callable[..., Any]] = {
    **{name: _with_channels(name) for name in ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")},
    "Bilinear": _bilinear,
    "GroupNorm": _group_norm,
    "RMSNorm": _rms_norm(nn.RMSNorm),
    "Parameter": _parameter,
    "Buffer": _buffer,
}

# On other devices than CUDA, where PyTorch would run a kernel that keeps something else.
CUDA_LAYERS: Mapping[str, Callable[..., Any]] = {"RMSNorm": _rms_norm(FusedRMSNorm), "rms_norm": _fused_rms_norm}
