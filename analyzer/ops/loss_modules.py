"""Losses as torch.nn classes: they have no parameters, each is its function under another name."""

from __future__ import annotations

from analyzer.ops import likelihood, loss, similarity
from analyzer.ops.registry import module

module("MSELoss", loss.mse_loss)
module("L1Loss", loss.l1_loss)
module("SmoothL1Loss", loss.smooth_l1_loss)
module("HuberLoss", loss.huber_loss)
module("BCELoss", loss.binary_cross_entropy)
module("BCEWithLogitsLoss", loss.binary_cross_entropy_with_logits)
module("NLLLoss", likelihood.nll_loss)
module("CrossEntropyLoss", likelihood.cross_entropy)
module("KLDivLoss", likelihood.kl_div)
module("PoissonNLLLoss", likelihood.poisson_nll_loss)
module("GaussianNLLLoss", likelihood.gaussian_nll_loss)
module("CosineEmbeddingLoss", similarity.cosine_embedding_loss)
module("HingeEmbeddingLoss", similarity.hinge_embedding_loss)
module("MarginRankingLoss", similarity.margin_ranking_loss)
module("TripletMarginLoss", similarity.triplet_margin_loss)
module("CosineSimilarity", similarity.cosine_similarity)
module("PairwiseDistance", similarity.pairwise_distance)
