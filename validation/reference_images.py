"""How PyTorch calls the layers over lengths, images and volumes; see `validation.reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from validation.stand_ins import Kernel

RANKS = (1, 2, 3)
FUNCTIONS = ("max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool", "max_unpool")
MODULES = ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool", "MaxUnpool")


def _with_channels(name: str, rank: int) -> Callable[..., nn.Module]:
    """A module whose constructor takes the number of channels first, for an input with or without a batch."""
    made: Callable[..., nn.Module] = getattr(nn, name)
    return lambda x, **attributes: made(x.shape[-rank - 1], **attributes)


def _module(name: str) -> Callable[..., nn.Module]:
    made: Callable[..., nn.Module] = getattr(nn, name)
    return lambda *tensors, **attributes: made(**attributes)


IMAGES: Mapping[str, Callable[..., Any]] = {
    **{f"{name}{rank}d": _with_channels(f"{name}{rank}d", rank) for name in ("Conv", "ConvTranspose") for rank in RANKS},
    **{f"{name}{rank}d": getattr(F, f"{name}{rank}d") for name in FUNCTIONS for rank in RANKS},
    **{f"{name}{rank}d": _module(f"{name}{rank}d") for name in MODULES for rank in RANKS},
    **{name: _module(name) for name in ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d")},
    "interpolate": F.interpolate,
    "upsample": F.interpolate,
}


def _max_pool1d(x: Tensor, *, return_indices: bool = False, **attributes: Any) -> Any:
    """By the kernel that makes the indices, which CUDA always runs."""
    results = F.max_pool1d(x, return_indices=True, **attributes)
    return results if return_indices else results[0]


class _MaxPool1d(nn.MaxPool1d):
    """nn.MaxPool1d by the kernel that makes the indices."""

    def forward(self, x: Tensor) -> Any:
        """The largest value of every window."""
        settings = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "ceil_mode": self.ceil_mode}
        return _max_pool1d(x, return_indices=self.return_indices, kernel_size=self.kernel_size, **settings)


def _edges(x: Tensor, pad: Any, mode: str) -> Tensor:
    """Padding by the kernel of CUDA, whose result is row-major whatever its input is."""
    y: Tensor = Kernel.apply(lambda x: ((F.pad(x.contiguous(), pad, mode),), (x,)), x)[0]  # type: ignore[no-untyped-call]
    return y


def _pad(x: Tensor, *, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    return _edges(x, pad, mode) if mode in ("reflect", "replicate") else F.pad(x, pad, mode, value if mode == "constant" else None)


class _Edged(nn.Module):
    """nn.ReflectionPad and nn.ReplicationPad by the kernel of CUDA."""

    def __init__(self, padding: Any, mode: str) -> None:
        super().__init__()
        self.padding, self.mode = padding, mode

    def forward(self, x: Tensor) -> Tensor:
        """x with more entries around it."""
        return _edges(x, self.padding, self.mode)


def _edged(name: str, mode: str) -> Callable[..., nn.Module]:
    made: Callable[..., nn.Module] = getattr(nn, name)
    return lambda x, *, padding: _Edged(made(padding).padding, mode)


EDGES = {"ReflectionPad": "reflect", "ReplicationPad": "replicate"}

# On other devices than CUDA, where PyTorch would run a kernel that keeps something else.
CUDA_IMAGES: Mapping[str, Callable[..., Any]] = {
    "max_pool1d": _max_pool1d,
    "MaxPool1d": lambda x, **attributes: _MaxPool1d(**attributes),
    "pad": _pad,
    **{f"{name}{rank}d": _edged(f"{name}{rank}d", mode) for name, mode in EDGES.items() for rank in RANKS},
}
