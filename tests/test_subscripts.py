"""Subscripts in `let` are the views that PyTorch makes: shapes and strides are those of torch, and so is what is refused."""

from pathlib import Path

import pytest
import torch

from analyzer.build.model import read_model
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.problems import InvalidConfig
from analyzer.run.settings import Run

SIZES = {"B": 6, "T": 9, "M": 4, "c": 8}
MODEL = """
symbols: {{B: 6, T: 9, M: 4, c: 8}}
inputs: {{x: [B, T, c], i: {{shape: [M], dtype: int64}}, j: {{shape: [M], dtype: int64}}}}
layers:
  - let: {{y: "{text}"}}
outputs: [y]
"""
TAKEN = (
    "x[0]", "x[-1]", "x[B - 1]", "x[:, M]", "x[..., 0]", "x[:, :, -c]", "x[None]", "x[:, None, :]", "x[..., None]", "x[1:]", "x[:-1]",
    "x[:, -M:]", "x[:, M:T, ::3]", "x[:, 1:100]", "x[:T]", "x[:, 2:-1:2]", "x[0, 1:, None, 2]", "x[i]", "x[:, i]", "x[i, j]", "x[:, i, j]",
    "x[0][1:]", "x[:, :2][:, i]", "x[2:, i]", "x[0, ...]", "x.mT[:, 1:]",
)  # fmt: skip
REFUSED = ("x[6]", "x[-7]", "x[0, 0, 0, 0]", "x[:, 9, None]")


def tensor(text: str, folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape and strides of what a model makes of a subscript."""
    path = folder / "model.yaml"
    path.write_text(MODEL.format(text=text), encoding="utf-8")
    model, run = read_model(path), Run(mode="infer")
    graph = trace(model, bind_symbols(model, {}), run, unroll=True)
    y = graph.outputs["y"]
    return tuple(evaluate(n, SIZES) for n in y.shape), tuple(evaluate(n, SIZES) for n in y.strides)


@pytest.mark.parametrize("text", TAKEN)
def test_a_subscript_is_what_torch_makes_of_it(text: str, tmp_path: Path) -> None:
    names = {**SIZES, "x": torch.zeros(6, 9, 8), "i": torch.zeros(4, dtype=torch.int64), "j": torch.zeros(4, dtype=torch.int64)}
    y = eval(text, names)

    shape, strides = tensor(text, tmp_path)

    assert shape == tuple(y.shape)
    assert [s for n, s in zip(shape, strides) if n != 1] == [s for n, s in zip(y.shape, y.stride()) if n != 1]


@pytest.mark.parametrize("text", REFUSED)
def test_what_torch_refuses_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises((IndexError, RuntimeError)):
        eval(text, {"x": torch.zeros(6, 9, 8)})

    with pytest.raises(InvalidConfig):
        tensor(text, tmp_path)
