"""Losses as torch.nn classes."""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops import likelihood, loss, similarity
from analyzer.ops.registry import op


@op
def MSELoss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = mean (x - target)²"""
    y: Tensor = loss.mse_loss(x, target, reduction=reduction)
    return y


@op
def L1Loss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = mean |x - target|"""
    y: Tensor = loss.l1_loss(x, target, reduction=reduction)
    return y


@op
def SmoothL1Loss(x: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """y = mean of d²/2β where |d| < β, else |d| - β/2, d = x - target"""
    y: Tensor = loss.smooth_l1_loss(x, target, reduction=reduction, beta=beta)
    return y


@op
def HuberLoss(x: Tensor, target: Tensor, *, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """y = mean of d²/2 where |d| < δ, else δ (|d| - δ/2), d = x - target"""
    y: Tensor = loss.huber_loss(x, target, reduction=reduction, delta=delta)
    return y


@op
def BCELoss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = -mean (target ln x + (1 - target) ln(1 - x))"""
    y: Tensor = loss.binary_cross_entropy(x, target, reduction=reduction)
    return y


@op
def BCEWithLogitsLoss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = -mean (target ln s + (1 - target) ln(1 - s)), s = sigmoid(x)"""
    y: Tensor = loss.binary_cross_entropy_with_logits(x, target, reduction=reduction)
    return y


@op
def NLLLoss(x: Tensor, target: Tensor, *, reduction: str = "mean", ignore_index: int = -100) -> Tensor:
    """y = -mean x[n, target[n]], x the log probabilities of the classes in dimension 1"""
    y: Tensor = likelihood.nll_loss(x, target, reduction=reduction, ignore_index=ignore_index)
    return y


@op
def CrossEntropyLoss(
    x: Tensor, target: Tensor, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0
) -> Tensor:
    """y = -mean of ln softmax(x) at the target's class, or weighted by the target's probabilities"""
    y: Tensor = likelihood.cross_entropy(x, target, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)
    return y


@op
def KLDivLoss(x: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """y = mean target (ln target - x), x and with log_target also the target being logarithms"""
    y: Tensor = likelihood.kl_div(x, target, reduction=reduction, log_target=log_target)
    return y


@op
def PoissonNLLLoss(x: Tensor, target: Tensor, *, log_input: bool = True, eps: float = 1e-8, reduction: str = "mean") -> Tensor:
    """y = mean (e^x - target x), or mean (x - target ln(x + eps)) without log_input"""
    y: Tensor = likelihood.poisson_nll_loss(x, target, log_input=log_input, eps=eps, reduction=reduction)
    return y


@op
def GaussianNLLLoss(x: Tensor, target: Tensor, var: Tensor, *, eps: float = 1e-6, reduction: str = "mean") -> Tensor:
    """y = mean ½ (ln var + (x - target)² / var)"""
    y: Tensor = likelihood.gaussian_nll_loss(x, target, var, eps=eps, reduction=reduction)
    return y


@op
def CosineEmbeddingLoss(x: Tensor, other: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """y = mean of 1 - cos where the target is 1, and of max(0, cos - margin) where it is -1"""
    y: Tensor = similarity.cosine_embedding_loss(x, other, target, margin=margin, reduction=reduction)
    return y


@op
def MarginRankingLoss(x: Tensor, other: Tensor, target: Tensor, *, margin: float = 0.0, reduction: str = "mean") -> Tensor:
    """y = mean max(0, -target (x - other) + margin)"""
    y: Tensor = similarity.margin_ranking_loss(x, other, target, margin=margin, reduction=reduction)
    return y


@op
def TripletMarginLoss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """y = mean max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin)"""
    y: Tensor = similarity.triplet_margin_loss(anchor, positive, negative, margin=margin, p=p, eps=eps, reduction=reduction)
    return y


@op
def CosineSimilarity(x: Tensor, other: Tensor, *, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = Σ x other / (‖x‖ ‖other‖) along a dimension"""
    y: Tensor = similarity.cosine_similarity(x, other, dim=dim, eps=eps)
    return y


@op
def PairwiseDistance(x: Tensor, other: Tensor, *, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """y = ‖x - other + eps‖ along the last dimension"""
    y: Tensor = similarity.pairwise_distance(x, other, p=p, eps=eps, keepdim=keepdim)
    return y
