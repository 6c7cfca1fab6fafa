"""CPA's module: counts of its own classes, and a training step of its autoencoder. Its data side stands in test_cpa_data.

Peaks were measured in PyTorch's CUDA build (torch 2.13), as requested bytes, cuBLAS workspaces left out.
"""

import pytest

from analyzer.parameters import count, used
from analyzer.polynomial import opened
from tests.asking import analysis, category, parameters_of, report
from validation.figures import predicted

ADVERSARIES = 40_810
MODULES = {"encoder": 1_446_272, "decoder": 4_021_144, "pert_network": 13_260, "covars_embeddings": 640, "px": 5_000}


def module_total(config: str, **symbols: int) -> int:
    """Parameters without the adversaries, which belong to the training plan."""
    told = report(config, {}, None, **symbols)["parameters"]
    of = {row["path"]: row["value"] for row in told["modules"]}
    return int(told["total"]["value"] - of["perturbation_classifier"] - of["covars_classifier"])


def test_parameters_of_modules() -> None:
    told = report("cpa")["parameters"]
    found = {row["path"]: row["value"] for row in told["modules"]}

    assert {path: found[path] for path in MODULES} == MODULES
    assert found["perturbation_classifier"] + found["covars_classifier"] == ADVERSARIES
    assert told["total"]["value"] == 5_527_126 == sum(MODULES.values()) + ADVERSARIES


@pytest.mark.parametrize(("config", "symbols", "total"), [
    ("cpa", {}, 5_486_316), ("cpa", {"Z": 256}, 5_565_676), ("cpa-gauss", {}, 4_196_316),
], ids=["nb", "nb, 256 latents", "gauss"])  # fmt: skip
def test_parameters(config: str, symbols: dict[str, int], total: int) -> None:
    assert module_total(config, **symbols) == total


def test_two_heads_of_the_decoder_get_no_gradient() -> None:
    traced = analysis("cpa")
    heads = [parameters_of(f"decoder.{name}", traced) for name in ("px_r_decoder", "px_dropout_decoder")]
    everything, called = (opened(count(tensors)) for tensors in (traced.graph.parameters.values(), used(traced.graph)))

    assert category("gradients", traced) == 4 * (everything - heads[0] - heads[1])
    assert everything - called == heads[0]  # the other is called, and nothing reads what it returns
    assert [row["value"] for row in report("cpa")["parameters"]["modules"] if row["path"].startswith("decoder.px_r")] == [1_285_000]
    assert category("optimizer", traced) == 2 * category("gradients", traced)


@pytest.mark.parametrize(("config", "run", "symbols", "measured"), [
    ("cpa", {}, {}, (23_697_968, 87_049_224, 81_629_624, 71_838_020)),
    ("cpa", {"precision": "amp-bf16"}, {"B": 37, "G": 1001, "K": 3, "P": 11, "M": 3}, (2_863_212, 17_530_166, 16_871_292, 19_754_176)),
    ("cpa-gauss", {}, {}, (18_557_456, 89_548_200, 86_689_112, 87_158_020)),
], ids=["nb", "nb, autocast, odd sizes", "gauss"])  # fmt: skip
def test_memory(config: str, run: dict[str, str], symbols: dict[str, int], measured: tuple[int, ...]) -> None:
    found = predicted(analysis(config, run, **symbols))

    assert tuple(found[name] for name in ("left by forward", "forward", "backward", "step")) == measured


@pytest.mark.parametrize(("symbols", "measured"), [
    ({"B": 37, "G": 101, "K": 3, "P": 11, "M": 3}, (457_308, 3_676_536, 2_758_676, 2_517_308)),
    ({}, (1_668_632, 63_718_696, 26_945_320, 25_472_092)),
], ids=["odd sizes", "as it is"])  # fmt: skip
def test_memory_of_the_adversaries_own_step(symbols: dict[str, int], measured: tuple[int, ...]) -> None:
    found = predicted(analysis("cpa-adversaries", {}, **symbols))

    assert tuple(found[name] for name in ("left by forward", "forward", "backward", "step")) == measured
    assert found["gradients"] == 4 * ADVERSARIES or symbols


def test_memory_of_inference() -> None:
    assert predicted(analysis("cpa", {"mode": "infer"}))["inference"] == 43_156_440


def test_a_batch_of_expression_is_2_56_megabytes() -> None:
    assert report("cpa")["memory"]["inputs"]["bytes"] == 2_560_000 + 4_096
