"""The cases of products of matrices; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

EQUATIONS = (
    "bik,bjk->bij | 2 3 5, 2 4 5", "bik,bjk->bij | 1 3 5, 1 4 5", "bikc,bjkc->bijc | 2 3 4 5, 2 6 4 5",
    "bikc,bjkc->bijc | 1 3 4 5, 1 6 4 5", "bcik,bcjk->bcij | 2 5 3 4, 2 5 6 4", "bihd,bjhd->bhij | 2 3 4 5, 2 6 4 5",
    "...ab,...cd->...acbd | 2 3 4, 2 5 6", "ij,jk->ik | 3 5, 5 4", "bhij,bjhd->bihd | 2 4 3 6, 2 6 4 5",
    "bkic,bkjc->bijc | 2 3 4 5, 2 3 4 5", "bkic,bkjc->bijc | 1 3 4 5, 1 3 4 5", "bi,bj->bij | 2 3, 2 4", "ij,ij->ij | 3 5, 3 5",
    "ijk,k | 2 3 5, 5", "bij,bjk | 2 3 5, 2 5 4", "ij,kl->il | 3 5, 2 4", "bii,bj->bij | 2 3 3, 2 5", "abc,abd->cd | 2 3 5, 2 3 4",
    "b...c,cd->b...d | 2 3 4 5, 5 6", "bac,dac->bd | 2 1 5, 3 1 5", "ij,jk,kl->il | 3 5, 5 4, 4 2", "bi,bij,bj->b | 2 3, 2 3 4, 2 4",
    "ij->ji | 3 5", "bij->bi | 2 3 5", "ii->i | 4 4", "i,i-> | 5, 5 | mean", "ij,ij-> | 3 5, 3 5 | mean",
)  # fmt: skip

PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "mm": ("| 3 5, 5 4", "| swapped 3 5, 5 4", "| 3 5, float32 5 4", "| 3 1, 1 4"),
    "mv": ("| 3 5, 5", "| swapped 3 5, 5", "| 3 5, float32 5", "| float32 3 5, 5"),
    "dot": ("| 5, 5 | mean", "| 5, float32 5 | mean"),
    **dict.fromkeys(("outer", "ger"), ("| 5, 3", "| 5, float32 3", "| half 5, 1", "| 1, 7")),
    "addmm": ("| 3 4, 3 5, 5 4", "| 4, 3 5, 5 4", "beta: 0.5, alpha: 2 | 4, 3 5, 5 4", "alpha: 2 | float32 4, 3 5, 5 4"),
    "baddbmm": ("| 2 3 4, 2 3 5, 2 5 4", "beta: 0.5, alpha: 2 | 2 3 4, 2 3 5, 2 5 4", "| 3 1, 2 3 5, 2 5 4"),
    "bmm": ("| 2 3 5, 2 5 4", "| 2 3 5, swapped 2 5 4", "| 2 3 5, float32 2 5 4", "| 1 3 5, 1 5 1", "| 2 1 5, 2 5 4"),
    "matmul": (
        "| 3 5, 5 4", "| 2 3 5, 2 5 4", "| 2 3 5, 5 4", "| 2 2 3 5, 2 5 4", "| swapped 2 3 5, 5 4", "| 2 1 3 5, 2 5 4",
        "| 5, 5 | mean", "| 3 5, 5", "| 5, 5 4", "| 2 3 5, 5", "| 5, 2 5 4", "| 3 5, 2 5 4", "| 3 5, float32 2 5 4",
        "| float32 3 5, 2 5 4", "| 1 3 5, 2 5 4", "| 2 3 5, 1 5 4", "| 2 3 5, float32 1 5 4", "| 2 3 4 5, 5",
        "| swapped 3 5, swapped 2 5 4",
        "| swapped 2 3 5, float32 5 4",
    ),
    "linear": ("| 3 5, 4 5", "| 2 3 5, 4 5", "| 2 3 5, 4 5, 4", "| swapped 2 3 5, 4 5, 4"),
    "Linear": (
        "out_features: 4 | 3 5", "out_features: 4 | 2 3 5", "out_features: 4, bias: false | 2 3 5",
        "out_features: 4 | swapped 2 3 5", "out_features: 4, bias: false | swapped 2 3 5", "out_features: 1 | 5",
    ),
    "bilinear": ("| 3 5, 3 2, float32 4 5 2", "| 2 3 5, 2 3 2, float32 4 5 2, float32 4"),
    "Bilinear": ("out_features: 4 | 3 5, 3 2", "out_features: 4, bias: false | 2 3 5, 2 3 2", "out_features: 1 | 1 5, 1 1"),
    "einsum": tuple(f"equation: '{equation.strip()}' |{operands}" for equation, _, operands in (e.partition("|") for e in EQUATIONS)),
}  # fmt: skip
