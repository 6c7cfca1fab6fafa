"""nn.MultiheadAttention, with the temporaries and the lifetimes of its Python code.

Source: torch/nn/modules/activation.py (MultiheadAttention.forward) and torch/nn/functional.py (multi_head_attention_forward,
_in_projection_packed, _canonical_mask), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable

from analyzer.graph import Tensor
from analyzer.ops.attention import scaled_dot_product_attention
from analyzer.ops.attention_native import Form, Weights, is_native, merged_masks, native_multi_head_attention
from analyzer.ops.creation import like
from analyzer.ops.dense import linear
from analyzer.ops.elementwise import add, mul, statement
from analyzer.ops.inplace import masked_fill_
from analyzer.ops.joining import select, split
from analyzer.ops.matmul import baddbmm, bmm, transposed
from analyzer.ops.random import dropout as drop
from analyzer.ops.reduction import mean
from analyzer.ops.registry import Probability, op
from analyzer.ops.shape import contiguous, expand, permute, reshape, squeeze, transpose, unflatten, unsqueeze, view
from analyzer.ops.softmax import softmax
from analyzer.polynomial import ONE, Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

Turn = Callable[[Tensor], Tensor]


def through(x: Tensor, *turns: Turn) -> Tensor:
    """x.a().b(): what each method makes goes when the next has its result; x itself stays."""
    y = turns[0](x)
    for turn in turns[1:]:
        y = statement(turn(y), y)
    return y


def called(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """A call of an op from Python: what autocast makes of its arguments goes when it returns."""
    current().push()
    y = function(*tensors)
    current().pop((y,))
    return y


@op
def MultiheadAttention(
    query: Tensor, key: Tensor | None = None, value: Tensor | None = None, key_padding_mask: Tensor | None = None,
    attn_mask: Tensor | None = None, *, num_heads: Poly, embed_dim: Poly | None = None, dropout: Probability = 0.0, bias: bool = True,
    kdim: Poly | None = None, vdim: Poly | None = None, batch_first: bool = False, need_weights: bool = True,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, ...]:  # fmt: skip
    """y, weights = multi-head attention of query to key and value, which are the query where they are not given"""
    key = query if key is None else key
    value = key if value is None else value
    _check(query, key, value, num_heads, (embed_dim, kdim, vdim))
    weights = parameters(query.shape[-1], key.shape[-1], value.shape[-1], bias)
    form = Form(num_heads, dropout if current().training else 0.0, need_weights, average_attn_weights, is_causal)
    floating = any(m is not None and m.dtype != "bool" for m in (key_padding_mask, attn_mask))
    padding, mask = (canonical(m, query.dtype) for m in (key_padding_mask, attn_mask))
    batched = len(query.shape) == 3
    if query is key is value and batch_first and not floating and is_native(query, weights, num_heads):
        return native_multi_head_attention(query, weights, form, merged_masks(padding, mask, query, num_heads))
    if batched and batch_first:
        query, key, value = _turned(query, key, value)
    y, *rest = _forward(query, key, value, padding, mask, weights, form)
    if batched and batch_first:
        y = statement(transpose(y, dim0=1, dim1=0), y)
    return y, *rest


def _check(query: Tensor, key: Tensor, value: Tensor, heads: Poly, told: tuple[Poly | None, ...]) -> None:
    """Raises Refused for sizes that do not fit."""
    shapes = " and ".join(show(t.shape) for t in (query, key, value))
    if len({len(t.shape) for t in (query, key, value)}) > 1 or len(query.shape) not in (2, 3):
        raise Refused(f"MultiheadAttention needs query, key and value of 3 dimensions, or of 2 for a single sample, not {shapes}")
    for name, size, tensor in zip(("embed_dim", "kdim", "vdim"), told, (query, key, value)):
        if size is not None and not sizes().same(size, tensor.shape[-1]):
            raise Refused(f"MultiheadAttention has {name} {size!r}, but its input is {show(tensor.shape)} from {tensor.origin}")
    if not sizes().demand(query.shape[-1] % heads, "==", 0):
        raise Refused(f"MultiheadAttention: {heads!r} heads do not divide an embedding of {query.shape[-1]!r}")
    if not all(sizes().same(a, b) for a, b in zip(key.shape[:-1], value.shape[:-1])):
        raise Refused(f"MultiheadAttention needs as many values as keys, not {show(key.shape)} and {show(value.shape)}")


def parameters(embed: Poly, kdim: Poly, vdim: Poly, bias: bool) -> Weights:
    """Made in the order of named_parameters()."""
    tracer, packed = current(), sizes().agree(embed, kdim) and sizes().agree(embed, vdim)
    projections: tuple[Tensor, ...]
    if packed:
        projections = (tracer.parameter("in_proj_weight", (3 * embed, embed)),)
    else:
        projections = tuple(
            tracer.parameter(f"{name}_proj_weight", (embed, width)) for name, width in (("q", embed), ("k", kdim), ("v", vdim))
        )
    first = tracer.parameter("in_proj_bias", (3 * embed,)) if bias else None
    out = tracer.parameter("out_proj.weight", (embed, embed))
    return Weights(projections, first, out, tracer.parameter("out_proj.bias", (embed,)) if bias else None)


def canonical(mask: Tensor | None, dtype: str) -> Tensor | None:
    """_canonical_mask: a bool mask becomes one of -inf that is added."""
    if mask is None or mask.dtype != "bool":
        return mask
    zeros = like(mask, dtype)
    filled: Tensor = statement(masked_fill_(zeros, mask), zeros)
    return filled


def _turned(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Lengths before samples; one tensor stays one."""
    turned = {t: transpose(t, dim0=1, dim1=0) for t in dict.fromkeys((query, key, value))}
    return turned[query], turned[key], turned[value]


