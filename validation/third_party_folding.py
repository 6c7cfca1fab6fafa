"""A block of ESMFold's folding trunk, of transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from validation.third_party_kind import Batch, Symbols, ThirdParty
from validation.torchvision_ops import declare


def _block(s: Symbols) -> nn.Module:
    declare()
    from transformers.models.esm import modeling_esmfold
    from transformers.models.esm.configuration_esm import TrunkConfig

    block: Callable[..., nn.Module] = modeling_esmfold.EsmFoldTriangularSelfAttentionBlock
    return block(TrunkConfig(sequence_state_dim=s["c_s"], pairwise_state_dim=s["c_z"]))


def _on_states(module: nn.Module, batch: Batch) -> Any:
    return module(batch["s"], batch["z"], batch["mask"])


def _means(output: Any, batch: Batch) -> torch.Tensor:
    s, z = output
    found: torch.Tensor = s.mean() + z.mean()
    return found


FOLDING = {"esmfold-block": ThirdParty("transformers", _block, _on_states, _means, ("B=1 r=64", "B=2 r=37"), "optimizer=Adam")}
