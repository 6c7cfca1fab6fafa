"""Lists of tensors, one for each iteration of a loop: inputs that are lists, and lists that a forward fills."""

from pathlib import Path

import pytest

from analyzer.build.model import Model
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.polynomial import symbol
from analyzer.problems import InvalidConfig
from tests.asking import analysis, model, text_model
from tests.test_timeline import same_as_unrolled

CACHE = """
name: cache
symbols: {B: 4, p: 100, c: 64, L: 12}
inputs:
  x: [B, c]
  past: {shape: [B, p, c], repeat: L}
layers:
  - list: sums
  - repeat: L
    layers:
      - Linear: {in: x, out_features: c, as: x}
      - unsqueeze: {in: x, dim: 1, as: new}
      - item: {in: past, as: old}
      - cat: {in: [old, new], dim: 1, as: new}
      - del: old
      - replace: {past: new}
      - sum: {in: new, dim: 1, as: sum}
      - let: {x: x + sum}
      - append: {sums: sum}
outputs: [x, sums]
run: {mode: infer}
"""
STATES = """
symbols: {B: 4, c: 64, L: 12}
inputs: {x: [B, c], y: [B, c]}
layers:
  - list: states
  - repeat: L
    layers:
      - Linear: {in: x, out_features: c, as: x}
      - append: {states: x}
      - Dropout: {in: x, p: 0.1, as: x}
outputs: [x, states]
loss: [mse_loss: y]
"""
B, L, c, p = (symbol(name) for name in "BLcp")


@pytest.fixture
def described(tmp_path: Path) -> Model:
    return text_model(CACHE, tmp_path)


def test_a_cache_grows_layer_by_layer_and_stays(described: Model):
    found = analysis(described)

    assert categories(found)["inputs"] == 4 * B * L * p * c + 4 * B * c
    assert categories(found)["after_forward"] == 4 * B * L * (p + 1) * c + 4 * B * L * c + 4 * B * c
    shorter_still_there = 4 * B * p * c
    peak = max(found.pieces, key=lambda piece: evaluate(piece.form, found.symbols.values))
    assert peak.form - 4 * L * c * (c + 1) - categories(found)["after_forward"] == shorter_still_there


@pytest.mark.parametrize("layers", [1, 3, 4, 5, 9, 30])
def test_skipped_iterations_hold_what_simulated_ones_do(described: Model, layers: int):
    same_as_unrolled(described, {}, L=layers)


@pytest.mark.parametrize("layers", [2, 5, 11])
@pytest.mark.parametrize("name", ["gpt2-prefill", "gpt2-decode", "llama-3.1-8b-decode"])
def test_cached_models_are_exact_in_their_layers(name: str, layers: int):
    same_as_unrolled(model(name), {}, L=layers)


def test_the_cache_of_gpt2_is_its_keys_and_values():
    kept = {name: categories(analysis(model(name)))["after_forward"] for name in ("gpt2-prefill", "gpt2-decode")}
    r, vocabulary = symbol("r"), symbol("V")

    assert kept["gpt2-prefill"] == 2 * 4 * L * B * r * c + 4 * B * r * vocabulary
    assert kept["gpt2-decode"] == 2 * 4 * L * B * (p + 1) * c + 4 * B * vocabulary


def test_a_list_of_all_hidden_states_is_exact_in_training(tmp_path: Path):
    found = text_model(STATES, tmp_path)

    same_as_unrolled(found, {}, L=9)
    assert categories(analysis(found))["after_forward"] == 4 * B * L * c + 5 * B * L * c  # states; results and masks of Dropout


REFUSED = {
    "list: x": "'x' is a tensor already, not a list",
    "append: {rows: x}": "no list 'rows' here",
    "append: {x: x}": "'x' is a tensor, not a list",
    "append: {past: x}": "'past' is an input: it has a tensor for every iteration already",
    "append: past": "'append' needs a list and a tensor",
    "item: past": "'past' has no tensor for the iteration that is running",
    "item: {in: past, dim: 1}": "item has no argument 'dim'",
    "repeat: 3, layers: [{item: past}]": "'past' has no tensor for the iteration that is running",
    "Linear: {in: past, out_features: 3}": "'past' is a list, not a tensor",
}


@pytest.mark.parametrize("statement", REFUSED)
def test_what_no_list_can_do_is_refused(statement: str, tmp_path: Path):
    text = f"symbols: {{B: 4, c: 8, L: 12}}\ninputs: {{x: [B, c], past: {{shape: [B, c], repeat: L}}}}\nlayers: [{{{statement}}}]\n"
    with pytest.raises(InvalidConfig) as refused:
        analysis(text_model(text, tmp_path))

    assert REFUSED[statement] in str(refused.value)
