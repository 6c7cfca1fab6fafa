"""What is decided about sizes is written down, so that formulas are not used where it would have been decided otherwise."""

import itertools
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.assumptions import Assumption, without_common
from analyzer.build.model import read_model
from analyzer.evaluate import evaluate, holds
from analyzer.expressions import size
from analyzer.polynomial import Poly, poly, symbol
from analyzer.problems import InvalidConfig, Origin
from analyzer.run.settings import read_run
from analyzer.sizes import Device, Sizes
from analyzer.sweep.evaluate import Evaluator, Job
from analyzer.sweep.grid import Grid

B, c, n, r = map(symbol, "Bcnr")

# What is a copy and what a view, and which kernel runs, depends on whether two sizes happen to be the same.
HEADS = """
symbols: {B: 6, n: 4, c: 5, r: 7}
inputs: {x: [B, n, r, c]}
layers:
  - Linear: c
  - permute: {dims: [0, 2, 1, 3]}
  - reshape: {shape: [B, n, r, c], as: y}
  - Linear: c
  - permute: {dims: [0, 1, 3, 2]}
  - reshape: {shape: [B, n, r, c], as: y}
  - exp: {in: y, as: z}
outputs: [z]
loss:
  - mean
"""
DEPTHWISE = """
symbols: {B: 2, s: 9, c: 5, g: 5}
inputs: {x: [B, c, s, s]}
layers:
  - Conv2d: {out_channels: c, kernel_size: 3, groups: g, padding: 1}
  - permute: {dims: [0, 2, 3, 1]}
  - exp
loss:
  - sum
run: {precision: fp16, optimizer: SGD}
"""
PADDED = """
symbols: {B: 2, s: 9, k: 5}
inputs: {x: [B, 1, s]}
layers:
  - Conv1d: {out_channels: 1, kernel_size: k, padding: (k - 1) / 2}
loss:
  - mean
"""
PIECES = """
symbols: {r: 10, c: 5}
inputs: {x: [r, c]}
layers:
  - Linear: c
  - split: {split_size: 4, as: [a, b, d]}
  - exp: {in: d}
loss:
  - mean
"""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (HEADS, {"n": (2, 7, 4, 1), "r": (7, 4, 1, 5)}),
        (DEPTHWISE, {"c": (5, 1, 10, 32, 64), "g": (5, 1, 32)}),
        (PADDED, {"k": (5, 4, 1, 7), "s": (9, 1)}),
        (PIECES, {"r": (10, 13, 12, 8, 9, 100)}),
    ],
    ids=["heads", "depthwise", "padded", "pieces"],
)
def test_a_formula_is_not_used_where_sizes_decide_otherwise(text: str, values: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text, encoding="utf-8")
    model = read_model(path)
    run = read_run(model.run, {}, has_loss=True)
    found = Evaluator(Job(model, {}, run, ()), Grid(values), Device()).figures(Grid(values)).column("peak")

    fresh = []
    for point in itertools.product(*values.values()):
        try:
            analysis = analyze(model, {name: str(size) for name, size in zip(values, point)}, run)
        except InvalidConfig:
            fresh.append(-1)
        else:
            fresh.append(max(evaluate(piece.form, analysis.symbols.values) for piece in analysis.pieces))

    assert found.ravel().tolist() == fresh
    assert len(set(fresh)) > 2


@pytest.mark.parametrize(
    ("a", "b", "left", "right"),
    [
        (n * c, c, n, poly(1)),
        (8 * B * c, 4 * c, 2 * B, poly(1)),
        (c / n, poly(1), c / n, poly(1)),
        (B * c, c / n, B * n, poly(1)),
        (B + B * c, B * r, poly(1) + c, r),
        (B, n, B, n),
    ],
)
def test_common_factors_are_left_out(a: Poly, b: Poly, left: Poly, right: Poly) -> None:
    assert without_common(a, b) == (left, right)


def decided(sizes: Sizes) -> list[str]:
    return [str(a) for a in sizes.assumptions.values()]


def test_an_inequality_is_written_down_where_sizes_might_be_equal() -> None:
    sizes = Sizes({"B": 6, "n": 4, "r": 7, "c": 5}, Device())

    assert not sizes.agree(B * c, n * c)
    assert not sizes.agree(r * B, r)
    assert not sizes.agree(3 * B, poly(1))  # never
    assert not sizes.agree(r + 1, r)  # never
    assert not sizes.agree(B * c, poly(1))  # not where B is not 1, as is known by now
    assert sizes.below(c, n * c)
    assert sizes.below(n, r)
    assert not sizes.below(r, n)

    assert decided(sizes) == ["B != n", "B != 1", "n != 1", "n <= r - 1", "r >= n"]


def test_a_symbol_that_is_1_is_left_out() -> None:
    sizes = Sizes({"B": 1, "r": 7}, Device())

    assert sizes.is_one(B)
    assert not sizes.agree(r, B)

    assert decided(sizes) == ["B == 1", "r != 1"]
    assert not holds(Assumption(r, "!=", poly(1)), {"B": 1, "r": 1})


def test_half_a_power_is_a_square_root() -> None:
    assert size("c ** 0.5", symbol, Origin("")) == size("sqrt(c)", symbol, Origin(""))
