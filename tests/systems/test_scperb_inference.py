"""scPerb's prediction as coded, with gradients on, and without; and its other datasets.

Peaks were measured in PyTorch's CUDA build (torch 2.13), as requested bytes, cuBLAS workspaces left out.
"""

import pytest

from tests.asking import analysis, category, polynomial, report

CODED = {"mode": "infer", "no_grad": "false"}


@pytest.mark.parametrize(("genes", "coded", "without"), [
    (6998, 111_163_888, 101_922_288), (7000, 111_190_048, 101_948_448), (6619, 106_206_568, 96_964_968),
], ids=["pbmc", "hpoly, salmonella, study", "species"])  # fmt: skip
def test_prediction(genes: int, coded: int, without: int) -> None:
    found = [report("scperb", run, G=genes)["memory"]["peak"]["bytes"] for run in (CODED, {"mode": "infer"})]

    assert found == [coded, without]


def test_what_gradients_on_leave_behind() -> None:
    told = report("scperb", CODED)["memory"]
    resident = sum(told[name]["bytes"] for name in ("parameters", "buffers", "inputs"))

    assert category("after_forward", analysis("scperb", CODED)) == polynomial("B*(48*H + 4*G + 12*Z) + 32*H")
    assert round(told["after_forward"]["bytes"] / 1e6, 1) == 17.3
    assert round((resident + told["after_forward"]["bytes"]) / 1e6, 1) == 110.8


@pytest.mark.parametrize(("genes", "batch", "phases"), [
    (6998, 64, (266_364_216, 298_724_156, 307_670_944)),
    (6998, 1024, (656_055_096, 527_658_284, 511_912_864)),
    (7000, 256, (344_381_664, 339_658_468, 348_606_064)),
    (6619, 64, (253_961_820, 284_187_232, 292_980_904)),
])  # fmt: skip
def test_training_of_other_datasets_and_batches(genes: int, batch: int, phases: tuple[int, int, int]) -> None:
    peaks = {phase: amount["bytes"] for phase, amount in report("scperb", G=genes, B=batch)["memory"]["peaks"].items()}

    assert tuple(peaks[phase] for phase in ("forward", "backward", "step")) == phases
