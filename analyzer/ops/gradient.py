"""torch.autograd.grad inside a model: a backward pass that is recorded, so that a loss can be made of a gradient.

The formulas of the steps between are traced as ops themselves (`analyzer.ops.recorded`). Sources: torch/csrc/autograd/engine.cpp
(evaluate_function, exec_info), input_buffer.cpp (with grad mode on gradients are never summed in place); torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from analyzer.formulas import joint
from analyzer.graph import FLOATING, Checkpoint, Enter, Leave, Loops, Rule, Spec, Step, Tensor
from analyzer.ops.creation import like
from analyzer.ops.elementwise import add
from analyzer.ops.recorded import Recorded, validated
from analyzer.ops.registry import op
from analyzer.polynomial import ZERO
from analyzer.tracing import Refused, Tracer, current, show

AGAIN = "the step of '{}' at {} cannot be differentiated here: "


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A step that has run, and the iterations it ran in."""

    step: Step
    loops: Loops
    checkpointed: bool
    stands_for_more: bool  # in a loop of which only some iterations are traced


@op
def requires_grad_(x: Tensor) -> Tensor:
    """y = x, a leaf that gets a gradient of its own"""
    tracer = current()
    if x.requires_grad or not tracer.grad:
        return x
    if x.dtype not in FLOATING:
        raise Refused(f"only tensors of floating-point numbers can require gradients, not {x.dtype}")
    if x.storage.kind == "input" and x.base is None:
        raise Refused("the gradient of a tensor of the batch would stay with the batch, which has no rule", "- detach: {in: x, as: x}")
    leaf = replace(x, requires_grad=True, base=None)
    rule = Rule(Spec(x.shape, x.dtype, x.strides), inplace="x", constants={"leaf": True})
    tracer.instructions.append(Step("requires_grad_", rule, {"x": x}, (leaf,), {}, frozenset(), tracer.label, tracer.origin))
    tracer.own(leaf)
    tracer.overwrite(x, leaf)
    return leaf


@op
def grad(outputs: Tensor, inputs: Tensor) -> Tensor:
    """y = d outputs / d inputs, with a graph of its own: torch.autograd.grad(outputs, inputs, create_graph=True)[0]"""
    tracer = current()
    if tracer.autocast:
        raise Refused("grad under autocast has no rule: PyTorch's backward would run in another dtype", "put it under no_autocast")
    if not tracer.grad:
        raise Refused("grad needs gradients to be recorded", "run.mode=train, or run.no_grad=false")
    if outputs.elements.constant != 1:
        raise Refused(f"grad can be created for a single number only, not {show(outputs.shape)}", "take its sum first")
    steps = _between(tracer, outputs, inputs)
    waiting = {outputs: tracer.own(like(outputs, None))}
    tracer.own(waiting[outputs])  # the caller's grad_outputs
    around, here, tracer.recording = (tracer.origin, tracer.label), tracer.loops, True
    try:
        for made in reversed(steps):
            here = _enter(tracer, here, made.loops)
            for tensor, gradient in _applied(tracer, made, waiting, steps, inputs):
                _accumulate(tracer, waiting, tensor, gradient)
        _enter(tracer, here, tracer.loops)
    finally:
        tracer.recording, (tracer.origin, tracer.label) = False, around
    return waiting[inputs]


def _between(tracer: Tracer, outputs: Tensor, inputs: Tensor) -> list[_Made]:
    """The steps on the way from inputs to outputs, in order. Raises Refused where there are none or one has no rule."""
    found, reached = list[_Made](), set[Tensor | None]({inputs})
    for made in _history(tracer):
        if _taken_out(made.step) in reached:
            reached.update(made.step.outputs)
            found.append(made)
        elif made.step.needed and any(made.step.inputs[name] in reached for name in made.step.needed):
            found.append(made)
            reached.update(made.step.outputs)
    steps, wanted = list[_Made](), set[Tensor | None]({outputs})
    for made in reversed(found):
        if wanted & set(made.step.outputs):
            steps.insert(0, made)
            wanted |= {made.step.inputs[name] for name in made.step.needed} | {_taken_out(made.step)}
    if not steps or not inputs.requires_grad:
        raise Refused("'outputs' does not depend on 'inputs' by a differentiable way", "requires_grad_ makes a tensor a leaf")
    for made in steps:
        _check(made)
    return steps


