"""How PyTorch calls the layers over lengths, images and volumes; see `validation.reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

RANKS = (1, 2, 3)


def _with_channels(name: str, rank: int) -> Callable[..., nn.Module]:
    """A module whose constructor takes the number of channels first, for an input with or without a batch."""
    made: Callable[..., nn.Module] = getattr(nn, name)
    return lambda x, **attributes: made(x.shape[-rank - 1], **attributes)


IMAGES: Mapping[str, Callable[..., Any]] = {
    **{f"{name}{rank}d": _with_channels(f"{name}{rank}d", rank) for name in ("Conv", "ConvTranspose") for rank in RANKS},
}
