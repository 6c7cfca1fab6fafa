"""Models of genes and genomes whose classes a fresh machine does not have: what PyTorch's CUDA build allocated for them is committed.

`validation/nullcuda/run.sh -m validation zoo NAME -o validation/results/genes.json` measures them, where the class is.
"""

from __future__ import annotations

import pytest

from tests.asking import report
from validation.accuracy import EXACT, error
from validation.rows import PEAKS, Row, predicted, read
from validation.third_party import WRITTEN_OF_GENES
from validation.third_party_genes import GENES
from validation.third_party_models import cases

RESULTS = read(WRITTEN_OF_GENES)
PARAMETERS = {"scgpt": 51_856_898, "scvi": 2_581_782, "scvi-nb": 2_581_782, "enformer": 251_221_292}


def test_every_case_was_measured() -> None:
    assert [row.key for row in RESULTS.rows] == list(cases(GENES))


@pytest.mark.parametrize("model", GENES)
def test_predictions_equal_what_the_class_takes(model: str) -> None:
    rows = [row for row in RESULTS.rows if row.model == model]
    again = [Row(r.model, r.symbols, r.run, r.measured, predicted(r, RESULTS.device, allocator=False)) for r in rows]

    assert [(row.key, name) for row in again for name in (*EXACT, *PEAKS) if error(row, name)] == []


@pytest.mark.parametrize("model", GENES)
def test_parameters(model: str) -> None:
    assert report(model)["parameters"]["total"]["value"] == PARAMETERS[model]
