"""The autograd engine: nodes in reverse order of creation, gradients accumulated as PyTorch does.

Sources: torch/csrc/autograd/engine.cpp (evaluate_function, call_function), input_buffer.cpp (accumulate),
functions/accumulate_grad.h; torch 2.7 and 2.13.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from analyzer.formulas import joint
from analyzer.graph import ENTER, Step, Tensor
from analyzer.ops.layout import preserved, same_layout
from analyzer.run.accumulation import added
from analyzer.run.arrays import Array, Leaf, Memory, Node
from analyzer.run.checkpoint import recompute, run_reentrant
from analyzer.run.kernels import Formula, sum_to
from analyzer.run.slices import copy_slices

Target = Node | Leaf


@dataclass(slots=True)
class Pass:
    """One backward pass: gradients waiting at each node, and how many are still to come."""

    memory: Memory
    resident: dict[Tensor, Array]
    waiting: dict[Target, dict[int, Array]] = field(default_factory=dict)
    missing: dict[Target, int] = field(default_factory=dict)
    ready: list[tuple[int, int, Node]] = field(default_factory=list)  # the latest made first; threads number theirs apart
    pushed: int = 0


def backward(memory: Memory, roots: Sequence[tuple[Target, int, Array]], resident: dict[Tensor, Array]) -> None:
    """Run backward: afterwards the leaves hold gradients and reached nodes have released what they saved.

    `roots` are nodes or leaves, which output of each, and its gradient, held by the caller. `resident` are the parameters,
    buffers and inputs that a checkpointed region needs to run again.
    """
    heap, place = memory.heap, memory.heap.place
    run = Pass(memory, resident)
    _count(run, [target for target, _, _ in roots])
    done: list[Leaf] = []
    for target, index, gradient in roots:
        gradient.refs += 1
        _accumulate(run, target, index, gradient)
        _arrived(run, target, done)
    for leaf in done:
        _grow(run, leaf)
    while run.ready:
        *_, node = heapq.heappop(run.ready)
        heap.move(replace(heap.place, loops=node.place.loops))
        _evaluate(run, node)
    heap.move(place)


def _count(run: Pass, starts: Sequence[Target]) -> None:
    """How many gradients each reachable node will receive."""
    for target in starts:
        run.missing[target] = run.missing.get(target, 0) + 1
    pending = [target for target in dict.fromkeys(starts) if isinstance(target, Node)]
    seen: set[Target] = set(pending)
    while pending:
        for target, _ in pending.pop().edges.values():
            run.missing[target] = run.missing.get(target, 0) + 1
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                pending.append(target)


def _arrived(run: Pass, target: Target, done: list[Leaf]) -> None:
    """One gradient less to come: a node that waits for no other is ready, a leaf done."""
    run.missing[target] -= 1
    if run.missing[target]:
        return
    if isinstance(target, Leaf):
        done.append(target)
    else:
        run.pushed += 1
        heapq.heappush(run.ready, (-target.number, run.pushed, target))


def _evaluate(run: Pass, node: Node) -> None:
    """One node: apply its formulas, let go of incoming gradients and saved tensors, hand the results on."""
    memory = run.memory
    incoming = run.waiting.pop(node, {})
    memory.wrapper.before_node(node)
    results = _results(run, node, incoming) if incoming else {}
    for array in incoming.values():
        memory.release(array)
    memory.forget(node)
    done: list[Leaf] = []
    for name, (target, index) in list(node.edges.items()):
        if name in results:
            _accumulate(run, target, index, results[name])
        _arrived(run, target, done)
    for leaf in done:
        _grow(run, leaf)


def _results(run: Pass, node: Node, incoming: dict[int, Array]) -> dict[str, Array]:
    """The gradients of a node's inputs; those of a checkpointed region run it again first."""
    across = run.memory.wrapper.across(node, incoming)
    if across is not None:
        return across
    if node.region and node.region.begin.again:
        return run_reentrant(run.memory, node, incoming, run.resident, backward)
    region = node.inner.region if node.inner else node.region
    if region:
        recompute(run.memory, region, run.resident)
    return _apply(run.memory, node, incoming)


