"""AlphaFold 2's Evoformer: counts of OpenFold's classes, and what checkpointing every block saves.

Peaks were measured in PyTorch's CUDA build (torch 2.13), as requested bytes, cuBLAS workspaces left out.
"""

import pytest

from analyzer.evaluate import evaluate
from tests.asking import analysis, category, coefficient, polynomial, report
from validation.figures import predicted

GIB = 1 << 30
WHOLE: dict[str, str] = {"checkpoint": ""}  # every block keeps all it needs
BLOCK = {
    "msa_att_row": 329_984, "msa_att_col": 328_704, "msa_transition": 526_080, "outer_product_mean": 148_160, "pair_stack": 497_024,
    "pair_stack.tri_mul_out": 99_584, "pair_stack.tri_mul_in": 99_584, "pair_stack.tri_att_start": 82_944,
    "pair_stack.tri_att_end": 82_944, "pair_stack.pair_transition": 131_968,
}  # fmt: skip


def test_parameters() -> None:
    told = report("evoformer")["parameters"]
    modules = {row["path"]: row["value"] for row in report("evoformer", L=1)["parameters"]["modules"]}

    assert {path: modules[f"blocks.block.{path}"] for path in BLOCK} == BLOCK
    assert (modules["blocks.block"], modules["linear"]) == (1_829_952, 98_688)
    assert told["total"]["value"] == 87_936_384 == 48 * 1_829_952 + 98_688


@pytest.mark.parametrize(("symbols", "gibibytes"), [
    ({"L": 1}, 3.483), ({"L": 2}, 6.965),
], ids=["one block", "two blocks"])  # fmt: skip
def test_saved_without_checkpointing(symbols: dict[str, int], gibibytes: float) -> None:
    assert round(report("evoformer", WHOLE, None, **symbols)["memory"]["after_forward"]["bytes"] / GIB, 3) == gibibytes


def test_saved_under_autocast() -> None:
    """OpenFold switches autocast off where a tensor is bfloat16: softmax and layer norm keep half of what autocast would make them keep."""
    saved = report("evoformer", WHOLE | {"precision": "amp-bf16"}, L=1)["memory"]["after_forward"]["bytes"]

    assert round(saved / GIB, 2) == 2.31


def test_48_blocks_without_checkpointing_need_167_gib() -> None:
    whole, checkpointed = report("evoformer", WHOLE)["memory"], report("evoformer")["memory"]

    assert round(whole["after_forward"]["bytes"] / GIB) == 167
    assert round(whole["peak"]["bytes"] / GIB, 1) == 168.7
    assert round(checkpointed["peak"]["bytes"] / GIB, 1) == 8.0
    assert [told["peak"]["phase"] for told in (whole, checkpointed)] == ["backward", "backward"]


def test_a_checkpointed_block_keeps_its_inputs() -> None:
    assert coefficient(category("kept_for_backward", analysis("evoformer")), "L", 1) == polynomial("4*B*r*(c_m*s + c_z*r)")
    assert coefficient(category("kept_for_backward", analysis("evoformer", WHOLE)), "L", 1) == polynomial(
        "4*B*r*(11*c_m*s + 20*c_z*r + 8*r*s + 8*r**2 + 8*s**2 + c_m + 4*c_z + 5137*r + 3144*s)"
    )


@pytest.mark.parametrize(("run", "blocks", "left", "forward", "backward"), [
    (WHOLE, 1, 3_705_667_588, 3_930_531_072, 4_400_692_488),
    (WHOLE, 2, 7_444_889_604, 7_691_712_512, 8_161_873_928),
    (WHOLE, 48, 179_449_102_340, 180_706_058_752, 181_176_220_168),
    ({}, 4, 234_881_028, 1_130_913_280, 4_667_897_352),
    ({}, 48, 3_187_671_044, 5_049_917_952, 8_586_902_024),
], ids=["one block", "two blocks", "48 blocks", "four checkpointed blocks", "48 checkpointed blocks"])  # fmt: skip
def test_memory(run: dict[str, str], blocks: int, left: int, forward: int, backward: int) -> None:
    found = predicted(analysis("evoformer", run, L=blocks))

    assert (found["left by forward"], found["forward"], found["backward"]) == (left, forward, backward)


BF16 = {"precision": "amp-bf16"}


@pytest.mark.parametrize(("config", "run", "blocks", "left", "forward", "backward"), [
    ("evoformer", WHOLE | BF16, 1, 2_446_627_844, 2_604_062_080, 2_855_850_248),
    ("evoformer", BF16, 48, 3_154_444_292, 4_842_681_600, 7_042_059_784),
    ("evoformer", WHOLE | {"precision": "bf16"}, 2, 3_727_687_682, 3_851_099_136, 4_085_917_700),
    ("evoformer-finetuning", WHOLE, 1, 16_601_776_132, 17_282_180_352, 19_293_551_880),
    ("evoformer-finetuning", WHOLE | BF16, 1, 10_263_139_332, 10_753_003_648, 11_859_579_144),
    ("evoformer-finetuning", {}, 48, 13_212_057_604, 21_794_038_272, 33_336_375_816),
    ("evoformer-finetuning", BF16, 48, 13_011_124_228, 18_381_625_216, 25_902_403_080),
], ids=[
    "autocast", "autocast, 48 checkpointed blocks", "in bfloat16", "fine-tuning", "fine-tuning, autocast",
    "fine-tuning, 48 checkpointed blocks", "fine-tuning, autocast, 48 checkpointed blocks",
])  # fmt: skip
def test_memory_in_other_settings(config: str, run: dict[str, str], blocks: int, left: int, forward: int, backward: int) -> None:
    found = predicted(analysis(config, run, L=blocks))

    assert (found["left by forward"], found["forward"], found["backward"]) == (left, forward, backward)


@pytest.mark.parametrize(("config", "symbols", "run", "measured"), [
    ("evoformer-finetuning", {"s": 128}, {}, 2_585_683_968), ("evoformer", {}, BF16, 607_927_296),
], ids=["384 residues", "autocast"])  # fmt: skip
def test_memory_of_inference(config: str, symbols: dict[str, int], run: dict[str, str], measured: int) -> None:
    assert predicted(analysis(config, {"mode": "infer"} | run, L=2, **symbols))["inference"] == measured


def test_fine_tuning() -> None:
    block = report("evoformer-finetuning", WHOLE, L=1)["memory"]["after_forward"]["bytes"]

    assert round(block / GIB, 2) == 15.53
    assert report("evoformer-finetuning")["parameters"]["total"]["value"] == 87_936_384


@pytest.mark.parametrize(("run", "fits"), [(WHOLE, False), ({}, True)], ids=["whole", "checkpointed"])
def test_sixteen_gib_as_a_core_has(run: dict[str, str], fits: bool) -> None:
    assert (report("evoformer", run)["memory"]["peak"]["bytes"] < 16 * GIB) == fits


def test_the_outer_product() -> None:
    traced = analysis("evoformer", WHOLE, L=1)
    sizes = {evaluate(life.size, traced.symbols.values) for life in traced.timeline.lives if life.size == polynomial("4096*B*r**2")}

    assert sizes == {256 << 20}
