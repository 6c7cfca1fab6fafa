"""The cases of losses; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

BETWEEN = (
    "| 3 5, float32 3 5 | scalar", "reduction: sum | 2 3 5, 2 3 5 | scalar", "reduction: none | 3 5, 3 5",
    "| swapped 2 3 5, 2 3 5 | scalar", "| float32 3 5, 3 5 | scalar", "| 90 100, float32 90 100 | scalar",
)  # fmt: skip
LOGARITHMS = ("| 3 5, float32 3 5 | scalar", "reduction: sum | 2 3 5, float32 2 3 5 | scalar", "reduction: none | 3 5, float32 3 5")
PROBABILITIES = (
    "| between 3 5, float32 3 5 | scalar", "reduction: sum | between 2 3 5, float32 2 3 5 | scalar",
    "reduction: none | between 3 5, float32 3 5", "| between 3 5, between 3 5 | scalar",
)  # fmt: skip
CLASSES = (
    "| 3 5, int64 3 | scalar", "reduction: sum | 3 5, int64 3 | scalar", "reduction: none | 3 5, int64 3 | mean",
    "| 2 5 3, int64 2 3 | scalar", "| 2 5 3 4, int64 2 3 4 | scalar", "reduction: none | 2 5 3, int64 2 3 | mean",
    "| swapped 2 5 3, int64 2 3 | scalar", "ignore_index: 0 | 3 5, int64 3 | scalar", "| 900 100, int64 900 | scalar",
)  # fmt: skip
SMOOTHED = (
    "label_smoothing: 0.1 | 3 5, int64 3 | scalar", "label_smoothing: 0.1, reduction: sum | 3 5, int64 3 | scalar",
    "label_smoothing: 0.1, reduction: none | 3 5, int64 3 | mean", "label_smoothing: 0.1 | 2 5 3, int64 2 3 | scalar",
    "| 3 5, float32 3 5 | scalar", "reduction: sum | 3 5, float32 3 5 | scalar", "label_smoothing: 0.1 | 3 5, float32 3 5 | scalar",
    "reduction: none | 3 5, float32 3 5 | mean", "| 2 5 3, 2 5 3 | scalar",
)  # fmt: skip
COUNTS = (*LOGARITHMS, "log_input: false | between 3 5, float32 3 5 | scalar")
GAUSSIAN = (
    "| 3 5, float32 3 5, between 3 5 | scalar", "reduction: sum | 3 5, float32 3 5, between 3 | scalar",
    "reduction: none | 3 5, 3 5, between 3 1", "| 3 5, float32 3 5, float32 3 5 | scalar",
)  # fmt: skip
ALIKE = ("| 3 5, 3 5 | mean", "| 3 5, float32 3 5 | mean")
DIVERGENCE = (
    *LOGARITHMS[1:], "log_target: true, reduction: sum | 3 5, float32 3 5 | scalar",
    "log_target: true, reduction: none | 2 3 5, 2 3 5", "reduction: sum | 3 5, between 3 5 | scalar",
)  # fmt: skip
EMBEDDED = ("| 3 5, 3 5, int64 3 | scalar", "reduction: none, margin: 0.2 | 3 5, float32 3 5, int64 3 | mean")
RANKED = (
    "| 5, 5, float32 5 | scalar",
    "reduction: none | 3 5, 3 5, float32 3 5",
    "reduction: sum | 3 5, float32 3 5, float32 3 5 | scalar",
)
TRIPLETS = ("| 3 5, 3 5, 3 5 | scalar", "reduction: none | 2 3 5, 2 3 5, float32 2 3 5 | mean")

TARGETS = (
    "| 3 5, float32 3 5 | scalar", "reduction: sum | 3 5, float32 3 5 | scalar", "| 90 100, float32 90 100 | scalar",
    "reduction: none | 3 5, float32 3 5",
)  # fmt: skip

LOSSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("mse_loss", "smooth_l1_loss", "huber_loss", "l1_loss"), BETWEEN),
    **dict.fromkeys(("MSELoss", "SmoothL1Loss", "HuberLoss", "L1Loss"), BETWEEN),
    **dict.fromkeys(("binary_cross_entropy", "BCELoss"), PROBABILITIES),
    **dict.fromkeys(("binary_cross_entropy_with_logits", "BCEWithLogitsLoss"), BETWEEN),
    **dict.fromkeys(("nll_loss", "NLLLoss"), CLASSES),
    **dict.fromkeys(("cross_entropy", "CrossEntropyLoss"), (*CLASSES, *SMOOTHED)),
    **dict.fromkeys(("kl_div", "KLDivLoss"), DIVERGENCE),
    **dict.fromkeys(("poisson_nll_loss", "PoissonNLLLoss"), COUNTS),
    **dict.fromkeys(("gaussian_nll_loss", "GaussianNLLLoss"), GAUSSIAN),
    **dict.fromkeys(("cosine_embedding_loss", "CosineEmbeddingLoss"), EMBEDDED),
    **dict.fromkeys(("margin_ranking_loss", "MarginRankingLoss"), RANKED),
    **dict.fromkeys(("triplet_margin_loss", "TripletMarginLoss"), TRIPLETS),
    **dict.fromkeys(("cosine_similarity", "CosineSimilarity"), (*ALIKE, "dim: -1 | 2 3 5, 2 3 5 | mean", "dim: -1 | 2 3 5, 5 | mean")),
    **dict.fromkeys(("pairwise_distance", "PairwiseDistance"), (*ALIKE, "keepdim: true | 2 3 5, 5 | mean")),
    **dict.fromkeys(("soft_margin_loss", "SoftMarginLoss"), TARGETS),
    **dict.fromkeys(("hinge_embedding_loss", "HingeEmbeddingLoss"), (*TARGETS[:3], f"{TARGETS[3]} | mean")),
    **dict.fromkeys(("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss"), (*TARGETS[:3], f"{TARGETS[3]} | mean")),
    "normalize": ("| 3 5", "dim: -1 | 2 3 5", "dim: 0 | swapped 2 3 5"),
}  # fmt: skip
