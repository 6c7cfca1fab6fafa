"""The predictions of this code beside the committed measurements, without CUDA."""

from __future__ import annotations

import pytest

from validation.accuracy import EXACT, error
from validation.rows import ALLOCATOR, MODELS, PEAKS, Row, cases, predicted, read

RESULTS = read()
SAMPLE = 4  # of bundled models, whose classes test_third_party.py has, every fourth row is predicted again here
NAMES = tuple(dict.fromkeys(row.model for row in RESULTS.rows))


def _again(row: Row, *, allocator: bool = False) -> Row:
    """The row with today's prediction."""
    return Row(row.model, row.symbols, row.run, row.measured, predicted(row, RESULTS.device, allocator=allocator))


def test_every_case_was_measured() -> None:
    assert [row.key for row in RESULTS.rows] == list(cases())


@pytest.mark.parametrize("model", NAMES)
def test_predictions_equal_what_was_measured(model: str) -> None:
    own = (MODELS / f"{model}.yaml").is_file()
    rows = [_again(row) for row in [row for row in RESULTS.rows if row.model == model][:: 1 if own else SAMPLE]]

    assert [(row.key, name) for row in rows for name in (*EXACT, *PEAKS) if error(row, name)] == []


@pytest.mark.parametrize("model", ["vit", "lora", "unet_strided", "lstm_lm", "inplace_views", "decoder_sdpa", "bioformer"])
def test_the_allocator_s_counters_are_equal(model: str) -> None:
    rows = [_again(row, allocator=True) for row in RESULTS.rows if row.model == model]

    assert [(row.key, name) for row in rows for name in ALLOCATOR if error(row, name)] == []


def test_the_committed_predictions_are_equal_too() -> None:
    assert [(row.key, name) for row in RESULTS.rows for name in (*EXACT, *PEAKS) if error(row, name)] == []
