"""Dtypes that PyTorch stops at: each case was run over its CUDA build and raised; peakform refuses it, with the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.problems import InvalidConfig
from analyzer.run.settings import read_run

REFUSED = json.loads((Path(__file__).parents[1] / "data" / "dtypes.json").read_text(encoding="utf-8"))["refused"]


def applied(folder: Path, op: str, attributes: str, operands: list[str], dtypes: list[str]) -> Path:
    """A config that applies an op to inputs of these shapes and dtypes."""
    names = ["x", "z"][: len(operands)]
    inputs = "\n".join(f"  {n}: {{shape: [{', '.join(o.split())}], dtype: {d}}}" for n, o, d in zip(names, operands, dtypes))
    given = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    path = folder / "applied.yaml"
    more = f", {attributes}" if attributes else ""
    path.write_text(f"inputs:\n{inputs}\nlayers:\n  - {op}: {{in: {given}{more}, as: y}}\noutputs: [y]\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0]}-{'-'.join(case[3])}")
def test_what_torch_stops_at_is_refused(tmp_path: Path, case: list) -> None:
    path = applied(tmp_path, *case[:4])

    with pytest.raises(InvalidConfig) as found:
        analyze(read_model(path), {}, read_run({}, {"mode": "infer"}, has_loss=False))
    assert "applied.yaml:" in str(found.value)


@pytest.mark.parametrize(("op", "operands", "dtypes", "made"), [
    ("div", ["3 5", "3 5"], ["int64", "int64"], "float32"),
    ("div", ["3 5", "3 5"], ["bool", "int64"], "float32"),
    ("sigmoid", ["3 5"], ["int64"], "float32"),
    ("tanh", ["3 5"], ["bool"], "float32"),
    ("stack", ["7 11", "7 11"], ["bool", "float32"], "float32"),
    ("stack", ["7 11", "7 11"], ["bool", "int64"], "int64"),
])  # fmt: skip
def test_whole_numbers_become_what_torch_makes_of_them(tmp_path: Path, op: str, operands: list[str], dtypes: list[str], made: str) -> None:
    torch = pytest.importorskip("torch")
    given = [torch.ones([int(n) for n in shape.split()], dtype=getattr(torch, dtype)) for shape, dtype in zip(operands, dtypes)]
    result = torch.stack(given) if op == "stack" else getattr(torch, op)(*given)
    analysis = analyze(read_model(applied(tmp_path, op, "", operands, dtypes)), {}, read_run({}, {"mode": "infer"}, has_loss=False))

    assert [t.dtype for t in analysis.graph.outputs.values()] == [made]
    assert str(result.dtype) == f"torch.{made}"
