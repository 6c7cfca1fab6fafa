"""Decoders of transformers with a key-value cache: one that a prompt fills, and one that a step makes longer."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from validation.third_party_decoders import decoders
from validation.third_party_kind import INFERENCE, Batch, Build, ThirdParty
from validation.third_party_transformers import own_loss

CAST_CACHE = "mode=infer precision=amp-bf16"  # under autocast a cache is what the layers made of it: its dtypes are no input's


def cached(t5: Build) -> dict[str, ThirdParty]:
    """The classes by the names of the models."""
    decoder, found = decoders("sdpa"), dict[str, ThirdParty]()
    for name in ("gpt2", "llama-3.1-8b"):
        build, sizes = decoder[name]
        past = tuple(size.replace("r=", "p=") for size in sizes)
        found[f"{name}-prefill"] = ThirdParty("transformers", build, _filling, own_loss, sizes, padded=False, settings=INFERENCE)
        steps = tuple(setting for setting in INFERENCE if setting != CAST_CACHE)
        found[f"{name}-decode"] = ThirdParty("transformers", build, _longer, own_loss, past, padded=False, settings=steps)
    answers = ("B=4 r=96 t=1", "B=3 r=37 t=1 L=5")
    return found | {"t5-small-cached": ThirdParty("transformers", t5, _filling, own_loss, answers, settings=INFERENCE)}


def _filling(module: nn.Module, batch: Batch) -> Any:
    """The class fills a cache of its own, which comes back."""
    return module(**batch, use_cache=True)


def _longer(module: nn.Module, batch: Batch) -> Any:
    """The class on a batch whose `keys.0`, `values.0`, ... are those of a DynamicCache, which from there on holds them alone."""
    from transformers import DynamicCache

    tensors = {name: tensor for name, tensor in batch.items() if "." not in name}
    cache: Any = DynamicCache(config=cast(Any, module.config))
    for number, layer in enumerate(cache.layers):
        layer.keys, layer.values = (_taken(batch, f"{kind}.{number}") for kind in ("keys", "values"))
        layer.dtype, layer.device, layer.is_initialized = layer.keys.dtype, layer.keys.device, True
    return module(**tensors, past_key_values=cache, use_cache=True)


def _taken(batch: Batch, name: str) -> torch.Tensor:
    assert isinstance(batch, dict)  # of the program, which is to hold it no more
    taken: torch.Tensor = batch.pop(name)
    return taken
