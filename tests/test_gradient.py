"""A loss made of a gradient: the recorded backward pass and the second one through it.

Figures were measured in PyTorch's CUDA build: validation/nullcuda/run.sh -m validation run FILE.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.problems import InvalidConfig
from analyzer.run.settings import read_run
from validation.figures import predicted

PENALTY = Path(__file__).parent / "configs" / "valid" / "gradient-penalty.yaml"
CONFIG = """
symbols: {{B: 4}}
inputs: {{x: [B, 6]}}
layers:
  - Linear: {{in: x, out_features: 6, as: z}}
{layers}
loss: [{{as: loss}}]
"""


def test_a_gradient_penalty_is_equal_to_the_byte() -> None:
    model = read_model(PENALTY)
    figures = predicted(analyze(model, {}, read_run(model.run, {})))

    assert figures["left by forward"] == 115_468
    assert (figures["forward"], figures["backward"], figures["step"]) == (165_824, 178_644, 75_540)
    assert (figures["gradients"], figures["optimizer"]) == (12_732, 25_464)


@pytest.mark.parametrize(("layers", "run", "message"), [
    (["tanh: {in: z, as: s}", "grad: {in: [s, z], as: g}"], {}, "for a single number only, not (B, 6)"),
    (["sum: {in: x, as: s}", "grad: {in: [s, z], as: g}"], {}, "does not depend on 'inputs'"),
    (["sum: {in: z, as: s}", "grad: {in: [s, z], as: g}"], {"precision": "amp-bf16"}, "under autocast has no rule"),
    (["let: {y: 1.0 * z}", "add_: {in: [y, z], as: y}", "sum: {in: y, as: s}", "grad: {in: [s, z], as: g}"], {}, "in place"),
    (["gelu: {in: z, as: y}", "sum: {in: y, as: s}", "grad: {in: [s, z], as: g}"], {}, "the gradient of gelu, at"),
    (["let: {y: 1.0 * z}", "repeat: 9", "  layers: [{Linear: {in: y, out_features: 6, as: y}}]", "sum: {in: y, as: s}",
      "grad: {in: [s, z], as: g}"], {}, "in a loop of more iterations"),
    (["tanh: {in: z, as: y}", "sum: {in: y, as: s}", "grad: {in: [s, z], as: g}", "sum: {in: g, as: t}", "grad: {in: [t, z], as: g}"], {},
     "belongs to a gradient already"),
    (["requires_grad_: {in: x, as: x}", "let: {g: z}"], {}, "would stay with the batch"),
])  # fmt: skip
def test_what_has_no_rule_is_refused(tmp_path: Path, layers: list[str], run: dict[str, str], message: str) -> None:
    path = tmp_path / "model.yaml"
    lines = [f"  - {line}" if not line.startswith(" ") else f"  {line}" for line in layers]
    last = "g" if any("as: g" in line or "g: z" in line for line in layers) else "z"
    path.write_text(CONFIG.format(layers="\n".join([*lines, f"  - mean: {{in: {last}, as: loss}}"])), encoding="utf-8")
    model = read_model(path)
    with pytest.raises(InvalidConfig) as refused:
        analyze(model, {}, read_run(model.run, run))

    assert message in str(refused.value)
