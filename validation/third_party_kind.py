"""What is known of a third-party class: how it is made from a config's symbols, called on a batch, and where the loss is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

Symbols = Mapping[str, int]
Batch = Mapping[str, torch.Tensor]
SETTINGS = ("mode=train precision=fp32", "mode=train precision=amp-bf16", "mode=train precision=bf16", "mode=infer precision=fp32")
INFERENCE = ("mode=infer precision=fp32", "mode=infer precision=bf16", "mode=infer precision=amp-bf16")
Build = Callable[[Symbols], nn.Module]


@dataclass(frozen=True, slots=True)
class ThirdParty:
    """One class of a package: how it is made, what it returns for a batch, and the loss in that."""

    package: str
    build: Build
    call: Callable[[nn.Module, Batch], Any]
    loss: Callable[[Any, Batch], torch.Tensor]
    sizes: tuple[str, ...]  # symbols of the cases that are measured
    optimizer: str = "optimizer=AdamW"
    padded: bool = True  # whether a batch has padding: transformers looks, and makes a mask or not
    settings: tuple[str, ...] = SETTINGS
    config: str = ""  # the model that describes it, where that has another name
