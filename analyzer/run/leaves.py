"""Tensors that became leaves, and what a recorded backward pass takes out of autograd nodes.

Source: torch/csrc/autograd/saved_variable.cpp (SavedVariable::unpack), functions/accumulate_grad.h; torch 2.13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.graph import Step, Tensor
from analyzer.run.arrays import Array, Leaf, Node

if TYPE_CHECKING:
    from analyzer.run.forward import Forward


def make_leaf(forward: Forward, tensor: Tensor) -> None:
    """requires_grad_: the tensor has a place for a gradient, which goes with it."""
    array = forward.state[tensor]
    array.leaf = Leaf(tensor, None, array)


def unpack(forward: Forward, step: Step) -> None:
    """A saved tensor as a tensor object again, where its gradient would go to as before."""
    unpacked = step.rule.constants["unpacked"]
    assert isinstance(unpacked, tuple)
    recorded, name = unpacked
    node, (tensor,) = forward.recorded[recorded], step.outputs
    array = forward.memory.alias(node.saved[name], tensor.shape, tensor.strides, view=False)
    forward.state[tensor] = array
    made = ["y", *(f"y{i}" for i in range(1, len(recorded.outputs)))]
    if name in node.edges:
        _link(array, *node.edges[name])
    elif name in made and recorded.outputs[made.index(name)].requires_grad:
        _link(array, node, made.index(name))


def _link(array: Array, target: Node | Leaf, output: int) -> None:
    if isinstance(target, Node):
        array.node, array.output = target, output
        target.refs += 1
    else:
        array.leaf = target
