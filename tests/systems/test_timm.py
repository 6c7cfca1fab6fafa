"""timm's models that bundled configs describe: what PyTorch's CUDA build allocated for the classes is committed.

`validation/nullcuda/run.sh setup extra`, once, and `... -m validation zoo NAME -o validation/results/timm.json` measure them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.asking import report
from validation.accuracy import EXACT, error
from validation.rows import PEAKS, predicted, read
from validation.third_party import WRITTEN_OF_TIMM
from validation.third_party_models import cases
from validation.third_party_timm import TIMM

RESULTS = read(WRITTEN_OF_TIMM)


def test_every_case_was_measured() -> None:
    assert [row.key for row in RESULTS.rows] == list(cases(TIMM))


@pytest.mark.parametrize("model", TIMM)
def test_predictions_equal_what_the_class_takes(model: str) -> None:
    rows = [replace(row, model=TIMM[model].config or model) for row in RESULTS.rows if row.model == model]
    again = [replace(row, differing=predicted(row, RESULTS.device, allocator=False)) for row in rows]

    assert [(row.key, name) for row in again for name in (*EXACT, *PEAKS) if error(row, name)] == []


def test_parameters_are_those_published() -> None:
    assert report("timm-vit-b-16")["parameters"]["total"]["value"] == 86_567_656
