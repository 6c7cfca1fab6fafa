"""Gene models whose classes are in no package index: they are run where the repository is on PYTHONPATH."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from validation.third_party_kind import Batch, Symbols, ThirdParty


def _scgpt(s: Symbols) -> nn.Module:
    """github.com/bowang-lab/scGPT, scgpt/model/model.py."""
    from scgpt.model.model import TransformerModel

    made: nn.Module = TransformerModel(
        s["V"], s["c"], s["n"], s["f"], s["L"], vocab={"<pad>": 0}, dropout=0.2, do_mvc=True, input_emb_style="continuous",
    )  # fmt: skip
    return made


def _on_genes(module: nn.Module, batch: Batch) -> Any:
    return module(batch["src"], batch["values"], batch["src_key_padding_mask"], MVC=True)


def _masked_errors(output: Any, batch: Batch) -> torch.Tensor:
    from scgpt.loss import masked_mse_loss

    loss_mse = masked_mse_loss(output["mlm_output"], batch["target"], batch["masked"])
    loss_gepc = masked_mse_loss(output["mvc_output"], batch["target"], batch["masked"])
    found: torch.Tensor = loss_mse + loss_gepc
    return found


def _scvi(likelihood: str) -> ThirdParty:
    def build(s: Symbols) -> nn.Module:
        return _vae(s, likelihood)

    sizes = ("B=128", "B=37 G=1001 K=3 H=60 Z=7 N=3")
    return ThirdParty("scvi-tools", build, _on_counts, _elbo, sizes, "optimizer=Adam weight_decay=true", padded=False)


def _vae(s: Symbols, likelihood: str) -> nn.Module:
    with torch.device("cpu"):  # modules of the package make tensors when they are read
        from scvi.module import VAE

    made: nn.Module = VAE(s["G"], n_batch=s["K"], n_hidden=s["H"], n_latent=s["Z"], n_layers=s["N"], gene_likelihood=likelihood)
    return made


def _on_counts(module: nn.Module, batch: Batch) -> Any:
    """A training step's forward, or that of what is read off a trained model."""
    tensors = {"X": batch["x"], "batch": batch["batch_index"], "labels": batch["batch_index"]}
    return module(tensors, compute_loss=module.training)


def _elbo(output: Any, batch: Batch) -> torch.Tensor:
    found: torch.Tensor = output[2].loss
    return found


GENES: Mapping[str, ThirdParty] = {
    "scgpt": ThirdParty("scgpt", _scgpt, _on_genes, _masked_errors, ("B=4 r=256 L=3 V=1000", "B=3 r=37 L=5 c=60 n=4"), "optimizer=Adam"),
    "scvi": _scvi("zinb"),
    "scvi-nb": _scvi("nb"),
}