def _apply(memory: Memory, node: Node, incoming: dict[int, Array]) -> dict[str, Array]:
    results = copy_slices(memory, node, incoming, _computed) if node.inner else _computed(memory, node, incoming)
    return {name: _validated(memory, node.step, name, results[name], node.shapes[name]) for name in node.edges if name in results}


def _computed(memory: Memory, node: Node, incoming: dict[int, Array]) -> dict[str, Array]:
    step = node.step
    memory.heap.op, memory.heap.origin = f"{step.op} backward", step.origin
    names = {**node.shapes, **node.saved, "g": incoming[min(incoming)], "n": 1, **step.rule.constants}
    names |= {f"g{i}": array for i, array in incoming.items()}
    absent = {f"g{i}" for i in range(len(step.outputs))} - names.keys()  # gradients that did not arrive
    results: dict[str, Array] = {}
    for key, formula in step.rule.grads.items():
        for name in joint(key):
            if name in node.edges and formula not in absent:
                results[name] = _gradient(memory, step, name, formula, names, node.shapes[name])
    if step.op == ENTER:
        memory.wrapper.after_unit(step.label)
    if node.region:
        memory.unpack(node)  # what was recomputed for this node is held by its running function only
    return results


def _gradient(memory: Memory, step: Step, name: str, formula: str, names: dict[str, object], target: Array) -> Array:
    label = f"{step.label}: gradient of {name}"
    evaluation = Formula(memory, names, target, label, step.rule)
    result = evaluation.value(formula)
    evaluation.close()
    return result


def _validated(memory: Memory, step: Step, name: str, array: Array, like: Array) -> Array:
    """validate_outputs: a gradient of another shape is summed to its input's, one of another dtype is cast."""
    label = f"{step.label}: gradient of {name}"
    if array.shape != like.shape and (len(array.shape) != len(like.shape) or _broadcast(array, like)):
        evaluation = Formula(memory, {}, like, label)
        reduced = evaluation.run("sum_to", sum_to, [evaluation, array, like.shape])
        reduced.refs += 1
        memory.release(array)
        evaluation.close()
        array = reduced
    if array.dtype != like.dtype:
        cast = memory.fresh(array.shape, like.dtype, preserved(array.shape, array.strides), "temporary", label)
        memory.heap.launch([array.extent], [cast.extent], gradient=True)
        memory.release(array)
        array = cast
    return array


def _broadcast(array: Array, like: Array) -> bool:
    return any(a != b and b == 1 for a, b in zip(array.shape, like.shape))


def _accumulate(run: Pass, target: Target, index: int, array: Array) -> None:
    """A gradient arrives; it is added to one that is there."""
    buffer = run.waiting.setdefault(target, {})
    old = buffer.get(index)
    if old is None:
        buffer[index] = array
        return
    buffer[index] = added(run.memory, target, old, array)


def _grow(run: Pass, leaf: Leaf) -> None:
    """A leaf's gradient has arrived; of a parameter's, what is around the model hears."""
    if leaf in run.waiting:
        _accumulate_grad(run, leaf)
        if leaf.tensor.is_parameter:
            run.memory.wrapper.on_gradient(leaf)


def _accumulate_grad(run: Pass, leaf: Leaf) -> None:
    """AccumulateGrad: the first gradient is taken over when nobody shares it, later ones are added in place."""
    memory = run.memory
    (array,) = run.waiting.pop(leaf).values()
    if leaf.grad is not None:
        memory.heap.launch([leaf.grad.extent, array.extent], [leaf.grad.extent], leaf.tensor.storage.loops, gradient=True)
        memory.release(array)
        return
    if array.refs == 1 and same_layout(array.shape, array.strides, leaf.tensor.strides):
        leaf.grad = array
    else:
        leaf.grad = memory.fresh(leaf.tensor.shape, leaf.tensor.dtype, leaf.tensor.strides, "gradient", "")
        memory.heap.launch([array.extent], [leaf.grad.extent], leaf.tensor.storage.loops, gradient=True)
        memory.release(array)
    leaf.grad.block.kind = "gradient" if leaf.tensor.is_parameter else "gradient of activation"
    leaf.grad.block.label = f"{leaf.tensor.storage.label} gradient"
