"""The words of gradient formulas that stand for a kernel with several results (`analyzer.ops.plan`)."""

from __future__ import annotations

from typing import Any

from analyzer.graph import contiguous
from analyzer.ops.layout import same_layout
from analyzer.ops.plan import Brief, Gone, Held, Item, Laid, Plan, Result, RowMajor
from analyzer.run.arrays import Array
from analyzer.run.heap import Block
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula

PLANNED = (
    "grid_sampler_backward",
    "native_layer_norm_backward",
    "rms_norm_backward",
    "native_group_norm_backward",
    "native_batch_norm_backward",
    "cudnn_batch_norm_backward",
    "batch_norm_double_backward",
    "trilinear_backward",
    "embedding_dense_backward",
    "embedding_bag_dense_backward",
    "index_backward",
    "nll_loss_and_log_softmax_backward",
)


def planned(formula: Formula, name: str, *arguments: Any) -> Array:
    """One result of a kernel that runs when the first of them is asked for: the others wait for their formulas."""
    names = formula.names
    assert isinstance(names, dict)  # one for all formulas of an application of a node
    if "results" not in names:
        names["results"] = _Run(formula).run(names["plan"])
    result: Array = names["results"].pop(name)
    return formula.own(result)


class _Run:
    """One run of a kernel by its plan."""

    def __init__(self, formula: Formula) -> None:
        self.formula, self.heap = formula, formula.memory.heap
        self.label = formula.label.partition(": ")[0]
        self.held: dict[str, Block] = {}

    def run(self, plan: Plan) -> dict[str, Array]:
        """The wanted results; everything else goes."""
        made = {item.name: self._result(item) for item in plan if not self._other(item) and isinstance(item, Result)}
        for block in reversed(self.held.values()):
            self.heap.release(block)
        unwanted = {item.name for item in plan if isinstance(item, Result) and not item.wanted}
        for name in unwanted:
            self.formula.own(made.pop(name))
        return made

    def _result(self, item: Result) -> Array:
        label = f"{self.label}: gradient of {item.name}"
        return self.formula.memory.fresh(item.spec.shape, item.spec.dtype, item.spec.strides, "temporary", label)

    def _other(self, item: Item) -> bool:
        match item:
            case Held(size=size, name=name):
                self._hold(size, name)
            case Gone(name=name) if name in self.held:
                self.heap.release(self.held.pop(name))
            case Brief(sizes=sizes):
                self.formula.scratch(*sizes)
            case RowMajor(of=name):
                array: Array = self.formula.names[name]
                if not same_layout(array.shape, array.strides, contiguous(array.shape)):
                    self._hold(array.bytes, name)
            case Laid(of=name, strides=strides) if strides:
                array = self.formula.names[name]
                if not same_layout(array.shape, array.strides, strides):
                    self._hold(array.bytes, name)
        return not isinstance(item, Result)

    def _hold(self, size: Any, name: str) -> None:
        if size:
            self.held[name or str(len(self.held))] = self.heap.alloc(size, "workspace", f"{self.label} scratch")


KERNELS.update({word: planned for word in PLANNED})
