"""An op in place changes the value that a name stands for, for everybody who holds it, named anew or not."""

from pathlib import Path

import pytest

from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.peaks import largest
from tests.asking import analysis, text_model

HEAD = """symbols: {{B: 5, c: 7}}
inputs: {{x: [B, c]}}
blocks:
  changes: {{inputs: [a], layers: [{{add_: {{in: a, other: 1}}}}, {{Linear: {{in: a, out_features: c}}}}]}}
layers: [{{Linear: {{in: x, out_features: c, as: h}}}}, {layers}, {{Linear: c}}]
loss: [mean]
"""
PROGRAMS = (
    ("{add_: {in: h, other: x}}, {sigmoid: {in: h}}", "{add_: {in: h, other: x, as: h}}, {sigmoid: {in: h}}"),
    ("{mul_: {in: h, other: 3}}, {relu_: {in: h}}, {add: {in: [h, x]}}", "{mul_: {in: h, other: 3, as: h}}, relu_, {add: x}"),
    ("{changes: {in: h}}, {add: h}", "{add_: {in: h, other: 1, as: h}}, {Linear: {out_features: c, name: changes}}, {add: h}"),
    ("{repeat: 6, layers: [{Linear: {in: h, out_features: c, as: t}}, {add_: {in: t, other: h}}, {as: h}]}",
     "{repeat: 6, layers: [{Linear: {in: h, out_features: c, as: t}}, {add_: {in: t, other: h, as: h}}]}"),
)  # fmt: skip


@pytest.mark.parametrize("programs", PROGRAMS, ids=lambda pair: pair[0][:24])
@pytest.mark.parametrize("precision", ["fp32", "amp-bf16"])
def test_a_name_means_what_was_changed(programs: tuple[str, str], precision: str, tmp_path: Path) -> None:
    found = []
    for layers in programs:
        made = analysis(text_model(HEAD.format(layers=layers), tmp_path), {"precision": precision, "outputs": "dropped"})
        symbols = made.symbols.values
        sizes = {name: evaluate(form, symbols) for name, form in categories(made).items()}
        found.append((sizes, evaluate(largest(made.pieces, symbols).form, symbols)))

    assert found[0] == found[1]
