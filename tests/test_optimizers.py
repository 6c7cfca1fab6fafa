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

GROUPED = {  # settings: gradients, optimizer state, peak of the step of a perceptron with LayerNorm
    "groups=linear;layernorm.weight": (496_028, 992_056, 2_485_808),
    "exclude=linear.weight,layernorm clip_grad_norm=true": (496_028, 25_656, 1_050_636),
    "no_decay=*.bias,layernorm optimizer=Adam weight_decay=true": (496_028, 992_056, 2_495_408),
}


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


@pytest.mark.parametrize("settings", GROUPED)
def test_parameter_groups_equal_pytorch(settings, tmp_path):
    path = tmp_path / "mlp.yaml"
    path.write_text(MLP.replace("ReLU", "LayerNorm, ReLU"))
    model = read_model(path)
    run = read_run(model.run, dict(setting.split("=", 1) for setting in settings.split()))
    analysis = analyze(model, {}, run)
    found = categories(analysis)

    peak = largest([p for p in analysis.pieces if p.phase == "step"], {}).form.constant
    assert (found["gradients"].constant, found["optimizer"].constant, peak) == GROUPED[settings]
