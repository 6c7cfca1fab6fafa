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

ATTENTION: Mapping[str, tuple[str, ...]] = {"scaled_dot_product_attention": (*FUNCTION, *(f"{row} | mean" for row in HALF))}