def _forward(query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, weights: Weights,
             form: Form) -> tuple[Tensor, ...]:  # fmt: skip
    """F.multi_head_attention_forward."""
    batched = len(query.shape) == 3
    if not batched:
        query, key, value = (unsqueeze(t, dim=1) for t in (query, key, value))  # no longer one tensor
        padding = None if padding is None else unsqueeze(padding, dim=0)
    if form.causal and mask is None:
        raise Refused("MultiheadAttention needs attn_mask beside is_causal")
    causal = form.causal and padding is None
    if causal and not form.weights:
        mask = None
    length, batch, embed = query.shape
    heads, d, keys = form.heads, embed / form.heads, key.shape[0]
    q, k, v = _projected(query, key, value, weights)
    merged = _merged(padding, mask, batch, heads, (length, keys))
    q, k, v = (_by_head(t, [n, batch * heads, d]) for t, n in ((q, length), (k, keys), (v, keys)))
    if form.weights:
        return _with_weights(q, k, v, merged, weights, form, (batch, length, keys), batched)
    wide = [statement(view(t, shape=[batch, heads, n, d]), t) for t, n in ((q, length), (k, keys), (v, keys))]
    added = None if merged is None else _four(merged, batch, heads, keys)
    y = scaled_dot_product_attention(*wide, added, dropout_p=form.dropout, is_causal=causal)
    for tensor in wide:
        current().release(tensor)
    y = statement(through(y, lambda t: permute(t, dims=[2, 0, 1, 3]), lambda t: reshape(t, shape=[batch * length, embed])), y)
    return (_out(y, weights, (length, batch, embed), batched),)


def _by_head(x: Tensor, shape: list[Poly]) -> Tensor:
    """x as matrices, one for each sample and head; x itself goes."""
    return statement(through(x, lambda t: view(t, shape=shape), lambda t: transpose(t, dim0=0, dim1=1)), x)


def _out(y: Tensor, weights: Weights, shape: tuple[Poly, ...], batched: bool) -> Tensor:
    """The output projection of the rows y, which go."""
    y = statement(linear(y, weights.out, weights.out_bias), y)
    y = statement(view(y, shape=list(shape)), y)
    return y if batched else statement(squeeze(y, dim=1), y)


