"""The cases of reductions; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

OVER = ("dim: 1 | 2 3 5", "dim: [0, 1] | 2 3 5", "dim: -1, keepdim: true | 2 3 5", "dim: 1 | swapped 2 3 5", "| 2 3 5 | scalar")
LARGE = (
    "dim: 0 | 2100 40 | mean", "dim: 1 | 40 5000 | mean", "dim: [0, 2] | 70 12 130 | mean", "| 90 100 | scalar",
    "dim: 0 | half 1100 24 | mean", "dim: 1 | 40 3000 3 | mean", "dim: 1 | swapped 40 3 3000 | mean",
)  # fmt: skip

REDUCTIONS: Mapping[str, tuple[str, ...]] = {
    "mean": (*OVER, *LARGE, "dim: [0, 1], keepdim: true | half 2 3 5 | mean"),
    "sum": (*OVER, *LARGE, "dim: 0 | half 2 3 5 | mean"),
    "var": (*OVER, *LARGE, "correction: 0 | 4 5 | scalar"),
    "std": (*OVER, *LARGE),
    "amax": (*OVER, *LARGE),
    "amin": (*OVER, *LARGE),
    **dict.fromkeys(("any", "all"), ("| 3 5 | times", "dim: 1, keepdim: true | 3 5 | times")),
    "logsumexp": (*OVER[:-1], "dim: 1 | 40 5000 | mean", "dim: 0 | 2100 40 | mean"),
    "norm": (*OVER, *LARGE, "p: 1, dim: 1 | 2 3 5", "p: 1 | 3 5 | scalar", "p: 1, dim: -1, keepdim: true | 2 3 5"),
}  # fmt: skip
