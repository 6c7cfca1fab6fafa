"""Activation checkpointing in backward: a region is run again when backward first needs something that it saved.

Non-reentrant: the second run stops as soon as everything that the first one would have saved is there, often before the
last kernel; its Python variables go, and each recomputed tensor goes when the node it is for has run. A region inside another
gets its inputs from the other one's second run. Reentrant: the second run goes to the end, and makes a graph that a
backward pass of its own goes through, while the gradients that arrived, the inputs and the outputs stay.

Source: torch/utils/checkpoint.py (_checkpoint_without_reentrant_generator, _recomputation_hook, CheckpointFunction.backward),
torch/csrc/autograd/python_function.cpp (PyNode::apply: gradients that did not arrive are zeros), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from analyzer.graph import Checkpoint, Drop, Enter, Instruction, Leave, Step, Tensor
from analyzer.run.arrays import Array, Leaf, Memory, Node, Region
from analyzer.run.forward import Forward
from analyzer.run.heap import Place

Target = Node | Leaf
Backward = Callable[[Memory, Sequence[tuple[Target, int, Array]], dict[Tensor, Array]], None]


def recompute(memory: Memory, region: Region, resident: dict[Tensor, Array]) -> None:
    """Fill the region's nodes with what they save; `resident` are parameters, buffers and inputs."""
    if region.recomputed:
        return
    region.recomputed = True
    heap, pending = memory.heap, list(region.nodes)
    op, origin, place = heap.op, heap.origin, heap.place
    again = Forward(heap)
    again.state = {**resident, **_inputs(memory, region, resident)}
    heap.move(_again(place, region))
    for instruction in region.instructions:
        if not pending:
            break
        _execute(again, instruction, pending, resident)
    heap.move(_again(place, region))
    _let_go(again, resident)
    heap.move(place)
    heap.op, heap.origin = op, origin


def _again(place: Place, region: Region) -> Place:
    """The place of a second run: as a loop of one iteration around what the region does."""
    return replace(place, loops=(*region.place.loops, (f"again {region.depth}", 0)))


def _inputs(memory: Memory, region: Region, resident: dict[Tensor, Array]) -> dict[Tensor, Array]:
    """What a region is called with again, held once for it."""
    saver = region.saver
    if saver is None:
        for array in region.inputs.values():
            array.refs += 1
        return region.inputs
    if saver.region:
        recompute(memory, saver.region, resident)
    found = {tensor: memory.alias(saver.saved[n], tensor.shape, tensor.strides) for n, tensor in saver.step.inputs.items()}
    memory.unpack(saver)
    return found


def _let_go(again: Forward, resident: dict[Tensor, Array]) -> None:
    """The running function returns: its variables go."""
    for tensor, array in again.state.items():
        if tensor not in resident:
            again.memory.release(array)


def _execute(again: Forward, instruction: Instruction, pending: list[Node], resident: dict[Tensor, Array]) -> None:
    match instruction:
        case Step():
            _run(again, instruction, pending)
        case Enter() | Leave():
            again.turn(instruction)
        case Drop(tensor=tensor) if tensor in again.state and tensor not in resident:
            again.memory.release(again.state.pop(tensor))
        case Checkpoint() if pending[0].begins is instruction:
            saver = pending.pop(0)
            _hand_over(again, saver, {name: again.array(tensor) for name, tensor in saver.step.inputs.items()})


def _run(again: Forward, step: Step, pending: list[Node]) -> None:
    """One step of the second run; the node it was first recorded for takes what it saves."""
    node = pending[0] if pending[0].step is step else None
    if node is not None and len(pending) == 1 and step.saved <= set(step.inputs):
        inputs = {name: again.array(tensor) for name, tensor in step.inputs.items()}
        _hand_over(again, pending.pop(0), {name: inputs[name] for name in step.saved})
        return
    known = again.apply(step)
    if node is not None:
        _hand_over(again, pending.pop(0), {name: known[name] for name in step.saved & set(known)})
    again.settle(step, known)


def _hand_over(again: Forward, node: Node, saved: dict[str, Array]) -> None:
    """Give a node what it would have saved; one that died unused in the first run wants nothing any more."""
    for name in sorted(saved) if node.refs else ():
        again.memory.save(node, name, saved[name])


def run_reentrant(
    memory: Memory, node: Node, arrived: dict[int, Array], resident: dict[Tensor, Array], backward: Backward
) -> dict[str, Array]:
    """The gradients of a reentrant checkpoint's inputs, by name: its function runs again, and backward goes through that."""
    region, heap = node.region, memory.heap
    assert region is not None
    assert region.begin.again is not None
    second, place = region.begin.again, heap.place
    missing = {i: t for i, t in enumerate(node.step.outputs) if i not in arrived}
    zeros = {i: memory.fresh(t.shape, t.dtype, None, "temporary", "gradient that did not arrive") for i, t in missing.items()}
    again = Forward(heap)
    detached = {t: memory.alias(array, t.shape, t.strides, view=False) for t, array in region.inputs.items()}
    leaves = [Leaf(t) if t.requires_grad else None for t in detached]
    again.state, again.standing, again.variables = {**resident, **detached}, resident, region.variables
    again.leaves = {**region.leaves, **{leaf.tensor: leaf for leaf in leaves if leaf}}
    heap.move(_again(place, region))
    again.run(second.instructions)
    outputs = [(i, again.target(t, again.state[t])) for i, t in enumerate(second.outputs) if t.requires_grad]
    gradients = arrived | zeros
    backward(memory, [(target, index, gradients[i]) for i, (target, index) in outputs], resident)
    heap.move(place)
    _let_go(again, resident)
    for array in zeros.values():
        memory.release(array)
    return _gradients(leaves)


def _gradients(leaves: Sequence[Leaf | None]) -> dict[str, Array]:
    result = {}
    for i, leaf in enumerate(leaves):
        if leaf and leaf.grad:
            leaf.grad.view = False  # AccumulateGrad detached it
            leaf.grad.block.kind, leaf.grad.block.label = "gradient of activation", f"checkpoint: gradient of x{i}"
            result[f"x{i}"] = leaf.grad
    return result
