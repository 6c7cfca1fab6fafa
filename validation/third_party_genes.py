"""Models of genes and genomes. Their packages have many dependencies: `validation/nullcuda/run.sh setup extra` installs them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
from torch import nn

from validation.third_party_kind import SETTINGS, Batch, Symbols, ThirdParty

ROW_MAJOR = tuple(setting for setting in SETTINGS if "=bf16" not in setting)  # batch norm of transposed bf16 has no rule
ENFORMER = ("B=1 r=16384 t=40 L=2", "B=3 r=4736 t=21 L=5 c=120 n=4 d=10 K=7 M=5")


def _of_scgpt(name: str) -> Any:
    """A module of scGPT, without what its packages import beside it (torchtext, which has no build for today's torch)."""
    for package in ("scgpt", "scgpt.model"):
        spec = None if package in sys.modules else find_spec(package)
        if spec is not None:
            sys.modules[package] = ModuleType(package)
            sys.modules[package].__path__ = list(spec.submodule_search_locations or ())
    return import_module(name)


def _scgpt(s: Symbols) -> nn.Module:
    """github.com/bowang-lab/scGPT, scgpt/model/model.py."""
    made: nn.Module = _of_scgpt("scgpt.model.model").TransformerModel(
        s["V"], s["c"], s["n"], s["f"], s["L"], vocab={"<pad>": 0}, dropout=0.2, do_mvc=True, input_emb_style="continuous",
    )  # fmt: skip
    return made


def _on_genes(module: nn.Module, batch: Batch) -> Any:
    return module(batch["src"], batch["values"], batch["src_key_padding_mask"], MVC=True)


def _masked_errors(output: Any, batch: Batch) -> torch.Tensor:
    masked_mse_loss = _of_scgpt("scgpt.loss").masked_mse_loss
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


def _enformer(s: Symbols) -> nn.Module:
    with torch.device("cpu"):  # the package makes tensors when it is read
        from enformer_pytorch import Enformer

    heads = {"human": s["K"], "mouse": s["M"]}
    made: nn.Module = Enformer.from_hparams(
        dim=s["c"], depth=s["L"], heads=s["n"], output_heads=heads, target_length=s["t"], attn_dim_key=s["d"], dim_divisible_by=s["c"] // 12
    )
    return made


def _on_bases(module: nn.Module, batch: Batch) -> Any:
    """A training step on human tracks, or what is predicted of both species."""
    return module(batch["x"], target=batch["target"], head="human") if module.training else module(batch["x"])


def _itself(output: Any, batch: Batch) -> torch.Tensor:
    found: torch.Tensor = output
    return found


GENES: Mapping[str, ThirdParty] = {
    "scgpt": ThirdParty("scgpt", _scgpt, _on_genes, _masked_errors, ("B=4 r=256 L=3 V=1000", "B=3 r=37 L=5 c=60 n=4"), "optimizer=Adam"),
    "scvi": _scvi("zinb"),
    "scvi-nb": _scvi("nb"),
    "enformer": ThirdParty("enformer-pytorch", _enformer, _on_bases, _itself, ENFORMER, "optimizer=Adam", False, ROW_MAJOR),
}
