"""Today's predictions for several GPUs beside the committed measurements, without CUDA."""

import pytest

from validation.accuracy import EXACT
from validation.parallel_rows import CASES, RESULTS
from validation.rows import ALLOCATOR, PEAKS, Row, predicted, read

MEASURED = read(RESULTS)


def test_every_case_was_measured() -> None:
    assert [row.key for row in MEASURED.rows] == list(CASES)


@pytest.mark.parametrize("row", MEASURED.rows, ids=lambda row: f"{row.model} {row.run}")
def test_predictions_equal_what_was_measured(row: Row) -> None:
    differing = predicted(row, MEASURED.device, allocator="fsdp" in row.run)

    assert [name for name in (*EXACT, *PEAKS, *ALLOCATOR) if name in differing] == []
