"""Decoders of transformers that bundled models describe."""

from __future__ import annotations

from typing import Any

from torch import nn

from validation.third_party_kind import Build, Symbols
from validation.third_party_transformers import made

Decoder = tuple[Build, tuple[str, ...]]


def _gpt2(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            "GPT2LMHeadModel", attention, vocab_size=s["V"], n_embd=s["c"], n_layer=s["L"], n_head=s["n"], n_inner=s["f"],
            n_positions=s["P"], use_cache=False,
        )  # fmt: skip

    return build


def _llama(attention: str, kind: str = "LlamaForCausalLM", tied: bool = False, **settings: Any) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            kind, attention, **settings, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"], num_attention_heads=s["n"],
            num_key_value_heads=s["kv"], intermediate_size=s["f"], tie_word_embeddings=tied, use_cache=False,
        )  # fmt: skip

    return build


def decoders(attention: str) -> dict[str, Decoder]:
    """How decoders are made, by the name of the model, with the sizes that are measured."""
    return {
        "gpt2": (_gpt2(attention), ("B=4 r=256", "B=3 r=37 L=5")),
        "gpt2-medium": (_gpt2(attention), ("B=2 r=128",)),
        "gpt2-large": (_gpt2(attention), ("B=1 r=96",)),
        "gpt2-xl": (_gpt2(attention), ("B=1 r=64", "B=2 r=33 L=3")),
        "llama-3.2-1b": (_llama(attention, tied=True), ("B=1 r=512", "B=3 r=37 L=3")),
        "llama-3.1-8b": (_llama(attention), ("B=1 r=256", "B=2 r=65 L=5")),
        "llama-3.1-70b": (_llama(attention), ("B=1 r=64 L=6",)),
        "qwen2.5-7b": (_llama(attention, "Qwen2ForCausalLM"), ("B=1 r=256", "B=2 r=65 L=5")),
        "qwen3-8b": (_llama(attention, "Qwen3ForCausalLM", head_dim=128), ("B=1 r=256", "B=2 r=65 L=5")),
    }


LLAMA = _llama("sdpa")


def mixtral(s: Symbols) -> nn.Module:
    """Mixtral whose experts are batched products: of fixed shapes, whatever the router says."""
    sizes: dict[str, Any] = {"num_local_experts": s["E"], "num_experts_per_tok": s["k"]}
    return _llama("sdpa", "MixtralForCausalLM", sliding_window=None, experts_implementation="batched_mm", **sizes)(s)


MISTRAL = _llama("sdpa", "MistralForCausalLM", sliding_window=None)
