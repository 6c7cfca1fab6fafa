"""Third-party classes that bundled models describe: how each is made from a config's symbols, and called on its inputs.

A config's inputs have the names of the class's arguments. `labels` are what its loss wants beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from validation.third_party_genes import GENES
from validation.third_party_kind import Batch, Build, Symbols, ThirdParty
from validation.third_party_vision import VISION
from validation.torchvision_ops import declare


def _called(module: nn.Module, batch: Batch) -> Any:
    """A transformers class: everything by name; with labels among it, the loss is in what comes back."""
    return module(**batch)


def _own_loss(output: Any, batch: Batch) -> torch.Tensor:
    found: torch.Tensor = output.loss
    return found


def _transformers(build: Build, *sizes: str, padded: bool = True) -> ThirdParty:
    return ThirdParty("transformers", build, _called, _own_loss, sizes, padded=padded)


def _made(kind: str, attention: str, **settings: Any) -> nn.Module:
    """A transformers class `XForY` from the settings of its `XConfig`, in training mode as it comes."""
    declare()
    import transformers

    family = kind.partition("For")[0].removesuffix("LMHeadModel")
    config = getattr(transformers, f"{family}Config")(**settings, attn_implementation=attention)
    made: nn.Module = getattr(transformers, kind)(config)
    return made


def _bert(attention: str, kind: str = "BertForMaskedLM", **settings: Any) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            kind, attention, **settings, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"],
            num_attention_heads=s["n"], intermediate_size=s["f"], max_position_embeddings=s["P"],
        )  # fmt: skip

    return build


def _esm(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            "EsmForMaskedLM", attention, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"], num_attention_heads=s["n"],
            intermediate_size=s["f"], max_position_embeddings=s["P"], mask_token_id=32, pad_token_id=1, layer_norm_eps=1e-5,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, position_embedding_type="rotary", token_dropout=True,
            emb_layer_norm_before=False,
        )  # fmt: skip

    return build


def _gpt2(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            "GPT2LMHeadModel", attention, vocab_size=s["V"], n_embd=s["c"], n_layer=s["L"], n_head=s["n"], n_inner=s["f"],
            n_positions=s["P"], use_cache=False,
        )  # fmt: skip

    return build


def _llama(attention: str, tied: bool) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            "LlamaForCausalLM", attention, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"], num_attention_heads=s["n"],
            num_key_value_heads=s["kv"], intermediate_size=s["f"], tie_word_embeddings=tied, use_cache=False,
        )  # fmt: skip

    return build


def _distilbert(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            "DistilBertForMaskedLM", attention, vocab_size=s["V"], dim=s["c"], n_layers=s["L"], n_heads=s["n"], hidden_dim=s["f"],
            max_position_embeddings=s["P"],
        )  # fmt: skip

    return build


def _vit(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return _made(
            "ViTForImageClassification", attention, image_size=s["s"], patch_size=16, hidden_size=s["c"], num_hidden_layers=s["L"],
            num_attention_heads=s["n"], intermediate_size=s["f"], num_labels=s["K"],
        )  # fmt: skip

    return build


def _t5(s: Symbols) -> nn.Module:
    return _made(
        "T5ForConditionalGeneration", "eager", vocab_size=s["V"], d_model=s["c"], d_kv=s["d"], d_ff=s["f"], num_layers=s["L"],
        num_heads=s["n"], use_cache=False,
    )  # fmt: skip


def _geneformer(s: Symbols) -> nn.Module:
    dropouts = {"hidden_dropout_prob": 0.02, "attention_probs_dropout_prob": 0.02}
    return _bert("sdpa", hidden_act="relu", **dropouts)(s)


PADDED = ("bert", "roberta", "distilbert", "esm")  # whose batches have padding, whatever the attention


def _language_models(kind: str, attention: str, padded: bool) -> dict[str, ThirdParty]:
    """The models of transformers with attention by one implementation; `kind` ends their names."""
    built: dict[str, tuple[Build, tuple[str, ...]]] = {
        "bert-base": (_bert(attention), ("B=8 r=128", "B=3 r=37 L=5")),
        "bert-large": (_bert(attention), ("B=2 r=128", "B=1 r=51 L=3")),
        "roberta-base": (_bert(attention, "RobertaForMaskedLM", type_vocab_size=1), ("B=4 r=128", "B=3 r=37 L=5")),
        "distilbert": (_distilbert(attention), ("B=4 r=128", "B=3 r=37 L=5")),
        "esm2": (_esm(attention), ("B=2 r=128 c=320 L=6", "B=3 r=37 L=3")),
        "gpt2": (_gpt2(attention), ("B=4 r=256", "B=3 r=37 L=5")),
        "gpt2-medium": (_gpt2(attention), ("B=2 r=128",)),
        "gpt2-large": (_gpt2(attention), ("B=1 r=96",)),
        "gpt2-xl": (_gpt2(attention), ("B=1 r=64", "B=2 r=33 L=3")),
        "llama-3.2-1b": (_llama(attention, tied=True), ("B=1 r=512", "B=3 r=37 L=3")),
        "llama-3.1-8b": (_llama(attention, tied=False), ("B=1 r=256", "B=2 r=65 L=5")),
        "llama-3.1-70b": (_llama(attention, tied=False), ("B=1 r=64 L=6",)),
    }
    return {
        f"{name}{kind}": _transformers(build, *sizes, padded=padded or name.startswith(PADDED)) for name, (build, sizes) in built.items()
    }


THIRD_PARTY: Mapping[str, ThirdParty] = {
    **_language_models("-eager", "eager", padded=True),
    **_language_models("", "sdpa", padded=False),
    "t5-small-eager": _transformers(_t5, "B=4 r=96 t=64", "B=3 r=37 t=21 L=5"),
    "t5-base-eager": _transformers(_t5, "B=2 r=96 t=64"),
    "geneformer": _transformers(_geneformer, "B=4 r=256", "B=3 r=37 L=5 c=60"),
    "vit-b-16-eager": _transformers(_vit("eager"), "B=4", "B=3 s=80 L=5"),
    **VISION,
}

EVERY: Mapping[str, ThirdParty] = {**THIRD_PARTY, **GENES}
SETTINGS = ("mode=train precision=fp32", "mode=train precision=amp-bf16", "mode=train precision=bf16", "mode=infer precision=fp32")


def cases(only: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Model, symbols and run settings of every case; without names, of the classes that a package index has."""
    for name in tuple(only) or THIRD_PARTY:
        kind = EVERY[name]
        yield from ((name, symbols, f"{run} {kind.optimizer}") for symbols in kind.sizes for run in SETTINGS)
