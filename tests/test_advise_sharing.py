"""Advice for several GPUs: tensor, sequence and loss parallel, pipelines, and what is shared already; each command ends with 0."""

from __future__ import annotations

import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analyzer.advice.cuts import balanced
from analyzer.advice.traffic import traffic
from analyzer.analysis import Analysis, analyze
from analyzer.run.settings import read_run
from tests.asking import evaluated, model, peakform
from tests.test_advise import CARD, told

MEGATRON = "tests/configs/valid/megatron-layer.yaml"
HEAD = """
symbols: {B: 1, r: 512, c: 256, V: 32768}
inputs: {x: [B, r, c], y: {shape: [B, r], dtype: int64}}
blocks:
  divided: {inputs: [x], shard: {x: scattered}, layers: [], outputs: [x]}
  mlp:
    inputs: [x]
    shard: {x: gathered, up: colwise, down: rowwise, norm: sequence_parallel}
    layers:
      - LayerNorm: {in: x, name: norm, as: h}
      - Linear: {in: h, out_features: 8*c, name: up, as: h}
      - GELU: {in: h, as: h}
      - Linear: {in: h, out_features: c, name: down, as: h}
      - let: {x: x + h}
    outputs: [x]
  head:
    inputs: [x]
    shard: {x: gathered, decoder: colwise_gather_output}
    layers:
      - Linear: {in: x, out_features: V, name: decoder}
layers:
  - {divided: {in: x, as: h}}
  - {mlp: {in: h, as: h}}
  - {mlp: {in: h, as: h}}
  - {head: {in: h, as: scores}}
outputs: [scores]
loss:
  - let: {loss: "cross_entropy(flatten(scores, 0, 1), flatten(y, 0, 1))"}
run: {mode: train, outputs: dropped, expandable_segments: true}
"""
CNN = """
symbols: {B: 8, s: 64}
inputs: {x: [B, 3, s, s], y: [B, 64, s, s]}
layers:
  - Conv2d: {out_channels: 64, kernel_size: 3, padding: 1}
loss: [mse_loss: y]
run: {mode: train, outputs: dropped}
"""
STAGES = """
symbols: {B: 8, r: 64, c: 1024}
inputs: {x: [B, r, c], y: [B, r, c]}
blocks:
  part: {inputs: [x], layers: [Linear: 8*c, GELU, Linear: c]}
layers: [part, part, part, part]
loss: [mse_loss: y]
run: {mode: train, optimizer: AdamW, optimizer_form: fused, outputs: dropped, expandable_segments: true}
"""


def advised(config: str, words: str, gib: float, folder: Path, most: int = 6) -> list[dict[str, Any]]:
    """The advice for a config on a card of so many GiB, each verified."""
    card = folder / "cards.yaml"
    card.write_text(CARD % gib, encoding="utf-8")
    path = config
    if "\n" in config:
        path = str(folder / "mine.yaml")
        Path(path).write_text(config, encoding="utf-8")
    options = ("--gpus-file", str(card))
    found: list[dict[str, Any]] = told(path, *words.split(), *options, "--gpu", "small", "--most", str(most))["advice"]
    for advice in found:
        check = peakform(*shlex.split(advice["command"])[1:])
        assert check.exit_code == 0, (advice["command"], check.output)
    return found


def analyzed(config: str, **settings: str) -> Analysis:
    """A config as it is set, with other run settings."""
    described = model(config)
    return analyze(described, {}, read_run(described.run, settings))


@pytest.mark.parametrize(("config", "words", "gib", "settings"), [
    (HEAD, "", 0.35, {"loss_parallel": "true"}),
    (MEGATRON, "B=1 r=4096 c=512 L=2", 0.455, {"sequence_parallel": "true"}),
])  # fmt: skip
def test_what_else_tensor_parallel_divides(config: str, words: str, gib: float, settings: dict[str, str], tmp_path: Path) -> None:
    (least,) = [a for a in advised(config, words, gib, tmp_path, most=1) if a["yaml"]["run"].get("parallel") == "tensor"]

    assert settings.items() <= least["yaml"]["run"].items()
    assert (least["effective_batch_unchanged"], least["numerics"], least["extra_flops"]) == (True, "rounding", 0)


def test_a_model_without_shard_is_not_divided(tmp_path: Path) -> None:
    found = advised(STAGES, "", 1.1, tmp_path, most=16)

    assert found
    assert all("tensor" not in advice["yaml"]["run"].values() for advice in found)


