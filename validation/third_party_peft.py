"""peft's LoRA of a decoder of transformers."""

from __future__ import annotations

import torch
from torch import nn

from validation.third_party_decoders import LLAMA
from validation.third_party_kind import Symbols, ThirdParty
from validation.third_party_transformers import from_transformers


def _lora(s: Symbols) -> nn.Module:
    base = LLAMA(s)
    with torch.device("cpu"):  # importing peft makes tensors that stay
        from peft import LoraConfig, get_peft_model
    settings = LoraConfig(task_type="CAUSAL_LM", r=s["k"], lora_alpha=2 * s["k"], lora_dropout=0.05)
    made: nn.Module = get_peft_model(base, settings)
    return made


LORA: dict[str, ThirdParty] = {"llama-3.1-8b-lora": from_transformers(_lora, "B=1 r=256", "B=3 r=37 L=5 k=5", padded=False, package="peft")}
