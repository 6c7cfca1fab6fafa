"""The words of gradient formulas that stand for the backward kernels of attention."""

from __future__ import annotations

from typing import Any

from analyzer.ops.layout import same_layout
from analyzer.ops.plan import Item, Laid, Result
from analyzer.polynomial import ONE
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernel_plans import _Run
from analyzer.run.kernels import Formula

PLANNED = ("flash_attention_backward", "efficient_attention_backward", "cudnn_attention_backward")


class _Attention(_Run):
    """One run of a backward kernel of attention."""

    def _result(self, item: Result) -> Array:
        if item.spec.size is None:
            return super()._result(item)
        block = self.heap.alloc(item.spec.size, "temporary", f"{self.label}: gradient of {item.name}")
        assert item.spec.strides is not None
        return Array(item.spec.shape, item.spec.strides, item.spec.dtype, block)

    def _other(self, item: Item) -> bool:
        if not isinstance(item, Laid):
            return super()._other(item)
        array: Array = self.formula.names[item.of]
        if not (same_layout(array.shape, array.strides, item.strides) if item.strides else array.strides[-1] == ONE):
            self._hold(array.bytes, item.of)
        return True


def attention(formula: Formula, name: str, *arguments: Any) -> Array:
    """One result of a kernel that runs when the first of them is asked for: the others wait for their formulas."""
    names = formula.names
    assert isinstance(names, dict)  # one for all formulas of an application of a node
    if "results" not in names:
        names["results"] = _Attention(formula).run(names["plan"])
    result: Array = names["results"].pop(name)
    return formula.own(result)


KERNELS.update({word: attention for word in PLANNED})
