"""Optimizer states and the temporaries of a step against PyTorch's CUDA build."""

import json
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.memory import categories
from analyzer.peaks import largest
from analyzer.polynomial import total
from analyzer.run.settings import read_run

ROWS = json.loads((Path(__file__).parent / "data" / "optimizers.json").read_text())["rows"]
MLP = """
inputs: {x: [16, 300], y: [16, 7]}
layers: [{Linear: 400}, ReLU, {Linear: 7}]
loss: [{mse_loss: y}]
run: {outputs: dropped}
"""


def name_of(row):
    return "-".join((row["optimizer"], row["form"], *row["options"]))


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_state_and_step_equal_pytorch(row, tmp_path):
    path = tmp_path / "mlp.yaml"
    path.write_text(MLP)
    model = read_model(path)
    settings = {"optimizer": row["optimizer"], "optimizer_form": row["form"]} | dict.fromkeys(row["options"], "true")
    analysis = analyze(model, {}, read_run(model.run, settings))
    lives = analysis.timeline.alive(analysis.timeline.marks["backward done"])
    before = total(life.size for life in lives).constant
    peak = largest([p for p in analysis.pieces if p.phase == "step"], {}).form.constant

    assert categories(analysis)["optimizer"].constant == row["state"]
    assert peak - before == row["step"]
