"""Activation checkpointing, non-reentrant: a region is run again when backward first needs something that it saved.

The second run stops as soon as everything that the first one would have saved is there, often before the last kernel; its
Python variables go, and each recomputed tensor goes when the node it is for has run.

Source: torch/utils/checkpoint.py (_checkpoint_without_reentrant_generator, _recomputation_hook), torch 2.13.
"""

from __future__ import annotations

from dataclasses import replace

from analyzer.graph import Drop, Enter, Leave, Step, Tensor
from analyzer.run.arrays import Array, Memory, Node, Region
from analyzer.run.forward import Forward


def recompute(memory: Memory, region: Region, resident: dict[Tensor, Array]) -> None:
    """Fill the region's nodes with what they save; `resident` are parameters, buffers and inputs."""
    region.recomputed = True
    again = Forward(memory.heap)
    again.state = {**resident, **region.inputs}
    for array in region.inputs.values():
        array.refs += 1
    op, origin, place = memory.heap.op, memory.heap.origin, memory.heap.place
    inside = {i.loop for i in region.instructions if isinstance(i, Enter)}
    memory.heap.move(replace(place, loops=tuple(item for item in place.loops if item[0] not in inside), again=True))
    pending = list(region.nodes)
    for instruction in region.instructions:
        if not pending:
            break
        if isinstance(instruction, Step):
            _run(again, instruction, pending)
        elif isinstance(instruction, Drop) and instruction.tensor in again.state and instruction.tensor not in resident:
            memory.release(again.state.pop(instruction.tensor))
        elif isinstance(instruction, (Enter, Leave)):
            again.turn(instruction)
    for tensor, array in again.state.items():
        if tensor not in resident:
            memory.release(array)
    memory.heap.op, memory.heap.origin = op, origin
    memory.heap.move(place)


def _run(again: Forward, step: Step, pending: list[Node]) -> None:
    """One step of the second run; the node it was first recorded for takes what it saves."""
    node = pending[0] if pending[0].step is step else None
    if node is not None and len(pending) == 1 and step.saved <= set(step.inputs):
        inputs = {name: again.array(tensor) for name, tensor in step.inputs.items()}
        _hand_over(again, step, pending.pop(0), inputs)
        return
    known = again.apply(step)
    if node is not None:
        _hand_over(again, step, pending.pop(0), known)
    again.settle(step, known)


def _hand_over(again: Forward, step: Step, node: Node, known: dict[str, Array]) -> None:
    """Give a node what it would have saved; one that died unused in the first run wants nothing any more."""
    if not node.refs:
        return
    for name in sorted(step.saved & set(known)):
        again.memory.save(node, name, known[name])