def _taken_out(step: Step) -> Tensor | None:
    """The tensor that a recorded backward pass has taken out of a node, where the step is that."""
    unpacked = step.rule.constants.get("unpacked")
    if not isinstance(unpacked, tuple):
        return None
    of, name = unpacked
    found: Tensor = {**of.inputs, **{f"y{i}" if i else "y": tensor for i, tensor in enumerate(of.outputs)}, **of.aux}[name]
    return found


def _check(made: _Made) -> None:
    where = AGAIN.format(made.step.op, made.step.origin)
    if made.stands_for_more:
        raise Refused(f"{where}it is in a loop of more iterations than are traced", "write the layers out")
    if made.checkpointed:
        raise Refused(f"{where}it is in a checkpointed block")
    if made.step.rule.inplace:
        raise Refused(f"{where}it changes its input in place", "use the op that makes a new tensor")
    if {"recorded", "unpacked"} & made.step.rule.constants.keys():
        raise Refused(f"{where}it belongs to a gradient already")


def _history(tracer: Tracer) -> Iterator[_Made]:
    """The steps so far, with the iterations they ran in."""
    loops, depth, shortened = Loops(), 0, set[str]()
    for instruction in tracer.instructions:
        match instruction:
            case Enter(loop=loop, iteration=iteration, skipped=skipped):
                shortened |= {loop} if skipped else set()
                loops = (*(item for item in loops if item[0] != loop), (loop, iteration))
            case Leave(loop=loop):
                loops = tuple(item for item in loops if item[0] != loop)
            case Step():
                yield _Made(instruction, loops, depth > 0, any(loop in shortened for loop, _ in loops))
            case Checkpoint():
                depth += 1


def _enter(tracer: Tracer, here: Loops, loops: Loops) -> Loops:
    """Go from some iterations of loops to others."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(here, loops)))
    tracer.instructions += [Leave(loop) for loop, _ in reversed(here[same:])]
    tracer.instructions += [Enter(loop, iteration, ZERO) for loop, iteration in loops[same:]]
    return loops


def _applied(
    tracer: Tracer, made: _Made, waiting: dict[Tensor, Tensor], steps: Iterable[_Made], inputs: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """The gradients of a step's inputs that lead on; what arrived for it goes."""
    step, on_the_way = made.step, {inputs}.union(*(other.step.outputs for other in steps))
    arrived = {i: waiting.pop(tensor) for i, tensor in enumerate(step.outputs) if tensor in waiting}
    if not arrived:
        return []
    tracer.origin, tracer.label = step.origin, step.label
    tracer.push()
    names, results = Recorded(tracer, step, arrived), list[tuple[Tensor, Tensor]]()
    for key, formula in step.rule.grads.items():
        for name in joint(key):
            if name in step.needed and step.inputs[name] in on_the_way:
                target = step.inputs[name]
                results.append((target, validated(names.gradient(formula, target), target)))
    held = tracer.pop(tuple(gradient for _, gradient in results))
    for gradient in arrived.values():
        tracer.release(gradient)
    return [(target, gradient) for (target, _), gradient in zip(results, held)]


def _accumulate(tracer: Tracer, waiting: dict[Tensor, Tensor], tensor: Tensor, gradient: Tensor) -> None:
    """InputBuffer::accumulate in grad mode: a second gradient is added out of place."""
    old = waiting.get(tensor)
    waiting[tensor] = gradient
    if old is not None:
        waiting[tensor] = add(old, gradient)
        tracer.release(old)
        tracer.release(gradient)
