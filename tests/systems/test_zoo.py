"""Bundled models that no package has a class for, and the other sizes of one that has: their parameters."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from analyzer.evaluate import evaluate
from tests.asking import analysis
from validation.third_party_models import THIRD_PARTY

ESM2 = {"8M": (320, 6, 20), "35M": (480, 12, 20), "150M": (640, 30, 20), "650M": (1280, 33, 20), "3B": (2560, 36, 40)}


def _count(model: str, **symbols: int) -> int:
    graph = analysis(model, {"precision": "fp32"}, **symbols).graph
    return sum(evaluate(t.elements, graph.symbols) * evaluate(t.storage.copies, graph.symbols) for t in graph.parameters.values())


@pytest.mark.parametrize("size", ESM2)
def test_esm2_of_every_size_has_the_class_s_parameters(size: str) -> None:
    c, layers, n = ESM2[size]
    symbols = {"c": c, "L": layers, "n": n}
    with torch.device("meta"):
        module = THIRD_PARTY["esm2"].build(analysis("esm2", {}, **symbols).graph.symbols)

    assert _count("esm2", **symbols) == sum(p.numel() for p in module.parameters())


def test_u_nets_have_the_published_parameters() -> None:
    assert _count("unet") == 31_037_698  # of milesial/Pytorch-UNet's UNet(3, 2)
    assert _count("unet3d") == 19_069_955 + 4_672  # of the paper's convolutions, and of batch norm


def test_the_autoencoder_has_the_parameters_of_its_layers() -> None:
    layers = [nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20), nn.Linear(20, 400), nn.Linear(400, 784)]

    assert _count("vae") == sum(p.numel() for layer in layers for p in layer.parameters()) == 652_824


def test_the_word_language_model_has_the_parameters_of_its_layers() -> None:
    layers = [nn.Embedding(33278, 650), nn.LSTM(650, 650, 2)]  # the decoder's weight is the encoder's; it has a bias of its own

    assert _count("lstm-lm") == sum(p.numel() for layer in layers for p in layer.parameters()) + 33278


def test_only_adapters_are_trained_as_in_peft() -> None:
    traced = analysis("llama-3.1-8b-lora", L=2)
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        module = THIRD_PARTY["llama-3.1-8b-lora"].build(traced.graph.symbols)
    trained = [t for t in traced.graph.parameters.values() if t.requires_grad]

    assert {t.name.rpartition(".")[2] for t in trained} == {"lora_A", "lora_B"}
    assert sum(evaluate(t.elements * t.storage.copies, traced.graph.symbols) for t in trained) == sum(
        p.numel() for p in module.parameters() if p.requires_grad
    )