def _projected(query: Tensor, key: Tensor, value: Tensor, weights: Weights) -> list[Tensor]:
    """_in_projection_packed, or one projection after another."""
    embed = query.shape[-1]
    if len(weights.projections) == 3:
        biases = split(weights.bias, split_size=embed) if weights.bias else (None,) * 3
        made = [linear(x, w, b) for x, w, b in zip((query, key, value), weights.projections, biases)]
    elif key is not value:
        parts = split(weights.projections[0], split_size=embed)
        biases = split(weights.bias, split_size=embed) if weights.bias else (None,) * 3
        made = [linear(x, w, b) for x, w, b in zip((query, key, value), parts, biases)]
    elif query is not key:
        first, rest = split(weights.projections[0], split_size=[embed, 2 * embed])
        shift, shifts = split(weights.bias, split_size=[embed, 2 * embed]) if weights.bias else (None, None)
        made = [linear(query, first, shift), *_parted(linear(key, rest, shifts), 2, embed)]
    else:
        made = _parted(linear(query, weights.projections[0], weights.bias), 3, embed)
    return made


def _parted(packed: Tensor, parts: int, embed: Poly) -> list[Tensor]:
    """The parts of one projection, one after another in memory; the projection goes."""
    turns: tuple[Turn, ...] = (
        lambda t: unflatten(t, dim=-1, sizes=[parts * ONE, embed]), lambda t: unsqueeze(t, dim=0),
        lambda t: transpose(t, dim0=0, dim1=-2), lambda t: squeeze(t, dim=-2), contiguous,
    )  # fmt: skip
    whole = statement(through(packed, *turns), packed)
    taken = [select(whole, dim=0, index=i) for i in range(parts)]
    current().release(whole)
    return taken


def _merged(padding: Tensor | None, mask: Tensor | None, batch: Poly, heads: Poly, target: tuple[Poly, Poly]) -> Tensor | None:
    """attn_mask with three dimensions, and with the padding where there is one."""
    if mask is not None:
        wanted = target if len(mask.shape) == 2 else (batch * heads, *target)
        if len(mask.shape) not in (2, 3) or not all(sizes().same(a, b) for a, b in zip(mask.shape, wanted)):
            raise Refused(f"attn_mask must be {show(target)} or {show((batch * heads, *target))}, not {show(mask.shape)}")
        mask = unsqueeze(mask, dim=0) if len(mask.shape) == 2 else mask
    if padding is None:
        return mask
    if len(padding.shape) != 2 or not all(sizes().same(a, b) for a, b in zip(padding.shape, (batch, target[1]))):
        raise Refused(f"key_padding_mask must be {show((batch, target[1]))}, not {show(padding.shape)}")
    spread = through(
        padding, lambda t: view(t, shape=[batch, ONE, ONE, target[1]]), lambda t: expand(t, size=[batch, heads, ONE, target[1]]),
        lambda t: reshape(t, shape=[batch * heads, ONE, target[1]]),
    )  # fmt: skip
    merged: Tensor = spread if mask is None else add(mask, spread)
    return merged


def _four(mask: Tensor, batch: Poly, heads: Poly, keys: Poly) -> Tensor:
    """A mask of three dimensions with four."""
    if sizes().is_one(mask.shape[0]):
        return statement(unsqueeze(mask, dim=0))
    return statement(view(mask, shape=[batch, heads, mask.shape[1], keys]))


def _with_weights(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, weights: Weights, form: Form, lengths: tuple[Poly, Poly, Poly],
                  batched: bool) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The scores written out, because they are asked for."""
    batch, length, keys = lengths
    scaled, across = mul(q, ONE), transposed(k)
    scores = called(bmm, scaled, across) if mask is None else called(baddbmm, mask, scaled, across)
    scores = statement(scores, across, scaled, k)
    scores = statement(softmax(scores, dim=-1), scores)
    if form.dropout:
        scores = statement(drop(scores, p=form.dropout), scores)
    y = statement(called(bmm, scores, v), v)
    embed = weights.out.shape[0]
    y = statement(through(y, lambda t: transpose(t, dim0=0, dim1=1), lambda t: reshape(t, shape=[length * batch, embed])), y)
    y = _out(y, weights, (length, batch, embed), batched)
    scores = statement(view(scores, shape=[batch, form.heads, length, keys]), scores)
    if form.average:
        scores = statement(mean(scores, dim=1), scores)
    return y, scores if batched else statement(squeeze(scores, dim=0), scores)
