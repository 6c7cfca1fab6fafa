"""The autograd engine: nodes in reverse order of creation, gradients accumulated as PyTorch does.

Sources: torch/csrc/autograd/engine.cpp (evaluate_function, call_function), input_buffer.cpp (accumulate),
functions/accumulate_grad.h; torch 2.7 and 2.13.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

from analyzer.formulas import joint
from analyzer.graph import Step, Tensor
from analyzer.ops.layout import same_layout
from analyzer.run.arrays import Array, Leaf, Memory, Node
from analyzer.run.checkpoint import recompute
from analyzer.run.forward import dense
from analyzer.run.kernels import Formula, sum_to

Target = Node | Leaf


@dataclass(slots=True)
class Pass:
    """One backward pass: gradients waiting at each node, and how many are still to come."""

    memory: Memory
    resident: dict[Tensor, Array]
    waiting: dict[Target, dict[int, Array]] = field(default_factory=dict)
    missing: dict[Target, int] = field(default_factory=dict)
    ready: list[tuple[int, Node]] = field(default_factory=list)


def backward(memory: Memory, loss: Array, resident: dict[Tensor, Array]) -> None:
    """Run backward from a scalar: afterwards the leaves hold gradients and reached nodes have released what they saved.

    `resident` are the parameters, buffers and inputs that a checkpointed region needs to run again.
    """
    heap = memory.heap
    if loss.node is None:
        return
    root = memory.fresh(loss.shape, loss.dtype, None, "gradient of activation", "gradient of the loss")
    run = Pass(memory, resident)
    _count(run, loss.node)
    root.refs += 1
    run.waiting[loss.node] = {loss.output: root}
    heapq.heappush(run.ready, (-loss.node.number, loss.node))
    while run.ready:
        _, node = heapq.heappop(run.ready)
        heap.move(replace(heap.place, loops=node.place.loops))
        _evaluate(run, node)
    heap.move(replace(heap.place, loops=()))
    memory.release(root)


def _count(run: Pass, start: Node) -> None:
    """How many gradients each reachable node will receive."""
    seen, pending = {start}, [start]
    while pending:
        for target, _ in pending.pop().edges.values():
            run.missing[target] = run.missing.get(target, 0) + 1
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                pending.append(target)


def _evaluate(run: Pass, node: Node) -> None:
    """One node: apply its formulas, let go of incoming gradients and saved tensors, hand the results on."""
    memory = run.memory
    incoming = run.waiting.pop(node, {})
    if incoming and node.region and not node.region.recomputed:
        recompute(memory, node.region, run.resident)
    results = _apply(memory, node, incoming) if incoming else {}
    for array in incoming.values():
        memory.release(array)
    memory.forget(node)
    done: list[Leaf] = []
    for name, (target, index) in list(node.edges.items()):
        if name in results:
            _accumulate(run, target, index, results[name])
        run.missing[target] -= 1
        if run.missing[target]:
            continue
        if isinstance(target, Leaf):
            done.append(target)
        else:
            heapq.heappush(run.ready, (-target.number, target))
    for leaf in done:
        _accumulate_grad(run, leaf)


def _apply(memory: Memory, node: Node, incoming: dict[int, Array]) -> dict[str, Array]:
    step = node.step
    memory.heap.op, memory.heap.origin = f"{step.op} backward", step.origin
    names = {**node.shapes, **node.saved, "g": incoming[min(incoming)], "n": 1, **step.rule.constants}
    names |= {f"g{i}": array for i, array in incoming.items()}
    results: dict[str, Array] = {}
    for key, formula in step.rule.grads.items():
        for name in joint(key):
            if name in node.edges:
                results[name] = _gradient(memory, step, name, formula, names, node.shapes[name])
    if node.region:
        memory.forget(node)  # what was recomputed for this node is held by its running function only
    return {name: _validated(memory, step, name, results[name], node.shapes[name]) for name in node.edges if name in results}


def _gradient(memory: Memory, step: Step, name: str, formula: str, names: dict[str, object], target: Array) -> Array:
    label = f"{step.label}: gradient of {name}"
    evaluation = Formula(memory, names, target, label, step.rule.workspace)
    result = evaluation.value(formula)
    evaluation.close()
    return result


def _validated(memory: Memory, step: Step, name: str, array: Array, like: Array) -> Array:
    """validate_outputs: a gradient of another shape is summed to its input's, one of another dtype is cast."""
    label = f"{step.label}: gradient of {name}"
    if array.shape != like.shape and (len(array.shape) != len(like.shape) or _broadcast(array, like)):
        evaluation = Formula(memory, {}, like, label, {})
        reduced = sum_to(evaluation, array, like.shape)
        reduced.refs += 1
        memory.release(array)
        evaluation.close()
        array = reduced
    if array.dtype != like.dtype:
        cast = memory.fresh(array.shape, like.dtype, array.strides, "temporary", label)
        memory.release(array)
        array = cast
    return array


def _broadcast(array: Array, like: Array) -> bool:
    return any(a != b and b == 1 for a, b in zip(array.shape, like.shape))


def _accumulate(run: Pass, target: Target, index: int, array: Array) -> None:
    """InputBuffer::accumulate: in place when nobody else can see the gradient that is already there."""
    buffer = run.waiting.setdefault(target, {})
    old = buffer.get(index)
    if old is None:
        buffer[index] = array
        return
    memory = run.memory
    if old.refs == 1 and old.block.refs == 1 and not old.view and dense(old):
        memory.release(array)
        return
    label = f"{memory.heap.op}: sum of gradients"
    buffer[index] = memory.fresh(old.shape, old.dtype, old.strides if dense(old) else None, "temporary", label)
    memory.release(old)
    memory.release(array)


def _accumulate_grad(run: Pass, leaf: Leaf) -> None:
    """AccumulateGrad: the first gradient is taken over when nobody shares it, later ones are added in place."""
    memory = run.memory
    arrived = run.waiting.pop(leaf, {})
    if not arrived:
        return
    (array,) = arrived.values()
    if leaf.grad is not None:
        memory.release(array)
        return
    if array.refs == 1 and same_layout(array.shape, array.strides, leaf.tensor.strides):
        leaf.grad = array
    else:
        leaf.grad = memory.fresh(leaf.tensor.shape, leaf.tensor.dtype, leaf.tensor.strides, "gradient", "")
        memory.release(array)
    leaf.grad.block.kind = "gradient"
    leaf.grad.block.label = f"{leaf.tensor.storage.label} gradient"
