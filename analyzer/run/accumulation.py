"""Two gradients of one tensor added up before its node runs.

Source: torch/csrc/autograd/input_buffer.cpp (InputBuffer::accumulate), torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import ITEMSIZE
from analyzer.ops.layout import elementwise_strides, is_dense
from analyzer.polynomial import product
from analyzer.run.arrays import Array, Leaf, Memory, Node
from analyzer.sizes import sizes


def added(memory: Memory, target: Node | Leaf, old: Array, array: Array) -> Array:
    """The sum of the gradient that is there and one that arrives: in place when nobody else can see the old one.

    Of a gradient that is divided among GPUs and one that each has whole, this GPU's part of the whole one is copied first.
    """
    memory.heap.launch([old.extent, array.extent], [array.bytes], gradient=True)
    if old.refs == 1 and old.block.refs == 1 and not old.view and is_dense(old.shape, old.strides) and not _is_distributed(target):
        memory.release(array)
        return old
    label = f"{memory.heap.op}: sum of gradients"
    shape = min(old.shape, array.shape, key=lambda shape: sizes().number(product(shape)))
    alike = old.shape == array.shape
    part = memory.heap.take(label, *([] if alike else [product(shape) * ITEMSIZE[old.dtype]]))
    strides = elementwise_strides(shape, [(a.shape, a.strides) for a in (old, array)]) if alike else None
    result = memory.fresh(shape, old.dtype, strides, "temporary", label)
    memory.heap.give_back(part)
    memory.release(old)
    memory.release(array)
    return result


def _is_distributed(target: Node | Leaf) -> bool:
    """Whether gradients that meet there are DTensors: they are never added in place."""
    if isinstance(target, Leaf):
        return bool(target.tensor.storage.placement)
    return "distributed" in target.step.rule.constants
