"""Blocks that are run again in backward: torch.utils.checkpoint around a block call.

A non-reentrant checkpoint records the graph in its first run. A reentrant one runs without a graph first; its second run,
on detached inputs with a cast cache of its own, is traced here as the program it is.

Source: torch/utils/checkpoint.py (CheckpointFunction, _checkpoint_without_reentrant_generator), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer.build.frame import POISON, Bound
from analyzer.build.source import Problems, Statement
from analyzer.build.values import refuse, shown
from analyzer.document import Scalar
from analyzer.graph import FLOATING, Again, Checkpoint, EndCheckpoint, Tensor
from analyzer.ops import autocast
from analyzer.tracing import Tracer

Body = Callable[[list[Bound]], tuple[Bound, ...]]


def is_checkpointed(statement: Statement) -> bool:
    """Whether a block call says `checkpoint: true`."""
    flag = statement.option("checkpoint")
    if flag is None:
        return False
    if not isinstance(flag, Scalar) or not isinstance(flag.value, bool):
        raise refuse(flag.origin, f"'checkpoint' cannot be {shown(flag)}", "expected true or false")
    return flag.value


def checkpointed(tracer: Tracer, name: str, tensors: list[Bound], body: Body, problems: Problems) -> tuple[Bound, ...]:
    """The results of a block that is run under a checkpoint."""
    taken = _tensors(tensors)
    tracer.saved_for(f"the checkpoint of {name} at {tracer.origin}", *taken)
    if tracer.reentrant:
        return _reentrant(tracer, tensors, body, problems)
    tracer.instructions.append(Checkpoint(taken))
    results = body(tensors)
    tracer.instructions.append(EndCheckpoint())
    return results


def _reentrant(tracer: Tracer, tensors: list[Bound], body: Body, problems: Problems) -> tuple[Bound, ...]:
    before, tracer.instructions, known = tracer.instructions, [], len(problems.found)
    tracer.grad = False
    results = body(tensors)
    tracer.grad = True
    first, taken = tracer.instructions, _tensors(tensors)
    if len(problems.found) > known or POISON in results:
        tracer.instructions = before + first
        return results
    again = _second_run(tracer, tensors, body)
    tracer.instructions = [*before, Checkpoint(taken, again), *first]
    tracked = any(t.requires_grad for t in taken)
    if not tracked and any(t.requires_grad for t in again.outputs):
        tracer.warnings.append(f"{tracer.origin}: none of the inputs of the checkpoint requires a gradient: gradients will be None")
    made = _tensors(list(results))
    handed = tuple(replace(t, requires_grad=tracked and t.dtype in FLOATING, base=None) for t in made)
    tracer.instructions.append(EndCheckpoint(tuple(zip(made, handed))))
    for old, new in zip(made, handed):
        tracer.own(new)
        tracer.release(old)
    return handed


def _second_run(tracer: Tracer, tensors: list[Bound], body: Body) -> Again:
    casts, lowered = tracer.cast_weights, tracer.autocast
    tracer.instructions, tracer.cast_weights = [], {}
    tracer.push()
    detached = tuple(tracer.own(replace(tensor, base=None)) for tensor in _tensors(tensors))
    tracer.detached.update(detached)
    results = body(list(detached))
    autocast.leave(tracer)
    instructions = tuple(tracer.instructions)
    tracer.pop(())
    tracer.cast_weights, tracer.autocast = casts, lowered
    return Again(detached, instructions, _tensors(list(results)))


def _tensors(values: list[Bound]) -> tuple[Tensor, ...]:
    return tuple(value for value in values if isinstance(value, Tensor))
