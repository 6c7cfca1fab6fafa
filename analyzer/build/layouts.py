"""Tensors of which a rank has a part: where they are gathered and divided, and what may be done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from analyzer.build.frame import Bound, Frame, located
from analyzer.build.source import Block
from analyzer.build.values import refuse
from analyzer.graph import Redistribute, Rule, Tensor, View
from analyzer.ops import OPS, loss_parallel
from analyzer.ops.collectives import CLASSES, SEQUENCE, layout_of, sequence_divided, sequence_gathered
from analyzer.ops.registry import primitive
from analyzer.ops.tensor_parallel import STYLES
from analyzer.tracing import Refused, Tracer, current, show

COLWISE, LOSS_PARALLEL = "colwise", "loss_parallel"
SEQUENCE_PARALLEL = "sequence_parallel"  # of a norm or a dropout: it sees a part of the sequence
FOR_COLUMNS, WHOLE, SCATTERED, WRAPPED, UNWRAPPED = "gathered for columns", "gathered", "scattered", "wrapped", "unwrapped"
"""Ways of a Redistribute: whole for column-parallel layers alone, or as any tensor; a part; as a DTensor and as what a rank has of it."""
Body = Callable[[list[Bound]], tuple[Bound, ...]]


@primitive
def _from_local(x: Tensor) -> Rule:
    return Rule(View("x", x.shape, x.strides), {"x": "g"}, constants={"untracked": True, "distributed": True})


@primitive
def _to_local(x: Tensor) -> Rule:
    return Rule(View("x", x.shape, x.strides), {"x": "g"}, constants={"untracked": True})


MOVES: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    FOR_COLUMNS: ("all_gather", partial(sequence_gathered, partial=True)), WHOLE: ("all_gather", partial(sequence_gathered, partial=False)),
    SCATTERED: ("scatter", sequence_divided), WRAPPED: ("from_local", _from_local), UNWRAPPED: ("to_local", _to_local),
}  # fmt: skip


def redistributed(way: str, x: Tensor, frame: Frame) -> Tensor:
    """A tensor in another layout; the running function holds it. Raises InvalidConfig."""
    tracer = frame.tracer
    op, move = MOVES[way]
    try:
        with tracer.op(), located(frame, frame.path, frame.label):
            results = tracer.pop((move(x),))
    except Refused as error:
        raise refuse(tracer.origin, error.message, error.hint) from None
    tracer.instructions.append(Redistribute(way, op, x, results, tracer.origin))
    tracer.end_op()
    return results[0]


def entered(block: Block, name: str, value: Bound, frame: Frame) -> Bound:
    """An input of a block as the block says it wants it; the tensor itself where it says nothing."""
    told = block.shard.get(name)
    if told is None or not isinstance(value, Tensor) or not frame.tracer.sequence_parallel:
        return value
    if told.value == SCATTERED:
        return redistributed(SCATTERED, value, frame) if layout_of(value) != SEQUENCE else value
    if layout_of(value) != SEQUENCE:
        return value
    columns = any(str(word.value).startswith(COLWISE) for word in block.shard.values())
    return redistributed(FOR_COLUMNS if columns else WHOLE, value, frame)


def called(whole: Body, tensors: list[Bound], style: str, frame: Frame) -> tuple[Bound, ...]:
    """A block's results where it is divided in a style: on DTensors, or with results of which each rank takes its part."""
    tracer = frame.tracer
    if style == SEQUENCE_PARALLEL:
        _refuse_whole(tensors)
        wrapped = [redistributed(WRAPPED, t, frame) if isinstance(t, Tensor) else t for t in tensors]
        with tracer.distributing(steps=True):
            results = whole(wrapped)
        _release(wrapped, tracer)
        return _passed(UNWRAPPED, results, frame)
    return _passed(SCATTERED, whole(tensors), frame) if style == SCATTERED else whole(tensors)


def _passed(way: str, tensors: Sequence[Bound], frame: Frame) -> tuple[Bound, ...]:
    passed = tuple(redistributed(way, t, frame) if isinstance(t, Tensor) else t for t in tensors)
    _release(tensors, frame.tracer)
    return passed


def _release(tensors: Sequence[Bound], tracer: Tracer) -> None:
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            tracer.release(tensor)


def styled(name: str, operands: Sequence[Any], style: str) -> tuple[Callable[..., Any], str]:
    """What runs for an op, and in which style: a loss of classes that are divided is parallel. Raises Refused."""
    function = OPS[name].function
    if style == SEQUENCE_PARALLEL:
        _refuse_whole(operands)
        return _distributing(function), style
    if style == SCATTERED:
        return lambda *args, **attributes: sequence_divided(_single(function(*args, **attributes))), style
    if name == "cross_entropy" and layout_of(operands[0]) == CLASSES:
        return loss_parallel.cross_entropy, LOSS_PARALLEL
    return (STYLES[style][name] if style in STYLES else function), style


def _distributing(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **attributes: Any) -> Any:
        with current().distributing(steps=False):
            return function(*args, **attributes)

    return run


def _single(result: Any) -> Tensor:
    """What an op returns that returns one tensor. Raises Refused."""
    if not isinstance(result, Tensor):
        raise Refused("what returns several tensors cannot be scattered", "scatter the block's input")
    return result


def _refuse_whole(operands: Sequence[Any]) -> None:
    """Raises Refused where a module that sees a part of the sequence is called on one of which each rank has all."""
    for tensor in (t for t in operands if isinstance(t, Tensor) and layout_of(t) != SEQUENCE):
        message = f"a sequence_parallel module takes a part of the sequence, and {show(tensor.shape)} is all of it"
        raise Refused(message, "shard: {x: scattered} in a block around it")
