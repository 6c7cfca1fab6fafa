"""Which kernel of attention runs where, as torch 2.13 answers (torch._fused_sdp_choice on devices of each generation), and autocast off."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.build.model import read_model
from analyzer.build.trace import bind_symbols, trace
from analyzer.graph import Graph, Step
from analyzer.problems import InvalidConfig
from analyzer.run.settings import Run
from analyzer.sizes import Device

ATTENTION = """
symbols: {{d: {d}, S: {S}}}
inputs: {{q: [2, 4, 33, d], k: [2, {heads}, S, d], m: {{shape: [{mask}], dtype: bool}}}}
layers:
  - Linear: {{in: q, out_features: d, as: q}}
  - scaled_dot_product_attention: {{in: [q, k, k], {given}}}
run: {{mode: train}}
loss: [mean]
"""
KERNELS = {"flash_attention": "flash", "efficient_attention": "efficient", "cudnn_attention": "cudnn", "safe_softmax": "math"}


def traced(folder: Path, text: str, run: Run, capability: int = 80) -> Graph:
    """The graph of a config on a GPU of a generation."""
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    model = read_model(path, path.name)
    return trace(model, bind_symbols(model, {}), run, Device(capability=capability))


def kernel(folder: Path, capability: int, precision: str, given: str = "", *, d: int = 64, S: int = 33, heads: int = 4,
           mask: str = "33, 33", attention: str = "auto") -> str:  # fmt: skip
    """The kernel that a call runs."""
    text = ATTENTION.format(d=d, S=S, heads=heads, mask=mask, given=given)
    graph = traced(folder, text, Run(precision=precision, attention=attention), capability)
    return next(KERNELS[i.op] for i in graph.instructions if isinstance(i, Step) and i.op in KERNELS)


@pytest.mark.parametrize(
    ("capability", "precision", "by_dim"),
    [
        (75, "bf16", {64: "math"}),
        (75, "fp16", {36: "math", 40: "efficient", 264: "efficient"}),
        (75, "fp32", {33: "efficient", 64: "efficient"}),
        (80, "bf16", {33: "flash", 64: "flash", 256: "flash", 264: "efficient"}),
        (80, "fp32", {33: "math", 36: "efficient", 264: "efficient"}),
        (86, "fp16", {192: "flash", 200: "efficient", 224: "efficient", 240: "flash"}),
        (90, "bf16", {36: "flash", 40: "cudnn", 136: "cudnn", 256: "cudnn", 264: "efficient"}),
        (90, "fp32", {64: "efficient"}),
        (100, "bf16", {128: "cudnn", 136: "flash"}),
        (120, "bf16", {128: "flash", 200: "efficient", 240: "flash"}),
    ],
)
def test_the_kernel_by_generation_dtype_and_head_dimension(capability: int, precision: str, by_dim: dict[int, str], tmp_path: Path) -> None:
    assert {d: kernel(tmp_path, capability, precision, d=d) for d in by_dim} == by_dim


def test_the_kernel_by_mask_heads_and_dropout(tmp_path: Path) -> None:
    assert kernel(tmp_path, 80, "bf16", "attn_mask: m") == "efficient"
    assert kernel(tmp_path, 90, "bf16", "attn_mask: m") == "cudnn"
    assert kernel(tmp_path, 90, "bf16", "attn_mask: m", mask="4, 33, 33") == "efficient"
    assert kernel(tmp_path, 80, "bf16", "enable_gqa: true", heads=2) == "flash"
    assert kernel(tmp_path, 80, "fp32", "enable_gqa: true", heads=2) == "math"
    assert kernel(tmp_path, 90, "bf16", "dropout_p: 0.1") == "flash"
    assert kernel(tmp_path, 90, "bf16", "dropout_p: 0.5") == "cudnn"
    assert kernel(tmp_path, 80, "bf16", "is_causal: true", S=20) == "efficient"
    assert kernel(tmp_path, 90, "bf16", S=1) == "flash"


def test_a_forced_kernel_runs_or_is_refused_with_the_reason(tmp_path: Path) -> None:
    assert kernel(tmp_path, 80, "bf16", attention="cudnn") == "cudnn"
    assert kernel(tmp_path, 80, "bf16", attention="math") == "math"

    with pytest.raises(InvalidConfig, match="flash attention cannot run this: it takes no attn_mask") as refused:
        kernel(tmp_path, 80, "bf16", "attn_mask: m", attention="flash")
    assert refused.value.problems[0].origin.line == 6


def test_where_autocast_is_off_ops_keep_their_dtypes(tmp_path: Path) -> None:
    text = """
inputs: {x: [8, 16]}
layers:
  - Linear: {in: x, out_features: 16, as: h}
  - no_autocast:
      - softmax: {in: h, dim: -1, as: half}
      - Linear: {in: x, out_features: 16, as: whole}
  - softmax: {in: h, dim: -1, as: wide}
  - Linear: {in: whole, out_features: 16, as: out}
outputs: [out]
loss: [mean]
"""
    names = traced(tmp_path, text, Run(precision="amp-bf16")).names

    assert {name: names[name].dtype for name in ("h", "half", "whole", "wide", "out")} == {
        "h": "bfloat16", "half": "bfloat16", "whole": "float32", "wide": "float32", "out": "bfloat16",
    }  # fmt: skip
