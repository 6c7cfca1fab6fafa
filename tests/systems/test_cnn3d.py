"""The 3D CNN against counts from its own code, and memory measured in PyTorch's CUDA build (torch 2.13).

Peaks were measured with requested bytes; two cuBLAS workspaces of 8,519,680 bytes, which the closed forms leave out, are
taken off where the measurement counted them.
"""

from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import find
from tests.asking import report, text_model

WORKSPACES = 2 * 8_519_680


def peaks(told: dict[str, Any]) -> dict[str, int]:
    """Bytes at the peak of each phase."""
    return {phase: amount["bytes"] for phase, amount in told["memory"]["peaks"].items()}


CONVOLUTIONS = {  # output in decimal megabytes for one image, parameters
    "stage.conv3d": (993.742440, 840), "stage.conv3d_2": (122.379000, 24_330),
    "stage_2.conv3d": (230.409360, 48_660), "stage_2.conv3d_2": (27.931200, 97_260),
    "stage_3.conv3d": (49.251840, 194_520), "stage_3.conv3d_2": (5.503680, 388_920),
    "stage_4.conv3d": (8.317440, 777_840), "stage_4.conv3d_2": (0.855360, 1_555_440),
    "linear": (0.000004, 213_841),
}  # fmt: skip


def test_cnn3d_layers() -> None:
    told = report("cnn3d")
    rows = {row["path"]: (row["output"]["bytes"] / 1e6, row["parameters"]["value"]) for row in told["layers"]}

    assert {path: rows[path] for path in CONVOLUTIONS} == CONVOLUTIONS
    assert told["parameters"]["total"]["value"] == sum(weights for _, weights in CONVOLUTIONS.values()) == 3_301_651
    assert told["memory"]["inputs"]["bytes"] == 34_120_084 + 4


def test_cnn3d_sizes_stay_symbolic() -> None:
    rows = {row["path"]: row["output"]["formula"] for row in report("cnn3d")["layers"]}

    assert rows["stage.conv3d_2"] == "4*B*c*((D - 3)//2)*((W - 3)//2)*((Y - 3)//2)"


@pytest.mark.parametrize(("batch", "kept", "backward"), [
    (1, 1_634_226_878, 3_085_209_832), (8, 13_073_815_024, 24_192_641_716),
], ids=["one image", "eight images"])  # fmt: skip
def test_cnn3d_memory(batch: int, kept: int, backward: int) -> None:
    told = report("cnn3d", B=batch)

    assert told["memory"]["kept_for_backward"]["bytes"] == kept
    assert told["memory"]["peak"]["bytes"] == peaks(told)["backward"] == backward - WORKSPACES


def test_cnn3d_other_peaks() -> None:
    told = report("cnn3d")

    assert peaks(told)["forward"] == 2_078_264_140 - WORKSPACES
    assert peaks(told)["step"] == 117_192_472 - WORKSPACES
    assert told["memory"]["inference_peak"]["bytes"] == 2_043_331_248 - WORKSPACES // 2
    assert told["memory"]["peak"]["allocated_bytes"] == pytest.approx(3_087_609_344, rel=1e-3)
    assert told["memory"]["reserved_bytes"] == pytest.approx(4_276_092_928, rel=1e-3)


def test_cnn3d_without_dropout_keeps_its_feature_maps(tmp_path: Path) -> None:
    written = find("cnn3d")[0].read_text(encoding="utf-8")
    plain = text_model(written.replace("Dropout: 0.1", "Dropout: 0"), tmp_path)
    maps = sum(size for size, _ in CONVOLUTIONS.values())

    assert report(plain)["memory"]["after_forward"]["bytes"] == pytest.approx(maps * 1e6)


@pytest.mark.parametrize(("batch", "megabytes"), [(1, 2937.3), (2, 5848.2), (4, 11670.0), (8, 23313.6)])
def test_cnn3d_rule_of_thumb(batch: int, megabytes: float) -> None:
    weights, image = 3_301_651, 34_120_084
    maps = sum(round(size * 1e6) for size, _ in CONVOLUTIONS.values())
    told = report("cnn3d", B=batch)["memory"]["rule_of_thumb"]["bytes"]

    assert told == 2 * 4 * weights + batch * (image + 2 * maps)
    assert round(told / 1e6, 1) == megabytes
