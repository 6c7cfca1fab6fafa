"""Losses that are negative log likelihoods or divergences."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Rule, Spec, Tensor
from analyzer.ops.comparison import eq, logical_not, lt
from analyzer.ops.elementwise import add, div, mul, neg, statement, sub, xlogy
from analyzer.ops.inplace import masked_fill_
from analyzer.ops.layout import is_contiguous
from analyzer.ops.loss import alike, reduced
from analyzer.ops.power import pow
from analyzer.ops.reduction import any, sum
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import as_shape, clone, contiguous, unsqueeze
from analyzer.ops.softmax import _log_softmax
from analyzer.ops.unary import exp, log
from analyzer.polynomial import ONE, poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show
from analyzer.work import Work


@primitive
def _nll_loss_forward(x: Tensor, target: Tensor, reduction: str) -> Rule:
    out = target.shape if reduction == "none" else ()
    copied = tuple(t.bytes for t in (x, target) if not is_contiguous(t))
    grads = {"x": "nll_loss_backward(g, x, target, total_weight)"}
    return Rule(Spec(out, x.dtype), grads, aux={"total_weight": Spec((), x.dtype)}, scratch=copied,
                work=Work(reads={"x": target.elements * ITEMSIZE[x.dtype]}))  # fmt: skip


@op
def nll_loss(x: Tensor, target: Tensor, *, reduction: str = "mean", ignore_index: int = -100) -> Tensor:
    """y = -mean x[n, target[n]], x the log probabilities of the classes in dimension 1"""
    _classes(x, target)
    if len(x.shape) in (1, 2, 4):
        direct: Tensor = _nll_loss_forward(x, target, reduction)
        return direct
    n, c = x.shape[:2]
    rest = product(x.shape[2:])
    flat = as_shape(contiguous(x), (n, c, ONE, rest))
    y: Tensor = _nll_loss_forward(flat, as_shape(contiguous(target), (n, ONE, rest)), reduction)
    return as_shape(y, target.shape) if reduction == "none" else y


def _classes(x: Tensor, target: Tensor) -> None:
    if target.dtype not in ("int64", "uint8"):
        raise Refused(f"the target of class indices is {target.dtype}", "give the input dtype: int64")
    wanted = x.shape[:1] + x.shape[2:] if len(x.shape) > 1 else ()
    if len(wanted) != len(target.shape) or not all(sizes().same(a, b) for a, b in zip(wanted, target.shape)):
        raise Refused(
            f"classes {show(x.shape)} from {x.origin} need a target {show(wanted)}, not {show(target.shape)} from {target.origin}"
        )


@op
def cross_entropy(x: Tensor, target: Tensor, *, reduction: str = "mean", ignore_index: int = -100,
                  label_smoothing: float = 0.0) -> Tensor:  # fmt: skip
    """y = -mean of ln softmax(x) at the target's class, or weighted by the target's probabilities"""
    over = 0 if len(x.shape) == 1 else 1
    if len(x.shape) == len(target.shape) and all(sizes().same(a, b) for a, b in zip(x.shape, target.shape)):
        return _soft_cross_entropy(_log_softmax(x, x.dtype), target, over, reduction, label_smoothing)
    _classes(x, target)
    logs = _log_softmax(x, x.dtype)
    loss: Tensor = nll_loss(logs, target, reduction=reduction)
    return _smoothed(logs, loss, target, over, reduction, label_smoothing) if label_smoothing else loss


def _soft_cross_entropy(logs: Tensor, target: Tensor, over: int, reduction: str, label_smoothing: float) -> Tensor:
    """cross_entropy_loss_prob_target."""
    if label_smoothing:
        sharp = mul(target, ONE)
        target = statement(add(sharp, ONE), sharp)
    weighted = mul(logs, target)
    total = neg(sum(weighted, dim=over) if reduction == "none" else sum(weighted))
    y: Tensor = div(total, logs.elements / logs.shape[over]) if reduction == "mean" else total
    return y


def _smoothed(logs: Tensor, loss: Tensor, target: Tensor, over: int, reduction: str, label_smoothing: float) -> Tensor:
    """cross_entropy_loss_label_smoothing: part of the loss is spread over all classes."""
    total = sum(logs, dim=over)
    smooth = statement(neg(total), total)
    ignored = eq(target, poly(-100))
    smooth = masked_fill_(smooth, ignored)
    if reduction == "mean":
        others = logical_not(ignored)
        count = sum(others)
        total = sum(smooth)
        smooth = statement(div(total, count), total, count, others)
    elif reduction == "sum":
        smooth = sum(smooth)
    part = mul(smooth, ONE)
    y: Tensor = add(mul(loss, ONE), part)
    return y


@op
def kl_div(x: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """y = mean target (ln target - x), x and with log_target also the target being logarithms"""
    alike(x, target)
    if log_target:
        gap = sub(target, x)
        weight = exp(target)
        losses = statement(mul(weight, gap), gap, weight)
    else:
        cross = mul(target, x)
        entropy = xlogy(target, target)
        losses = statement(sub(entropy, cross), entropy, cross)
    return reduced(losses, reduction)


@op
def poisson_nll_loss(x: Tensor, target: Tensor, *, log_input: bool = True, eps: float = 1e-8, reduction: str = "mean") -> Tensor:
    """y = mean (e^x - target x), or mean (x - target ln(x + eps)) without log_input"""
    alike(x, target)
    if log_input:
        cross = mul(target, x)
        rate = exp(x)
        losses = statement(sub(rate, cross), rate, cross)
    else:
        shifted = add(x, ONE)
        logs = log(shifted)
        cross = mul(target, logs)
        losses = statement(sub(x, cross), cross, logs, shifted)
    return reduced(losses, reduction)


@op
def gaussian_nll_loss(x: Tensor, target: Tensor, var: Tensor, *, eps: float = 1e-6, reduction: str = "mean") -> Tensor:
    """y = mean ½ (ln var + (x - target)² / var)"""
    alike(x, target)
    negative = lt(var, poly(0))
    statement(negative, any(negative), negative)
    if len(var.shape) == len(x.shape) - 1:
        var = unsqueeze(var, dim=-1)
    held = clone(var)
    logs = log(held)
    error = sub(x, target)
    squared = statement(pow(error, poly(2)), error)
    scaled = statement(div(squared, held), squared)
    both = statement(add(logs, scaled), logs, scaled)
    return reduced(statement(mul(both, ONE), both), reduction)
