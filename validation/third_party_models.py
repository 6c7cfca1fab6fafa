"""Third-party classes that bundled models describe: how each is made from a config's symbols, and called on its inputs.

A config's inputs have the names of the class's arguments. `labels` are what its loss wants beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from validation.third_party_cache import cached
from validation.third_party_decoders import MISTRAL, Decoder, decoders, mixtral
from validation.third_party_folding import FOLDING
from validation.third_party_genes import GENES
from validation.third_party_kind import Build, Symbols, ThirdParty
from validation.third_party_peft import LORA
from validation.third_party_timm import TIMM
from validation.third_party_transformers import from_transformers, made
from validation.third_party_vision import VISION


def _bert(attention: str, kind: str = "BertForMaskedLM", **settings: Any) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            kind, attention, **settings, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"],
            num_attention_heads=s["n"], intermediate_size=s["f"], max_position_embeddings=s["P"],
        )  # fmt: skip

    return build


def _esm(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            "EsmForMaskedLM", attention, vocab_size=s["V"], hidden_size=s["c"], num_hidden_layers=s["L"], num_attention_heads=s["n"],
            intermediate_size=s["f"], max_position_embeddings=s["P"], mask_token_id=32, pad_token_id=1, layer_norm_eps=1e-5,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, position_embedding_type="rotary", token_dropout=True,
            emb_layer_norm_before=False,
        )  # fmt: skip

    return build


def _distilbert(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            "DistilBertForMaskedLM", attention, vocab_size=s["V"], dim=s["c"], n_layers=s["L"], n_heads=s["n"], hidden_dim=s["f"],
            max_position_embeddings=s["P"],
        )  # fmt: skip

    return build


def _vit(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            "ViTForImageClassification", attention, image_size=s["s"], patch_size=16, hidden_size=s["c"], num_hidden_layers=s["L"],
            num_attention_heads=s["n"], intermediate_size=s["f"], num_labels=s["K"],
        )  # fmt: skip

    return build


def _t5(attention: str) -> Build:
    def build(s: Symbols) -> nn.Module:
        return made(
            "T5ForConditionalGeneration", attention, vocab_size=s["V"], d_model=s["c"], d_kv=s["d"], d_ff=s["f"], num_layers=s["L"],
            num_heads=s["n"], use_cache=False,
        )  # fmt: skip

    return build


def _geneformer(s: Symbols) -> nn.Module:
    return _bert("sdpa", hidden_act="relu", hidden_dropout_prob=0.02, attention_probs_dropout_prob=0.02)(s)


PADDED = ("bert", "roberta", "distilbert", "esm")  # whose batches have padding, whatever the attention


def _language_models(kind: str, attention: str, padded: bool) -> dict[str, ThirdParty]:
    """The models of transformers with attention by one implementation; `kind` ends their names."""
    built: dict[str, Decoder] = {
        "bert-base": (_bert(attention), ("B=8 r=128", "B=3 r=37 L=5")),
        "bert-large": (_bert(attention), ("B=2 r=128", "B=1 r=51 L=3")),
        "roberta-base": (_bert(attention, "RobertaForMaskedLM", type_vocab_size=1), ("B=4 r=128", "B=3 r=37 L=5")),
        "distilbert": (_distilbert(attention), ("B=4 r=128", "B=3 r=37 L=5")),
        "esm2": (_esm(attention), ("B=2 r=128 c=320 L=6", "B=3 r=37 L=3")),
        **decoders(attention),
    }
    return {
        f"{name}{kind}": from_transformers(build, *sizes, padded=padded or name.startswith(PADDED))
        for name, (build, sizes) in built.items()
    }


THIRD_PARTY: Mapping[str, ThirdParty] = {
    **_language_models("-eager", "eager", padded=True),
    **_language_models("", "sdpa", padded=False),
    "mistral-7b": from_transformers(MISTRAL, "B=1 r=256", "B=2 r=65 L=5", padded=False),
    "mixtral-8x7b-batched": from_transformers(mixtral, "B=1 r=16", "B=2 r=5 L=3 c=512 f=100", padded=False),
    **LORA,
    **FOLDING,
    "t5-small-eager": from_transformers(_t5("eager"), "B=4 r=96 t=64", "B=3 r=37 t=21 L=5"),
    "t5-small": from_transformers(_t5("sdpa"), "B=4 r=96 t=64", "B=3 r=37 t=21 L=5"),
    "t5-base-eager": from_transformers(_t5("eager"), "B=2 r=96 t=64"),
    "t5-base": from_transformers(_t5("sdpa"), "B=2 r=96 t=64"),
    "geneformer": from_transformers(_geneformer, "B=4 r=256", "B=3 r=37 L=5 c=60"),
    "vit-b-16-eager": from_transformers(_vit("eager"), "B=4", "B=3 s=80 L=5"),
    "vit-b-16-sdpa": from_transformers(_vit("sdpa"), "B=4", "B=3 s=80 L=5"),
    **cached(_t5("eager")),
    **VISION,
}

EVERY: Mapping[str, ThirdParty] = {**THIRD_PARTY, **GENES, **TIMM}


def cases(only: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Model, symbols and run settings of every case; without names, of the classes that a package index has."""
    for name in tuple(only) or THIRD_PARTY:
        kind = EVERY[name]
        yield from ((name, symbols, f"{run} {kind.optimizer}") for symbols in kind.sizes for run in kind.settings)
