"""The cases of attention; see `validation.cases`. Sizes of `heads` operands are batch, length, heads, dimension."""

from __future__ import annotations

from collections.abc import Mapping


def _case(query: str, key: str = "", value: str = "", *, mask: str = "", given: str = "") -> str:
    """A row of `validation.cases`; key and value are as the query, and value as the key, where they are not given."""
    operands = [query, key or query, value or key or query, *([mask] if mask else [])]
    return f"{given} | {', '.join(operands)}"


FUNCTION = (
    _case("2 3 5 8"), _case("heads 2 5 3 8"), _case("heads 1 33 2 4"), _case("2 1 9 12"), _case("1 3 1 8"),
    _case("heads 2 7 3 5"), _case("2 3 5 6", "2 3 7 6"), _case("heads 2 5 3 64", "heads 2 70 3 64"),
    _case("2 3 5 8", "2 3 7 8", "2 3 7 12"), _case("heads 2 33 3 72"), _case("heads 2 130 2 96"), _case("heads 1 129 2 160"),
    _case("heads 1 65 1 256"), _case("heads 2 33 3 16", given="is_causal: true"),
    _case("heads 2 33 3 16", given="dropout_p: 0.1"), _case("heads 2 9 3 5", given="is_causal: true, dropout_p: 0.1"),
    _case("2 3 5 8", "2 3 7 8", given="is_causal: true"), _case("4 5 8"), _case("5 8", "7 8"), _case("2 3 2 5 8"),
    _case("2 3 5 8", given="scale: 0.5"), _case("heads 2 9 4 8", "heads 2 9 2 8", given="enable_gqa: true"),
    _case("2 4 9 8", "2 1 7 8", given="enable_gqa: true, is_causal: true"), _case("heads 2 9 4 8", given="enable_gqa: true"),
    _case("swapped 2 3 9 8"), _case("heads 2 33 3 8", mask="bool 33 33"), _case("heads 2 33 3 8", mask="bool 2 1 33 33"),
    _case("heads 2 33 3 8", mask="bool 2 1 1 33"), _case("heads 2 16 3 8", mask="bool 16 16"),
    _case("heads 2 33 3 8", mask="float32 2 3 33 33"), _case("heads 2 16 3 8", mask="float32 16 16"),
    _case("heads 2 33 3 8", mask="33 33"), _case("heads 2 16 3 8", mask="3 16 16"), _case("heads 2 20 3 8", mask="2 1 1 20"),
    _case("heads 2 33 3 5", mask="bool 33 33"), _case("heads 2 33 3 5", mask="3 33 33"),
    _case("heads 2 9 3 8", mask="swapped 9 9"), _case("heads 2 9 3 8", mask="float32 2 1 1 9", given="dropout_p: 0.2"),
    _case("heads 2 9 3 8", mask="float32 9 9", given="is_causal: true"), _case("heads 2 9 3 8", given="dropout_p: 0.125"),
)  # fmt: skip

HALF = (
    _case("half 2 3 5 8"), _case("half 1 3 33 40"), _case("half 2 3 5 33"), _case("half 1 2 130 72"), _case("half 1 2 65 160"),
    _case("half 1 2 9 256"), _case("half 1 1 9 264"), _case("half 2 3 9 8", given="dropout_p: 0.1"),
    _case("half 2 3 9 8", mask="bool 9 9"), _case("half 2 3 9 8", given="is_causal: true, dropout_p: 0.5"),
    _case("half 2 3 9 33", given="is_causal: true"), _case("half 2 3 9 8", mask="half 9 9"),
    _case("half 2 3 9 6", mask="bool 9 9"), _case("half 2 3 9 8", "half 2 3 7 8", "half 2 3 7 16"),
    _case("half 2 4 9 8", "half 2 2 7 8", given="enable_gqa: true"),
    _case("half 2 4 1 8", "half 2 2 7 8", given="enable_gqa: true"), _case("half 1 2 40 72", mask="bool 40 40"),
    _case("half 1 2 300 128", mask="bool 300 300"), _case("half 1 2 70 160", mask="bool 1 1 70 70"),
    _case("half 2 3 5 8", "half 2 3 7 8", given="is_causal: true"), _case("half 1 1 20 64", "half 1 1 5000 64"),
    _case("half 3 5 8"), _case("half 2 3 9 6", mask="float32 9 9"),
)  # fmt: skip

