"""The 3D CNN with the subject's age, and with max-pooling: memory measured in PyTorch's CUDA build (torch 2.13).

Peaks are of requested bytes, cuBLAS workspaces left out.
"""

from pathlib import Path

import pytest

from analyzer.cli import find
from tests.asking import report, text_model

LOSS = 4


def test_the_age_is_one_weight_and_one_number_more() -> None:
    told, plain = report("cnn3d-age"), report("cnn3d")

    assert told["parameters"]["total"]["value"] == 3_301_652
    assert told["memory"]["inputs"]["bytes"] == plain["memory"]["inputs"]["bytes"] + 4
    assert told["memory"]["after_forward"]["bytes"] + LOSS == 1_634_226_882
    assert peaks("cnn3d-age") == {"forward": 2_061_224_796, "backward": 3_068_170_492, "step": 100_153_136}


def test_a_count_of_parameters_does_not_tell_pooling_from_strides() -> None:
    pooled, strided = ({row["path"]: row for row in report(name)["layers"]} for name in ("cnn3d-pool", "cnn3d"))
    ends = [f"stage{n}.dropout" for n in ("", "_2", "_3", "_4")]

    assert {path: row["parameters"]["value"] for path, row in pooled.items() if "conv3d" in path or path == "linear"} == {
        path: row["parameters"]["value"] for path, row in strided.items() if "conv3d" in path or path == "linear"
    }
    assert report("cnn3d-pool")["parameters"]["total"]["value"] == 3_301_651
    assert [pooled[path]["output"]["bytes"] for path in ends] == [strided[path]["output"]["bytes"] for path in ends]


def test_pooling_memory() -> None:
    told = report("cnn3d-pool")["memory"]

    assert told["after_forward"]["bytes"] + LOSS == 3_021_280_478
    assert peaks("cnn3d-pool") == {"forward": 3_103_115_090, "backward": 3_973_989_272, "step": 100_153_112}
    assert told["inference_peak"]["bytes"] == 2_034_811_568


@pytest.mark.parametrize(("config", "megabytes"), [("cnn3d-pool", 2982), ("cnn3d", 1438)])
def test_saved_without_dropout(config: str, megabytes: int, tmp_path: Path) -> None:
    written = find(config)[0].read_text(encoding="utf-8")
    plain = text_model(written.replace("Dropout: 0.1", "Dropout: 0"), tmp_path)

    assert round(report(plain)["memory"]["after_forward"]["bytes"] / 1e6) == megabytes


def peaks(config: str) -> dict[str, int]:
    """Bytes at the peak of each phase."""
    return {phase: amount["bytes"] for phase, amount in report(config)["memory"]["peaks"].items()}
