"""scPerb against counts from its own code, and memory measured in PyTorch's CUDA build (torch 2.13).

Peaks were measured with requested bytes, cuBLAS workspaces left out.
"""

from typing import Any

import pytest

from analyzer.parameters import count, used
from analyzer.polynomial import opened
from tests.asking import analysis, category, parameters_of, polynomial, report


def peaks(told: dict[str, Any]) -> dict[str, int]:
    """Bytes at the peak of each phase."""
    return {phase: amount["bytes"] for phase, amount in told["memory"]["peaks"].items()}


@pytest.mark.parametrize(("module", "formula"), [
    ("encoder1", "G*H + H**2 + 6*H"),
    ("mu_encoder", "H*Z + Z"),
    ("logvar_encoder", "H*Z + Z"),
    ("encoder2", "G*Z + Z"),
    ("decoder", "Z*H + H**2 + H*G + 6*H + G"),
    ("decoder2", "Z*H + H**2 + H*G + 6*H + G"),
])  # fmt: skip
def test_scperb_parameters_of_modules(module: str, formula: str) -> None:
    assert parameters_of(module, analysis("scperb")) == polynomial(formula)


@pytest.mark.parametrize(("genes", "total", "needed"), [
    (6998, 19_763_696, 13_433_498), (7000, 19_768_700, 13_436_900), (6619, 18_815_438, 12_788_819),
])  # fmt: skip
def test_scperb_parameters(genes: int, total: int, needed: int) -> None:
    told = report("scperb", G=genes)["parameters"]

    assert (told["total"]["value"], told["trainable"]["value"], told["used"]["value"]) == (total, total, needed)


def test_scperb_calls_its_encoder_twice_its_decoder_three_times_and_decoder2_never() -> None:
    calls = {row["path"]: row["calls"] for row in report("scperb")["layers"]}

    assert (calls["encoder1.linear"], calls["mu_encoder"], calls["encoder2"], calls["decoder.linear"]) == (2, 2, 1, 3)
    assert not any(path.startswith("decoder2") for path in calls)


def test_scperb_keeps_gradients_and_state_for_used_parameters_only() -> None:
    traced = analysis("scperb")
    forward = opened(count(used(traced.graph)))

    assert category("gradients", traced) == 4 * forward
    assert category("optimizer", traced) == 8 * forward
    assert report("scperb")["memory"]["optimizer"]["bytes"] == 107_467_984
    assert category("buffers", traced) == polynomial("6*(2*H*4 + 8)")
    assert category("inputs", traced) == polynomial("3*B*G*4")


def test_scperb_left_by_the_forward() -> None:
    assert category("after_forward", analysis("scperb")) == polynomial("B*(130*H + 12*G + 52*Z) + 80*H")
    assert report("scperb")["memory"]["after_forward"]["bytes"] == 49_517_056


def test_scperb_peaks() -> None:
    told = report("scperb")

    assert peaks(told) == {"forward": 344_302_392, "backward": 339_572_540, "step": 348_519_328}
    assert told["memory"]["peak"]["phase"] == "step"
    assert told["memory"]["reserved_bytes"] == 452_984_832
    assert told["memory"]["peak"]["allocated_bytes"] == pytest.approx(374_999_552, rel=1e-3)


def test_scperb_with_large_batches_peaks_in_the_forward() -> None:
    assert [report("scperb", B=b)["memory"]["peak"]["phase"] for b in (64, 256, 1024)] == ["step", "step", "forward"]


def test_scperb_inference() -> None:
    without, coded = report("scperb", {"mode": "infer"}), report("scperb", {"mode": "infer", "no_grad": "false"})

    assert without["memory"]["peak"]["bytes"] == pytest.approx(101.9e6, abs=0.05e6)
    assert coded["memory"]["after_forward"]["bytes"] == pytest.approx(17.3e6, abs=0.05e6)
