"""cross_entropy of classes of which each GPU has a part, as torch.distributed.tensor.parallel.loss_parallel computes it.

Both of its nodes are Python over plain tensors: log_softmax with the largest and the sum of all ranks, then the loss at those targets
that a rank has, summed. The backward of both runs in the second's; the first hands it on.

Source: torch/distributed/tensor/parallel/loss.py, placement_types.py (_MaskPartial), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from analyzer.graph import ITEMSIZE, Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.collectives import all_reduced
from analyzer.ops.comparison import ne
from analyzer.ops.conversion import to
from analyzer.ops.elementwise import neg, statement, sub, where
from analyzer.ops.indexing import gather
from analyzer.ops.loss import whole_scratch
from analyzer.ops.plan import Gone, Held
from analyzer.ops.reduction import amax, sum
from analyzer.ops.registry import prepared, primitive
from analyzer.ops.shape import squeeze, unsqueeze
from analyzer.ops.tensor_parallel import masked
from analyzer.ops.unary import exp, log
from analyzer.polynomial import poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

CLASS_DIM = 1


def cross_entropy(x: Tensor, target: Tensor, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> Tensor:
    """y = -mean of ln softmax(x) at the target's class, x: (samples, classes / ranks)"""
    if len(x.shape) != 2 or len(target.shape) != 1 or not sizes().same(x.shape[0], target.shape[0]):
        shapes = f"{show(x.shape)} and {show(target.shape)}"
        raise Refused(f"a parallel loss is simulated of classes (samples, classes) and targets (samples,), not of {shapes}", "flatten them")
    if label_smoothing or reduction not in ("mean", "sum"):
        raise Refused("a parallel loss has no label_smoothing, and is simulated as a mean or a sum", "run.loss_parallel=false")
    with prepared("cross_entropy", (x, target)) as ready:
        return _nll_loss(_log_softmax(ready[0]), ready[1], reduction)


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Inside, autograd sees nothing."""
    tracer = current()
    before, tracer.grad = tracer.grad, False
    try:
        yield
    finally:
        tracer.grad = before


@primitive
def _log_softmax_of_all(x: Tensor, shifted: Tensor, total: Tensor) -> Rule:
    return Rule(Spec(x.shape, shifted.dtype), {"x": "kept(cast(g, x.dtype), y)"})


@primitive
def _cast_log_softmax(x: Tensor, logs: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype), {"x": "kept(g, y)"})


def _log_softmax(x: Tensor) -> Tensor:
    """Of the logarithms of all classes those that this rank has, computed in fp32."""
    half = x.dtype in ("float16", "bfloat16")
    with _unrecorded():
        exact: Tensor = to(x, dtype="float32") if half else x
        own = amax(exact, dim=CLASS_DIM, keepdim=True)
        largest = statement(all_reduced(own), own)
        shifted: Tensor = sub(exact, largest)
        powers = exp(shifted)
        own = statement(sum(powers, dim=CLASS_DIM, keepdim=True), powers)
        everyone = statement(all_reduced(own), own)
        total: Tensor = log(everyone)
        logs = sub(shifted, total) if half else None
    made = (*([exact] if half else []), largest, shifted, everyone, total, *([logs] if logs is not None else []))
    y: Tensor = _log_softmax_of_all(x, shifted, total) if logs is None else _cast_log_softmax(x, logs)
    return statement(y, *made)


@primitive
def _loss(x: Tensor, target: Tensor, losses: Tensor, total_weight: Tensor) -> Rule:
    """The last kernel: the sum of the losses, or a sum that is there already divided by how many they are."""
    mean = not losses.shape
    order = _backward(x, target, mean=mean)
    scratch = () if mean else whole_scratch(Spec(losses.shape, losses.dtype))
    grads = plan.gradients("nll_loss_and_log_softmax_backward", "g, x, target, total_weight", order)
    return Rule(Spec((), x.dtype), grads, scratch=scratch, constants={"plan": order})


def _nll_loss(x: Tensor, target: Tensor, reduction: str) -> Tensor:
    """The loss at the targets' classes, of whichever rank has them."""
    with _unrecorded():
        counted = ne(target, poly(-100))
        safe = statement(where(counted, target, poly(0)), counted)
        own, elsewhere = masked(unsqueeze(safe, dim=CLASS_DIM))
        found = statement(gather(x, own, dim=CLASS_DIM), elsewhere)
        summed = all_reduced(found)
        losses = neg(squeeze(summed, dim=CLASS_DIM))
        counted = ne(target, poly(-100))
        losses = statement(where(counted, losses, poly(0)), counted, losses)
        total_weight = _total_weight(target, x.dtype)
        last = sum(losses) if reduction == "mean" else losses
    y: Tensor = _loss(x, target, last, total_weight)
    return y


def _total_weight(target: Tensor, dtype: str) -> Tensor:
    """How many targets count: (target != ignore_index).sum().to(x)."""
    counted = ne(target, poly(-100))
    count = statement(sum(counted), counted)
    return statement(to(count, dtype=dtype), count)


def _backward(x: Tensor, target: Tensor, *, mean: bool) -> plan.Plan:
    """_nll_loss_and_log_softmax_backward, name by name."""
    width, rows, flags, indices = ITEMSIZE[x.dtype], target.elements, target.elements, target.bytes
    scalar, values, every = poly(width), target.elements * width, x.bytes
    order: list[plan.Item] = [Held(scalar, "g / total_weight")] if mean else []
    order += [Held(flags, "counted"), Held(target.bytes / target.elements, "0"), Held(indices, "safe"), Gone("0"), Gone("counted")]
    order += [Held(every, "zeros"), Held(flags, "below"), Held(flags, "above"), Held(flags, "mask"), Gone("above"), Gone("below")]
    order += [Held(indices, "copied"), Held(indices, "own"), Gone("copied")]
    order += [Held(values, "cast"), Held(values, "update"), Gone("cast"), Held(rows * 8, "arange")]
    order += [Held(flags, "counted"), Held(scalar, "0"), Held(values, "g"), Gone("0"), Gone("counted"), Gone("g / total_weight")]
    order += [Held(every, "exp"), Held(every, "sum"), Gone("exp"), plan.result("x", x), Gone("sum")]
    return tuple(order)