@pytest.mark.parametrize(("config", "words", "gib"), [
    ("gpt2", "B=8 L=4 outputs=dropped", 2.4), ("bert-base-eager", "B=16 L=4", 2.1), ("unet", "B=16", 6.6),
    (STAGES, "", 1.1),
])  # fmt: skip
def test_a_model_is_cut_into_stages(config: str, words: str, gib: float, tmp_path: Path) -> None:
    words = words.replace("outputs", "run.outputs")
    found = [a for a in advised(config, words, gib, tmp_path, most=16) if a["yaml"]["run"].get("parallel") == "pipeline"]
    assert found
    run, symbols = found[0]["yaml"]["run"], found[0]["yaml"]["symbols"]
    stages, parts = int(run["ranks"]), int(run["n_microbatches"])
    samples = int(dict(word.split("=") for word in words.split()).get("B", 8))

    assert int(symbols["B"]) * parts == samples
    assert found[0]["effective_batch_unchanged"]
    assert found[0]["bubble"]["share"] == pytest.approx(float(Fraction(stages - 1, parts + stages - 1)))
    assert found[0]["extra_flops"] == 0
    assert ("have to be summed" in found[0]["cost"]) == (config in ("gpt2", "bert-base-eager"))  # whose embeddings are tied to the head


def test_a_single_layer_is_not_cut(tmp_path: Path) -> None:
    found = advised(CNN, "B=64", 0.4, tmp_path, most=16)

    assert found
    assert all(advice["bubble"] is None for advice in found)


def test_stages_hold_about_as_much() -> None:
    described = analyzed("bert-base")

    assert balanced(described, 2, 8) == "model.bert.encoder.layer.5"  # embeddings, and the head's tied weight beside 12 layers
    assert balanced(analyzed("unet"), 2, 8) == "up1"
    assert balanced(analyzed("bioformer-projected"), 10**3, 10**3) == ""


@pytest.mark.parametrize(("settings", "per_layer"), [
    ({}, 4 + 4 * 2),  # two all-reduces in forward, of q, k, v and up one each in backward, which Megatron has of two inputs
    ({"sequence_parallel": "true"}, 8),  # Korthikanti et al. 2022, section 4.2.2: four all-gathers and four reduce-scatters
    ({"checkpoint": "layer"}, 4 + 4 * 2 + 4),
])  # fmt: skip
def test_the_traffic_of_tensor_parallel(settings: dict[str, str], per_layer: int) -> None:
    base, divided = analyzed(MEGATRON), analyzed(MEGATRON, parallel="tensor", ranks="4", **settings)
    found = traffic("tensor", divided, base)
    assert found is not None
    formula, received = found
    sizes = {"B": 2, "r": 64, "c": 128, "n": 8, "L": 6, "ranks": 4}
    gathered_at_last = 1 if "sequence_parallel" in settings else 0

    assert received == (per_layer * 6 + gathered_at_last) * 2 * (2 * 64 * 128) * 3 // 4
    assert evaluated(formula, sizes) == received


def test_the_traffic_of_a_pipeline() -> None:
    """A stage in the middle gets a micro-batch's activations from one neighbour, and as many gradients from the other."""
    staged = analyzed(MEGATRON, parallel="pipeline", ranks="3", n_microbatches="4")
    found = traffic("pipeline", staged, analyzed(MEGATRON))

    assert found is not None
    assert found[1] == 4 * 2 * 2 * (2 * 64 * 128)


@pytest.mark.parametrize(("words", "gib", "run"), [
    ("run.parallel=ddp run.ranks=4", 1.45, {"gradient_as_bucket_view": "true"}),
    ("run.parallel=ddp run.ranks=4", 0.9, {"parallel": "zero3"}),
    ("run.parallel=zero3 run.ranks=2 run.shard=part", 0.6, {"offload_policy": "cpu"}),
    ("run.parallel=pipeline run.ranks=2 run.n_microbatches=2 r=8192 run.split_spec=part_3", 7.0, {"n_microbatches": "8"}),
])  # fmt: skip
def test_what_is_shared_already(words: str, gib: float, run: dict[str, str], tmp_path: Path) -> None:
    found = advised(STAGES, words, gib, tmp_path, most=16)

    assert any(run.items() <= advice["yaml"]["run"].items() for advice in found), [a["says"] for a in found]


def test_classes_are_divided_where_weights_are(tmp_path: Path) -> None:
    found = advised(HEAD, "run.parallel=tensor run.ranks=2", 0.45, tmp_path)

    assert found[0]["yaml"]["run"] == {"loss_parallel": "true"}


def test_a_pipeline_is_told_in_eighty_columns(tmp_path: Path) -> None:
    path, card = tmp_path / "mine.yaml", tmp_path / "cards.yaml"
    path.write_text(STAGES, encoding="utf-8")
    card.write_text(CARD % 1.1, encoding="utf-8")
    lines = peakform("advise", str(path), "--gpus-file", str(card), "--gpu", "small", "--most", "16").stdout.splitlines()

    assert any(line.startswith("   waits    each GPU idles ") for line in lines)
    assert max(len(line) for line in lines if not line.startswith(("   type", "   yaml", "            run:"))) <= 80
