"""In-place ops on views: the base gets a CopySlices node, and the view is read off the base again.

Source: torch/csrc/autograd/functions/tensor.cpp (CopySlices::apply), torch/csrc/autograd/variable.cpp (rebase_history,
VariableHooks::grad_fn); torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from analyzer.graph import Step, Tensor
from analyzer.run.arrays import Array, Leaf, Memory, Node

Apply = Callable[[Memory, Node, dict[int, Array]], dict[str, Array]]


class Recorder(Protocol):
    """The forward side: it makes nodes and knows where gradients go."""

    memory: Memory
    leaves: dict[Tensor, Leaf]

    def node(self, step: Step, inputs: dict[str, Array]) -> Node: ...
    def target(self, tensor: Tensor, array: Array) -> tuple[Node | Leaf, int]: ...


def rebase(forward: Recorder, inner: Node, known: Mapping[str, Array], result: Array) -> None:
    """Give the base of what `inner` changed its history; `known` are the arrays of the step, `result` the view after it."""
    step, name = inner.step, inner.step.rule.inplace
    base = known[name].base
    assert base is not None
    copied = forward.node(replace(step, op="copy_slices"), {**inner.shapes, name: _metadata(base)})
    copied.inner = inner
    inner.refs = 1
    if base.node:
        copied.edges[name] = (base.node, base.output)
    elif name in step.needed:
        copied.edges[name] = (forward.leaves[step.inputs[name]], 0)
    for other in (n for n in step.inputs if n in step.needed and n != name):
        copied.edges[other] = forward.target(step.inputs[other], known[other])
    inner.edges = {n: (copied, 0) for n in inner.step.inputs if n in step.needed}  # what it is asked for
    base.node, base.output = copied, 0
    copied.refs += 1
    read_again(forward, step, name, base, result)


def read_again(forward: Recorder, step: Step, name: str, base: Array, view: Array) -> None:
    """Give a view of a base that has been changed the history of a view taken now."""
    rule = replace(step.rule, grads={name: "scattered(g, x.shape)"}, inplace="", constants={})
    strided = forward.node(replace(step, op="as_strided", rule=rule, needed=frozenset({name})), {name: base, "x": base})
    assert base.node is not None
    strided.edges[name] = (base.node, base.output)
    base.node.refs += 1
    if view.node:
        forward.memory.release_node(view.node)
    view.node, view.output = strided, 0
    strided.refs += 1


def _metadata(array: Array) -> Array:
    return Array(array.shape, array.strides, array.dtype, array.block)


def copy_slices(memory: Memory, node: Node, incoming: dict[int, Array], apply: Apply) -> dict[str, Array]:
    """The gradients of the base and of what it was changed with: a copy of the base's gradient, a part of it replaced."""
    inner = node.inner
    assert inner is not None
    name, label = inner.step.rule.inplace, f"{inner.step.label}: gradient of the base"
    memory.heap.op, memory.heap.origin = "copy_slices backward", inner.step.origin
    (g,) = incoming.values()
    base, view = node.shapes[name], inner.shapes[name]
    whole = memory.fresh(base.shape, g.dtype, base.strides, "temporary", label)
    part = memory.fresh(view.shape, g.dtype, None, "temporary", label)
    results = apply(memory, inner, {0: part})
    memory.release(part)
    if name in results:
        memory.release(results.pop(name))
    if name in node.edges:
        return {name: whole, **results}
    memory.release(whole)
    return results
