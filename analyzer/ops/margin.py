"""Losses of margins between classes.

Sources: ATen/native/Loss.cpp (soft_margin_loss_out), torch/nn/functional.py (multilabel_soft_margin_loss); torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.activation import logsigmoid
from analyzer.ops.elementwise import add, div, mul, neg, result, rsub, statement
from analyzer.ops.loss import alike, reduced, whole_scratch
from analyzer.ops.reduction import sum
from analyzer.ops.registry import module, op, primitive
from analyzer.polynomial import ONE


@op
@primitive
def soft_margin_loss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Rule:
    """y = mean ln(1 + e^(-target x))"""
    alike(x, target)
    losses = result(x, target)
    grads = {"x": "soft_margin_loss_backward(g, x, target)"}
    if reduction == "none":
        return Rule(losses, grads)
    return Rule(Spec((), losses.dtype, size=losses.bytes), grads, scratch=(Spec((), losses.dtype).bytes, *whole_scratch(losses)))


@op
def multilabel_soft_margin_loss(x: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """y = -mean (target ln s + (1 - target) ln(1 - s)), s = sigmoid(x)"""
    alike(x, target)
    likely = logsigmoid(x)
    present = statement(mul(target, likely), likely)
    others = rsub(target, ONE)
    turned = neg(x)
    unlikely = statement(logsigmoid(turned), turned)
    absent = statement(mul(others, unlikely), others, unlikely)
    both = statement(add(present, absent), present, absent)
    losses = statement(neg(both), both)
    summed = sum(losses, dim=-1)
    means = statement(div(summed, x.shape[-1]), summed, losses)
    return reduced(means, reduction)


module("SoftMarginLoss", soft_margin_loss)
module("MultiLabelSoftMarginLoss", multilabel_soft_margin_loss)
