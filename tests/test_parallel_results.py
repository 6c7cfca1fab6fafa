"""Today's predictions for several GPUs beside the committed measurements, without CUDA."""

import json

import pytest

from tests.asking import analysis
from validation import figures
from validation.accuracy import EXACT
from validation.parallel_rows import CASES, RESULTS
from validation.rows import ALLOCATOR, HERE, PEAKS, Row, predicted, read

MEASURED = read(RESULTS)


def test_every_case_was_measured() -> None:
    assert [row.key for row in MEASURED.rows] == list(CASES)


@pytest.mark.parametrize("row", MEASURED.rows, ids=lambda row: f"{row.model} {row.run}")
def test_predictions_equal_what_was_measured(row: Row) -> None:
    differing = predicted(row, MEASURED.device, allocator="fsdp" in row.run)

    assert [name for name in (*EXACT, *PEAKS, *ALLOCATOR) if name in differing] == []


def test_a_rank_of_the_llama_of_transformers_requests_what_is_predicted() -> None:
    """Inputs and buffers of the two differ: peaks are compared beyond what is there before the step (validation.tensor_parallel_llama)."""
    rows = json.loads((HERE / "results" / "tensor-parallel-llama.json").read_text())
    run = {"parallel": "tensor", "ranks": str(rows["ranks"]), "sequence_parallel": "true", "loss_parallel": "true"}
    said = figures.predicted(analysis("llama-3.1-8b", run, **rows["symbols"]))
    there = sum(said[name] for name in ("parameters", "buffers", "inputs", "optimizer"))
    expected = {"gradient": said["gradients"], **{name: said[name] for name in ("optimizer", "parameters", "left by forward")}}
    expected |= {f"{phase}, beyond what was there": said[phase] - there for phase in ("forward", "backward", "step")}

    assert expected == rows["measured"]
