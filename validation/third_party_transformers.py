"""How classes of transformers are made and called."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from validation.third_party_kind import Batch, Build, ThirdParty
from validation.torchvision_ops import declare


def _called(module: nn.Module, batch: Batch) -> Any:
    """A transformers class: everything by name; with labels among it, the loss is in what comes back."""
    return module(**batch)


def own_loss(output: Any, batch: Batch) -> torch.Tensor:
    """The loss in what a class returns."""
    found: torch.Tensor = output.loss
    return found


def from_transformers(build: Build, *sizes: str, padded: bool = True, package: str = "transformers") -> ThirdParty:
    """A class that computes its own loss, called on the batch by name."""
    return ThirdParty(package, build, _called, own_loss, sizes, padded=padded)


def made(kind: str, attention: str, **settings: Any) -> nn.Module:
    """A transformers class `XForY` from the settings of its `XConfig`, in training mode as it comes."""
    declare()
    import transformers

    family = kind.partition("For")[0].removesuffix("LMHeadModel")
    config = getattr(transformers, f"{family}Config")(**settings, attn_implementation=attention)
    module: nn.Module = getattr(transformers, kind)(config)
    return module
