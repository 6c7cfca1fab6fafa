"""The backward of recurrent layers through cuDNN: the gradients of input, states and weights, and what it takes for them.

Source: ATen/native/cudnn/RNN.cpp (_cudnn_rnn_backward, _cudnn_rnn_backward_input, _cudnn_rnn_backward_weight); torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import contiguous
from analyzer.ops.layout import same_layout
from analyzer.ops.recurrent import Recurrence, by_steps
from analyzer.polynomial import Poly
from analyzer.run.arrays import Array
from analyzer.run.heap import Block
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula


def cudnn_rnn_backward(formula: Formula, name: str, *arguments: Array) -> Array:
    """The gradient of one input: the kernels run for all of them when the first is asked for."""
    names = formula.names
    assert isinstance(names, dict)  # one for all formulas of an application of a node
    if "results" not in names:
        names["results"] = _Run(formula, names["recurrence"]).results()
    result: Array = names["results"].pop(name)
    return formula.own(result)


class _Run:
    """One run of the kernels."""

    def __init__(self, formula: Formula, made: Recurrence) -> None:
        self.formula, self.made, self.heap = formula, made, formula.memory.heap
        self.label = formula.label.partition(": ")[0]
        self.gradients: dict[str, Array] = {}

    def results(self) -> dict[str, Array]:
        """The gradients of what is trained; input and states have theirs made in any case."""
        names = self.formula.names
        absent = [names[name] for i, name in enumerate(("y", "hx", "cx")) if name in names and f"g{i}" not in names]
        zeros = [self._held(array.bytes) for array in absent]
        self._inputs()
        if any(name.startswith("weights") for name in self.made.trained):
            self._weights()
        for block in reversed(zeros):
            self.heap.release(block)
        for name in self.gradients.keys() - self.made.trained:
            self.formula.own(self.gradients.pop(name))
        return self.gradients

    def _inputs(self) -> None:
        copies = self._copies("x", "g0")
        for name in ("x", "hx", "cx"):
            if name in self.formula.names:
                like = self.formula.names[name]
                strides = by_steps(like.shape, self.made.batch_first) if name == "x" else contiguous(like.shape)
                self.gradients[name] = self.formula.memory.fresh(like.shape, like.dtype, strides, "temporary", self._named(name))
        self.formula.scratch(self.made.workspace)
        for block in reversed(copies):
            self.heap.release(block)

    def _weights(self) -> None:
        memory, names = self.formula.memory, self.formula.names
        copies = self._copies("x")
        buffer = memory.fresh((self.made.elements,), names["x"].dtype, None, "temporary", self._named("weights"))
        workspace = self._held(self.made.workspace)
        for i in range(self.made.weights):
            name, shape = f"weights{i}", names[f"weights{i}"].shape
            if self.made.shared:
                self.gradients[name] = memory.alias(buffer, shape, contiguous(shape), view=False)
            else:
                self.gradients[name] = memory.fresh(shape, buffer.dtype, None, "temporary", self._named(name))
        for block in (workspace, *reversed(copies)):
            self.heap.release(block)
        memory.release(buffer)

    def _copies(self, *arguments: str) -> list[Block]:
        """Copies of sequences that do not lie step by step."""
        given = [self.formula.names[name] for name in arguments if name in self.formula.names]
        return [self._held(a.bytes) for a in given if not same_layout(a.shape, a.strides, by_steps(a.shape, self.made.batch_first))]

    def _held(self, size: Poly) -> Block:
        return self.heap.alloc(size, "workspace", f"{self.label} scratch")

    def _named(self, name: str) -> str:
        return f"{self.label}: gradient of {name}"


KERNELS |= {"cudnn_rnn_backward": cudnn_rnn_backward}
