"""bioformer without pairs, and with the outer product as its note asks in the end: projected without keeping every (c, c).

Memory was measured in PyTorch's CUDA build (torch 2.13), as requested bytes, cuBLAS workspaces left out.
"""

import pytest
import torch

from analyzer.polynomial import Poly
from tests.asking import analysis, category, coefficient, largest_tensor, parameters_of, polynomial, report
from validation.figures import predicted

GIB = 1 << 30
OPM = "encode.stack.blocks.block.opm"


def kept_per_block(config: str, precision: str) -> Poly:
    """What another block keeps for backward."""
    return coefficient(category("kept_for_backward", analysis(config, {"precision": precision})), "L", 1)


def figures(config: str, precision: str) -> tuple[int, int]:
    """Bytes that the forward leaves until backward begins, and those at the peak of backward."""
    found = predicted(analysis(config, {"precision": precision}))
    return found["left by forward"], found["backward"]


def test_the_model_that_it_is_compared_with() -> None:
    """TransformerModel of bioformer/model.py at B=16, r=171: parameters, and the peak of a step in fp32 and under autocast."""
    workspaces = 17_039_360
    peaks = [report("bioformer-scgpt", {"precision": p}, r=171)["memory"]["peak"]["bytes"] for p in ("fp32", "amp-bf16")]

    assert report("bioformer-scgpt")["parameters"]["total"]["value"] == 6_714_882
    assert [peak + workspaces for peak in peaks] == [556_532_652, 377_629_100]


def test_the_ablation_s_parameters() -> None:
    total, ablated = (report(name, V=257)["parameters"]["total"]["value"] for name in ("bioformer-later", "bioformer-ablation"))

    assert (total, ablated) == (7_921_282, 6_708_738)
    assert total - ablated == 17_024 + 8 * (148_160 + 2 * 128 + 128 * 8)  # emb_z; opm, layer_norm_z and linear_z of each block


@pytest.mark.parametrize(("precision", "formula"), [
    ("fp32", "4*B*n*r**2 + B*r*(48*c + 16)"), ("amp-fp16", "6*B*n*r**2 + B*r*(32*c + 16) + 24*c**2"),
])  # fmt: skip
def test_the_ablation_keeps_nothing_of_pairs(precision: str, formula: str) -> None:
    assert kept_per_block("bioformer-ablation", precision) == polynomial(formula)


def test_the_ablation_s_memory() -> None:
    outputs = report("bioformer-ablation", {"precision": "amp-fp16"})["memory"]["after_forward"]["bytes"]

    assert figures("bioformer-ablation", "fp32") == (727_302_148, 853_172_264)
    assert figures("bioformer-ablation", "amp-fp16") == (721_650_692, 841_629_748)
    assert round(outputs / GIB, 3) == 0.668
    assert report("bioformer-ablation")["memory"]["inputs"]["bytes"] == 4_259_840


NAIVE = {
    "fp32": "B*r**2*(4*c_opm**2 + 8*c_z + 4*n + 8) + B*r*(52*c + 8*c_opm + 24)",
    "amp-fp16": "B*r**2*(2*c_opm**2 + 6*c_z + 6*n + 8) + B*r*(36*c + 4*c_opm + 24) + 24*c**2 + 4*c*c_opm + 2*c_opm**2*c_z + 2*c_z*n",
}
SPARED = {  # of the naive closed form: gone, and what stands in its place
    ("bioformer-chunked", "fp32"): ("4*B*c_opm**2*r**2", "0*r"),
    ("bioformer-chunked", "amp-fp16"): ("2*B*c_opm**2*r**2 + 2*c_opm**2*c_z", "0*r"),
    ("bioformer-projected", "fp32"): ("4*B*c_opm**2*r**2", "4*B*c_opm*c_z*r"),
    ("bioformer-projected", "amp-fp16"): ("2*B*c_opm**2*r**2", "2*B*c_opm*c_z*r"),
}


@pytest.mark.parametrize(("case", "difference"), SPARED.items(), ids=[" ".join(case) for case in SPARED])
def test_what_projecting_at_once_spares(case: tuple[str, str], difference: tuple[str, str]) -> None:
    config, precision = case
    gone, instead = map(polynomial, difference)

    assert kept_per_block("bioformer-later", precision) == polynomial(NAIVE[precision])
    assert kept_per_block(config, precision) == polynomial(NAIVE[precision]) - gone + instead


MEASURED = {
    ("bioformer-later", "fp32"): (40_706_588_676, 48_741_317_160),
    ("bioformer-later", "amp-fp16"): (23_248_978_948, 27_271_336_500),
    ("bioformer-chunked", "fp32"): (10_641_817_604, 11_697_748_520),
    ("bioformer-chunked", "amp-fp16"): (8_214_758_404, 9_069_529_656),
    ("bioformer-projected", "fp32"): (11_111_579_652, 12_240_679_468),
    ("bioformer-projected", "amp-fp16"): (8_451_474_436, 9_843_116_600),
}


@pytest.mark.parametrize(("case", "measured"), MEASURED.items(), ids=[" ".join(case) for case in MEASURED])
def test_memory_beside_the_naive_outer_product(case: tuple[str, str], measured: tuple[int, int]) -> None:
    assert figures(*case) == measured


@pytest.mark.parametrize("config", ["bioformer-chunked", "bioformer-projected"])
def test_no_product_of_every_pair_is_the_largest_tensor(config: str) -> None:
    assert largest_tensor(analysis(config))[0] == polynomial("4*B*c_z*r**2")


@pytest.mark.parametrize("config", ["bioformer-chunked", "bioformer-projected"])
def test_the_same_parameters(config: str) -> None:
    assert parameters_of(OPM, analysis(config)) == parameters_of(OPM, analysis("bioformer-later"))
    assert report(config)["parameters"]["total"]["value"] == report("bioformer-later")["parameters"]["total"]["value"]


def test_the_same_numbers() -> None:
    a, b, weight = torch.rand(2, 11, 3), torch.rand(2, 11, 3), torch.rand(5, 9)

    naive = torch.einsum("...ab,...cd->...acbd", a, b).flatten(-2) @ weight.T
    once = (a @ weight.view(5, 3, 3).permute(1, 2, 0).flatten(1)).view(2, 11, 3, 5)
    projected = torch.einsum("biaz,bja->bijz", once, b)
    chunks = torch.cat([torch.einsum("...ab,...cd->...acbd", part, b).flatten(-2) @ weight.T for part in a.chunk(8, 1)], 1)

    torch.testing.assert_close(projected, naive)
    torch.testing.assert_close(chunks, naive)
