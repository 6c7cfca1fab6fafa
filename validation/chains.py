"""Small models around one op: trainable layers before it, something after it, parts of them frozen.

What follows the op decides what a wrong rule can hide behind: a Linear keeps its input, so that a rule which keeps x
instead of y is seen; a mean keeps nothing, so that a rule which forgets y is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from analyzer.build.model import Model, read_model
from analyzer.build.trace import bind_symbols, trace
from analyzer.run.settings import Run

DIRECT = ("float32", "int64", "int32", "bool")  # an operand of this kind is an input of the model
SUMMED = "_summed"  # after the name of a layer: the sum of a small network with that layer, and what it is a function of
CHANGED = {
    "beside": "",  # is made, but not given to the op
    "swapped": "transpose: {{in: {0}, dim0: -1, dim1: -2, as: {0}}}",
    "last": "movedim: {{in: {0}, source: -1, destination: 1, as: {0}}}",  # channels-last
    "between": "sigmoid: {{in: {0}, as: {0}}}",
    "heads": "transpose: {{in: {0}, dim0: 1, dim1: 2, as: {0}}}",  # heads before lengths
    "half": "to: {{in: {0}, dtype: bfloat16, as: {0}}}",
}


@dataclass(frozen=True, slots=True)
class Case:
    """An op with attributes, as YAML, on operands: sizes, after an optional word of DIRECT or CHANGED."""

    op: str
    attributes: str
    operands: tuple[str, ...]
    ends: tuple[str, ...] = ("linear", "mean")
    results: int = 1

    def __str__(self) -> str:
        return f"{self.op}({', '.join(self.operands)}{'; ' if self.attributes else ''}{self.attributes})"


def model(case: Case, end: str, frozen: tuple[str, ...]) -> Model:
    """The case as a model that ends in `end`: linear, mean, float (a Linear over whole numbers), turned (its gradient is not
    row-major), times the first operand, or scalar where the op gives the loss."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{case.op}.yaml"
        path.write_text(text(case, end, frozen), encoding="utf-8")
        return read_model(path, path.name)


def chains(case: Case, end: str, run: Run) -> Iterator[tuple[Model, tuple[str, ...]]]:
    """The case with nothing frozen, then the op itself, all before it, and both, as far as something is left to train."""
    whole = model(case, end, ())
    parts = {path.partition(".")[0] for path in trace(whole, bind_symbols(whole, {}), run).parameters}
    own = ("under",) if "under" in parts else ()
    before = tuple(sorted(part for part in parts if part.startswith("before")))
    for frozen in dict.fromkeys([(), own, before, (*own, *before)]):
        if parts - set(frozen):
            yield model(case, end, frozen), frozen


def text(case: Case, end: str, frozen: tuple[str, ...]) -> str:
    """The YAML of a case."""
    names = [f"a{i}" for i in range(len(case.operands))]
    inputs, made = zip(*(_operand(name, f"before{i}", operand) for i, (name, operand) in enumerate(zip(names, case.operands))))
    results = "y" if case.results == 1 else f"[{', '.join(f'y{i}' for i in range(case.results))}]"
    taken = [word for name, operand in zip(names, case.operands) for word in _taken(name, operand)]
    under = f"{case.op}: {{in: [{', '.join(taken)}], {case.attributes + ', ' if case.attributes else ''}name: under, as: {results}}}"
    y = "y" if case.results == 1 else "y0"
    layers, last, loss = {
        "linear": ([under, f"Linear: {{in: {y}, out_features: 3, name: after, as: z}}"], "z", "mean: {in: z}"),
        "mean": ([under], y, f"mean: {{in: {y}}}"),
        "float": (
            [under, f"to: {{in: {y}, dtype: float32, as: f}}", "Linear: {in: f, out_features: 3, name: after, as: z}"],
            "z",
            "mean: {in: z}",
        ),
        "turned": (  # the gradient comes transposed
            [under, f"transpose: {{in: {y}, dim0: 0, dim1: -1, as: t}}", "Linear: {in: t, out_features: 3, name: after, as: z}"],
            "z",
            "mean: {in: z}",
        ),
        "times": ([under, f"mul: {{in: [{y}, a0], as: z}}"], "z", "mean: {in: z}"),
        "scalar": ([], ", ".join(name for name, layer in zip(names, made) if layer), under),
    }[end]
    return "\n".join((
        f"frozen: [{', '.join(frozen)}]", "inputs:", *(f"  {line}" for line in inputs),
        "layers:", *(f"  - {layer}" for layer in chain(*made, layers)), f"outputs: [{last}]", "loss:", f"  - {loss}", "",
    ))  # fmt: skip


def _taken(name: str, operand: str) -> list[str]:
    """What of an operand the op is given: a sum comes with what it was made of."""
    return [] if operand.startswith("beside ") else [name, f"of_{name}"] if SUMMED in operand else [name]


def _operand(name: str, layer: str, operand: str) -> tuple[str, list[str]]:
    """The input behind an operand, and the layers that make the operand of it."""
    words = operand.split()
    kind, sizes = ("", words) if words[0].isdigit() else (words[0], words[1:])
    if kind in DIRECT:
        return f"{name}: {{shape: [{', '.join(sizes)}], dtype: {kind}}}", []
    if kind.endswith(SUMMED):
        first = f"Linear: {{in: x_{name}, out_features: {sizes[-1]}, name: {layer}, as: of_{name}}}"
        inner = f"Linear: {{in: of_{name}, out_features: 4, name: {layer}inner}}"
        last = f"Linear: {{out_features: 2, name: {layer}last}}"
        return f"x_{name}: {{shape: [{', '.join(sizes)}]}}", [
            first,
            inner,
            f"{kind.removesuffix(SUMMED)}: {{name: {layer}middle}}",
            last,
            f"sum: {{as: {name}}}",
        ]
    given = {"swapped": [*sizes[:-2], *sizes[:-3:-1]], "last": [sizes[0], *sizes[2:], *sizes[1:2]]}.get(kind, sizes)
    linear = f"Linear: {{in: x_{name}, out_features: {given[-1]}, name: {layer}, as: {name}}}"
    return f"x_{name}: {{shape: [{', '.join(given)}]}}", [linear, *([CHANGED[kind].format(name)] if CHANGED.get(kind) else [])]