MODULE = (
    "num_heads: 2, batch_first: true | 2 33 64", "num_heads: 4, average_attn_weights: false, batch_first: true | 2 9 8",
    "num_heads: 2 | 5 3 8", "num_heads: 2, batch_first: true | 3 5 8", "num_heads: 2, bias: false | 5 3 8", "num_heads: 3 | 5 6",
    "num_heads: 2, dropout: 0.1 | 5 3 8", "num_heads: 2, average_attn_weights: false | 5 3 8", "num_heads: 2 | 5 3 8, 7 3 8",
    "num_heads: 2, batch_first: true | 3 5 8, 3 7 8", "num_heads: 2 | 5 3 8, 7 3 8, 7 3 8", "num_heads: 2 | 5 3 8, 7 3 6, 7 3 4",
    "num_heads: 2, bias: false | 5 3 8, 7 3 6",
)  # fmt: skip
PLAIN = (
    "| 5 3 8", "batch_first: true | 3 5 8", "bias: false | 5 3 8", "dropout: 0.1 | 5 3 8", "dropout: 0.1, batch_first: true | 2 33 64",
    "| 5 3 8, 7 3 8", "batch_first: true | 3 5 8, 3 7 8", "| 5 3 8, 7 3 8, 7 3 8", "| 5 3 8, 7 3 6, 7 3 4",
    "bias: false | 5 3 8, 7 3 6, 7 3 6",
    "batch_first: true | 2 9 24", "| 6 8", "batch_first: true | 1 5 8", "| 1 3 8", "| 5 3 6", "batch_first: true | 2 130 128",
)  # fmt: skip
MASKED = tuple(
    f"num_heads: 2, batch_first: true, need_weights: {asked}, key: a0, value: a0{masks} | 3 5 8, {given} | linear mean | {results}"
    for asked, results in (("true", 2), ("false", 1))
    for masks, given in (
        ("", "bool 3 5"), ("", "bool 3 5, bool 5 5"), (", key_padding_mask: null", "bool 5 5"),
        (", key_padding_mask: null", "float32 6 5 5"),
        (", key_padding_mask: null, is_causal: true", "bool 5 5"),
    )
)  # fmt: skip

SIZES = "nhead: 2, dim_feedforward: 16"
ENCODERS = tuple(f"{SIZES}, {row}" for row in (
    "batch_first: true | 3 5 8", "norm_first: true, batch_first: true | 3 5 8", "dropout: 0 | 5 3 8",
    "dropout: 0, norm_first: true, bias: false, activation: gelu | 5 3 8", "activation: gelu, batch_first: true | 2 33 64",
    "batch_first: true, layer_norm_eps: 0.001 | 3 5 8, float32 5 5", "batch_first: true | 3 5 8, bool 5 5, bool 3 5",
    "batch_first: true, is_causal: true | 3 5 8, bool 5 5", "batch_first: true, norm_first: true, src_mask: null | 3 5 8, bool 3 5",
))  # fmt: skip
DECODERS = tuple(f"{SIZES}, {row}" for row in (
    "batch_first: true | 3 5 8, 3 7 8", "norm_first: true, batch_first: true | 3 5 8, 3 7 8", "dropout: 0 | 5 3 8, float32 7 3 8",
    "dropout: 0, norm_first: true, bias: false, activation: gelu | 5 3 8, 7 3 8",
    "batch_first: true, tgt_is_causal: true | 3 5 8, 3 7 8, bool 5 5", "batch_first: true | 3 5 8, 3 7 8, float32 5 5, float32 5 7",
    "batch_first: true, tgt_mask: null, memory_mask: null | 3 5 8, 3 7 8, bool 3 5, bool 3 7",
))  # fmt: skip

ATTENTION: Mapping[str, tuple[str, ...]] = {
    "canonical_mask": ("| bool 3 5, 3 5 | linear", "| bool 3 5, half 2 7 | float"),
    "nested_tensor_from_mask": ("| 2 3 5, bool 2 3",),
    "scaled_dot_product_attention": (*FUNCTION, *(f"{row} | mean" for row in HALF)),
    "TransformerEncoderLayer": ENCODERS,
    "TransformerDecoderLayer": DECODERS,
    "MultiheadAttention": (
        *(f"{row} | linear mean | 2" for row in MODULE),
        *MASKED,
        *(f"num_heads: 2, need_weights: false{', ' * (row[0] != '|')}{row}" for row in PLAIN),
    ),
}
