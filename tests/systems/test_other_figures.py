"""Figures of the systems that were measured on the meta device with their own classes: state dicts, large settings, true activations."""

from pathlib import Path

import pytest

from analyzer.cli import find
from tests.asking import analysis, category, polynomial, report, text_model

GIB, MIB = 1 << 30, 1 << 20


def test_scperb_s_state_dict() -> None:
    told, graph = report("scperb")["memory"], analysis("scperb").graph

    assert told["parameters"]["bytes"] + told["buffers"]["bytes"] == 79_093_232
    assert len(graph.parameters) + len(graph.buffers) == 52
    assert sum(path.startswith("decoder2.") for path in graph.parameters) == 10


def test_modules_of_bioformer_in_numbers() -> None:
    modules = {row["path"]: row["value"] for row in report("bioformer-later", V=257, L=1)["parameters"]["modules"]}
    block = [modules[f"encode.stack.blocks.block.{name}"] for name in ("attn", "trans", "opm")]

    assert block == [264_192, 526_080, 148_160]
    assert modules["encode.stack.blocks.block"] == 938_432 == sum(block)
    assert [modules[name] for name in ("encode.emb_g", "encode.emb_x", "encode.emb_z", "decoder")] == [66_304, 66_816, 17_024, 263_682]


@pytest.mark.parametrize(("symbols", "precision", "left", "peak"), [
    ({"B": 32}, "amp-fp16", 1771, 2259), ({"B": 16}, "amp-fp16", 885.6, 1129.7), ({"B": 16, "n_hvg": 400}, "amp-fp16", 567.4, 723.8),
    ({"B": 16, "c": 64}, "fp32", 447.4, 568.9), ({"B": 16, "c": 64}, "amp-fp16", 228.8, 289.5),
    ({"B": 8, "c": 64}, "amp-fp16", 114.4, 144.8),
], ids=str)  # fmt: skip
def test_bioformer_where_it_ran_out_of_memory(symbols: dict[str, int], precision: str, left: float, peak: float) -> None:
    told = report("bioformer", {"precision": precision}, **symbols)["memory"]

    assert told["after_forward"]["bytes"] / GIB == pytest.approx(left, rel=1e-3)
    assert told["peak"]["bytes"] / GIB == pytest.approx(peak, rel=1e-3)


def test_bioformer_of_one_block_under_autocast() -> None:
    kept = category("kept_for_backward", analysis("bioformer-later", {"precision": "amp-fp16"}, L=1))
    squares = {m: c for m, c in kept.terms.items() if dict(m).get("r") == 2}

    assert squares == dict(polynomial("B*r**2*(13*c_z + 6*n + 18)").terms)


@pytest.mark.parametrize(("batch", "peak"), [(1, 25.07), (2, 50.15), (4, 100.30), (8, 200.59), (16, 401.19), (32, 802.38)])
def test_vgg16_s_true_peak_above_its_weights(batch: int, peak: float) -> None:
    told = report("vgg16", {"mode": "infer"}, B=batch)["memory"]

    assert round((told["peak"]["bytes"] - told["parameters"]["bytes"]) / MIB, 2) == pytest.approx(peak, abs=0.006)


def bert(folder: Path, *, trained: bool) -> object:
    """BertModel with attention written out."""
    written = find("bert-base-pooled")[0].read_text(encoding="utf-8").replace("sdpa_padded", "eager_attention")
    loss = "loss:\n  - mean: {in: pooler_output}\nrun: {mode: train"
    return text_model(written.replace("run: {mode: infer", loss) if trained else written, folder)


@pytest.mark.parametrize(("length", "mebibytes"), [(64, 341.0), (128, 763.0), (256, 1849.9), (512, 4995.8)])
def test_what_bert_leaves_in_training(length: int, mebibytes: float, tmp_path: Path) -> None:
    left = report(bert(tmp_path, trained=True), B=8, r=length)["memory"]["after_forward"]["bytes"]  # type: ignore[arg-type]

    assert left / MIB == pytest.approx(mebibytes, abs=0.06)


@pytest.mark.parametrize(("length", "mebibytes"), [(16, 4.22), (64, 18.01), (128, 39.02), (256, 90.03), (512, 252.06)])
def test_bert_s_true_peak_above_its_weights(length: int, mebibytes: float, tmp_path: Path) -> None:
    """The class that was measured made a mask of (B, 1, 1, r); transformers 5.23 makes one of (B, 1, r, r)."""
    told = report(bert(tmp_path, trained=False), {"mode": "infer"}, B=8, r=length)["memory"]
    peak = told["peak"]["bytes"] - told["parameters"]["bytes"] - told["buffers"]["bytes"]

    assert (peak - 4 * 8 * length**2) / MIB == pytest.approx(mebibytes, abs=0.06)
