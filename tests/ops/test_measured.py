"""Ops beside what PyTorch's CUDA build allocated for them, forward and backward, under autocast, without it, and in inference.

`validation/nullcuda/run.sh -m validation.measure_ops OP... run.precision=P -o validation/results/ops/P.json` measures every case of
some ops; here every third is predicted again.
"""

import json
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import Model
from analyzer.sizes import Device
from validation.figures import predicted
from validation.measure_ops import chained, op_run

RESULTS = sorted((Path(__file__).parents[2] / "validation" / "results" / "ops").glob("*.json"))
GAP = "BatchNorm2d(last 2 3 5 4) -> mean, frozen"  # channels-last input and a row-major gradient in bfloat16
EVERY = 3


def test_results_are_there() -> None:
    assert [path.stem for path in RESULTS] == ["amp-bf16", "amp-fp16", "fp32", "infer"]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_cases_take_what_pytorch_allocated(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    run, device, cases = op_run(told["run"]), Device(*told["device"].values()), told["cases"]
    ops = list(dict.fromkeys(name.partition("(")[0] for name in cases))
    found = {name: model for name, model in chained(ops, run) if name in cases and isinstance(model, Model)}
    assert found.keys() == cases.keys()
    wrong = {}
    for name in list(cases)[::EVERY]:
        again = predicted(analyze(found[name], {}, run, device))
        differing = {k: (again[k], v) for k, v in zip(told["figures"], cases[name]) if again[k] != v}
        if differing and not name.startswith(GAP):
            wrong[name] = differing
    assert wrong == {}
