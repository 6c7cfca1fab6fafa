"""The path of nn.MultiheadAttention in evaluation without gradients: torch._native_multi_head_attention.

Sources: torch/nn/modules/activation.py (MultiheadAttention.forward, merge_masks), ATen/native/transformers/cuda/attention.cu
(native_multi_head_attention_cuda); torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.attention import scaled_dot_product_attention
from analyzer.ops.attention_choice import Attention, chosen, divides
from analyzer.ops.dense import linear
from analyzer.ops.elementwise import add, statement
from analyzer.ops.joining import chunk
from analyzer.ops.matmul import mm, transposed
from analyzer.ops.reduction import _sum
from analyzer.ops.registry import primitive
from analyzer.ops.shape import as_shape, expand, reshape, transpose, view
from analyzer.polynomial import ONE, Poly
from analyzer.tracing import current
from analyzer.work import Work, multiplied


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The parameters: packed into one matrix, or one for each of query, key and value."""

    projections: tuple[Tensor, ...]
    bias: Tensor | None
    out: Tensor
    out_bias: Tensor | None


@dataclass(frozen=True, slots=True)
class Form:
    """What the arguments of a call ask for."""

    heads: Poly
    dropout: float
    weights: bool
    average: bool
    causal: bool


def is_native(query: Tensor, weights: Weights, heads: Poly) -> bool:
    """Whether self-attention with samples first and no floating-point mask takes this path."""
    tracer, tensors = current(), (query, *weights.projections, weights.out)
    if not tracer.mha_fastpath or tracer.training or tracer.autocast:
        return False
    if len(query.shape) != 3 or len(weights.projections) != 1 or weights.bias is None:
        return False
    same = all(t.dtype == query.dtype for t in tensors)
    return same and not (tracer.grad and any(t.requires_grad for t in tensors)) and divides(2, heads)


def native_multi_head_attention(query: Tensor, weights: Weights, form: Form, merged: Tensor | None) -> tuple[Tensor, ...]:
    """The result, and the weights where they are asked for; the mask is what `merged_masks` makes."""
    batch, length, embed = query.shape
    shape = [batch, length, form.heads, embed / form.heads]
    if merged is None and not form.weights:
        seen = transpose(view(query, shape=shape), dim0=1, dim1=2)
        if chosen(Attention(seen, seen, seen, None, 0.0, False, False), current().attention) != "math":
            return (_fused(query, weights, shape),)
    return _written_out(query, weights, form, merged)


def merged_masks(padding: Tensor | None, mask: Tensor | None, query: Tensor, heads: Poly) -> Tensor | None:
    """merge_masks: with four dimensions where there is an attn_mask."""
    batch, length, _ = query.shape
    if mask is None:
        return padding
    wide: Tensor
    if len(mask.shape) == 3:
        wide = view(mask, shape=[batch, heads, length, length])
    else:
        wide = expand(view(mask, shape=[ONE, ONE, length, length]), size=[batch, heads, length, length])
    if padding is None:
        return wide
    spread = expand(view(padding, shape=[batch, ONE, ONE, length]), size=[batch, heads, ONE, length])
    merged: Tensor = add(wide, spread)
    return merged


def _fused(query: Tensor, weights: Weights, shape: list[Poly]) -> Tensor:
    """One projection, attention on its parts, the output projection."""
    packed = linear(query, weights.projections[0], weights.bias)
    q, k, v = (transpose(view(part, shape=shape), dim0=1, dim1=2) for part in chunk(packed, chunks=3, dim=-1))
    y = scaled_dot_product_attention(q, k, v)
    rows = reshape(transpose(y, dim0=1, dim1=2), shape=list(query.shape))
    out: Tensor = linear(rows, weights.out, weights.out_bias)
    return out


@primitive
def _transform_bias_rescale_qkv(x: Tensor, bias: Tensor, shape: tuple[Poly, ...]) -> Rule:
    return Rule(Spec(shape, x.dtype))


@primitive
def _scores(x: Tensor, shape: tuple[Poly, ...]) -> Rule:
    return Rule(Spec(shape, x.dtype), work=Work(multiplied(*shape, x.shape[-1]), reads={"x": x.bytes * 2 / 3}))


@primitive
def _to_bool(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, "bool"))


@primitive
def _masked_softmax(x: Tensor, mask: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype))


@primitive
def _transform_0213(x: Tensor, shape: tuple[Poly, ...]) -> Rule:
    """After the product of the weights with the values, which is written over the queries."""
    _, batch, heads, length, d = x.shape
    return Rule(Spec(shape, x.dtype), work=Work(multiplied(batch, heads, length, length, d), reads={"x": x.bytes / 3}))


def _written_out(query: Tensor, weights: Weights, form: Form, mask: Tensor | None) -> tuple[Tensor, ...]:
    """The projections turned into one block for query, key and value, whose place the context takes; the scores softmaxed in place."""
    batch, length, embed = query.shape
    rows = as_shape(query, (batch * length, embed))
    packed = mm(rows, transposed(weights.projections[0]))
    split = statement(_transform_bias_rescale_qkv(packed, weights.bias, (ONE * 3, batch, form.heads, length, embed / form.heads)), packed)
    scores = _scores(split, (batch, form.heads, length, length))
    if mask is not None:
        hidden = _to_bool(mask)
        scores = statement(_masked_softmax(scores, hidden), scores, hidden)
    if not form.weights:
        current().release(scores)
    turned = _transform_0213(split, (batch * length, embed))
    flat = linear(turned, weights.out, weights.out_bias)
    y = statement(view(flat, shape=list(query.shape)), flat, turned)
    if not form.weights:
        return (y,)
    return y, statement(_sum(scores, (1,), False), scores) if form.average else scores
