"""Checkpointed regions in their first run: what they are called with is kept, what they save is not.

Source: torch/utils/checkpoint.py (_checkpoint_hook, _NoopSaveInputs, CheckpointFunction.forward), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.graph import Checkpoint, EndCheckpoint, Instruction, Rule, Step, Tensor
from analyzer.run.arrays import Array, Region

if TYPE_CHECKING:
    from analyzer.run.forward import Forward


def begin(forward: Forward, instructions: Sequence[Instruction], position: int, checkpoint: Checkpoint) -> None:
    """Start a region: it keeps its inputs; inside another region that one saves them, which is to keep nothing."""
    body, depth = _body(instructions, position), len(forward.regions) + 1
    region = Region(checkpoint, forward.heap.place, depth, body, {}, forward.leaves, forward.variables)
    taken = {tensor: forward.state[tensor] for tensor in checkpoint.inputs}
    if forward.regions and not checkpoint.again:
        _save_in_outer(forward, region, taken)
    else:
        for tensor, array in zip(checkpoint.again.inputs if checkpoint.again else taken, (forward.state[t] for t in checkpoint.inputs)):
            region.inputs[tensor] = array
            array.refs += 1
    forward.regions.append(region)


def _save_in_outer(forward: Forward, region: Region, taken: dict[Tensor, Array]) -> None:
    names = {f"x{i}": tensor for i, tensor in enumerate(taken)}
    saver = forward.node(Step("checkpoint", Rule(()), names, (), {}, frozenset(), "checkpoint", forward.heap.origin), {})
    saver.refs, saver.region, region.saver = 1, forward.regions[-1], saver
    saver.region.wait_for(saver)
    saver.begins = region.begin


def end(forward: Forward, instruction: EndCheckpoint) -> None:
    """End the innermost region; the results of a reentrant one get its autograd node."""
    region = forward.regions.pop()
    if region.begin.again:
        _hand_on(forward, region, instruction)
    forward.memory.leave(region)


def _hand_on(forward: Forward, region: Region, instruction: EndCheckpoint) -> None:
    results = {}
    for made, handed in instruction.results:
        results[handed] = forward.state[handed] = forward.memory.alias(forward.state[made], made.shape, made.strides, view=False)
    named = {f"x{i}": (tensor, array) for i, (tensor, array) in enumerate(zip(region.begin.inputs, region.inputs.values()))}
    needed = frozenset(name for name, (tensor, _) in named.items() if tensor.requires_grad)
    if not needed or not any(tensor.requires_grad for tensor in results):
        return
    step = Step(
        "checkpoint", Rule(()), {n: t for n, (t, _) in named.items()}, tuple(results), {}, needed, "checkpoint", forward.heap.origin
    )
    node = forward.node(step, {name: array for name, (_, array) in named.items()})
    node.region = region
    region.waiting += 1
    for name in sorted(needed):
        node.edges[name] = forward.target(*named[name])
    for index, (tensor, array) in enumerate(results.items()):
        if tensor.requires_grad:
            array.node, array.output = node, index
            node.refs += 1


def _body(instructions: Sequence[Instruction], position: int) -> tuple[Instruction, ...]:
    """What stands between the beginning of a region and its end."""
    depth, last = 1, position
    while depth:
        last += 1
        depth += isinstance(instructions[last], Checkpoint) - isinstance(instructions[last], EndCheckpoint)
    return tuple(instructions[position + 1 : last])
