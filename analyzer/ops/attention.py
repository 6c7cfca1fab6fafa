"""scaled_dot_product_attention, as PyTorch puts it together around the kernel it chooses.

Source: ATen/native/transformers/attention.cpp (scaled_dot_product_attention, _scaled_dot_product_attention_math), torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor, contiguous
from analyzer.ops.attention_choice import HALF, Attention, chosen, divides
from analyzer.ops.attention_kernels import _cudnn_attention, _efficient_attention, _flash_attention
from analyzer.ops.autocast import _cast
from analyzer.ops.creation import made
from analyzer.ops.elementwise import _scalar_tensor, _where, mul, result, statement
from analyzer.ops.joining import repeat_interleave, slice
from analyzer.ops.matmul import matmul, transposed
from analyzer.ops.padding import pad
from analyzer.ops.random import _native_dropout
from analyzer.ops.rearranging import tril
from analyzer.ops.reduction import _any
from analyzer.ops.registry import Probability, op, primitive
from analyzer.ops.shape import _expand
from analyzer.polynomial import ONE, ZERO, Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

SCALE = ONE + ONE  # some number: it takes no memory


@op
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *, dropout_p: Probability = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """y = softmax(query keyᵀ scale + attn_mask) value, by flash, memory-efficient, cuDNN's or plain (math) kernels"""
    call = Attention(query, key, value, attn_mask, dropout_p, is_causal, enable_gqa)
    _check(call)
    backend = chosen(call, current().attention)
    _check_choice(call, backend)
    mask = _converted(attn_mask, query.dtype) if attn_mask is not None else None
    match backend:
        case "flash":
            return _flash(call)
        case "efficient":
            bias = statement(_preprocessed(mask, call), *([mask] if mask is not attn_mask else [])) if mask else None
            y: Tensor = _efficient_attention(query, key, value, bias, bool(dropout_p), call.trains, is_causal)
        case "cudnn":
            y = _cudnn_attention(query, key, value, mask, call.trains, is_causal)
        case _:
            y = _math(call, mask)
    return y


def _check(call: Attention) -> None:
    """Raises Refused for what PyTorch refuses, too."""
    if len({t.dtype for t in call.operands}) > 1:
        raise Refused(f"query, key and value need one dtype, not {', '.join(t.dtype for t in call.operands)}")
    if any(len(t.shape) < 2 for t in call.operands):
        raise Refused(f"query, key and value need at least 2 dimensions, not {' and '.join(show(t.shape) for t in call.operands)}")
    query, key, value = (t.shape for t in call.operands)
    if not sizes().same(query[-1], key[-1]) or not sizes().same(key[-2], value[-2]):
        raise Refused(f"a query {show(query)} does not fit a key {show(key)} and a value {show(value)}")
    mask = call.mask
    if mask is not None and mask.dtype not in ("bool", "float32", call.query.dtype):
        raise Refused(f"attn_mask needs dtype bool, float32 or {call.query.dtype}, not {mask.dtype}")
    if mask is not None and len(mask.shape) < 2:
        raise Refused(f"attn_mask needs at least 2 dimensions, not {show(mask.shape)}")


def _check_choice(call: Attention, backend: str) -> None:
    """Raises Refused for what the chosen kernel refuses when it runs."""
    mask = call.mask
    if mask is not None and backend == "efficient" and mask.dtype not in ("bool", call.query.dtype):
        raise Refused(f"efficient attention needs an attn_mask of dtype bool or {call.query.dtype}, not {mask.dtype}")
    if mask is not None and backend == "math" and call.causal:
        raise Refused("math attention does not take attn_mask and is_causal together")


def _converted(mask: Tensor, dtype: str) -> Tensor:
    """convert_boolean_attn_mask: what is False becomes -inf in a mask that is added."""
    if mask.dtype != "bool":
        return mask
    kept, dropped = _scalar_tensor(dtype), _scalar_tensor(dtype)
    return statement(_where(mask, kept, dropped), dropped, kept)


def _preprocessed(mask: Tensor, call: Attention) -> Tensor:
    """preprocess_mask: rows that begin at multiples of 8 numbers, by a padded copy where they do not; then expanded."""
    target = (*call.query.shape[:3], call.key.shape[2])
    if not all(divides(8, stride) for stride in mask.strides[:-1]):
        last = mask.shape[-1]
        padded = pad(mask, pad=[ZERO, poly(8) - last % 8])
        mask = statement(slice(padded, dim=-1, length=last), padded)
    bias: Tensor = _expand(mask, target)
    return bias


def _flash(call: Attention) -> Tensor:
    """Flash attention, over copies padded to a head dimension that is a multiple of 8."""
    d, dropout = call.query.shape[-1], bool(call.dropout)
    if divides(8, d):
        y: Tensor = _flash_attention(*call.operands, dropout, call.causal)
        return y
    wide = [pad(t, pad=[ZERO, poly(8) - d % 8]) for t in call.operands]
    y = _flash_attention(*wide, dropout, call.causal)
    narrow: Tensor = slice(y, dim=-1, length=d)
    return narrow


@primitive
def _safe_softmax(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, contiguous(x.shape)), {"x": "softmax_backward(g, y)"})


@primitive
def _isneginf(x: Tensor) -> Rule:
    return Rule(result(x, dtype="bool"))


@primitive
def _add_mask_(x: Tensor, other: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {"other": "g", "x": "g"}, inplace="x")


def _softmax(x: Tensor) -> Tensor:
    """_safe_softmax: rows that are -inf throughout become 0."""
    y: Tensor = _safe_softmax(x)
    infinite = _isneginf(x)
    rows, zero = _any(infinite, (len(x.shape) - 1,), True), _scalar_tensor(x.dtype)
    return statement(y, zero, rows, infinite)


def _math(call: Attention, mask: Tensor | None) -> Tensor:
    """_scaled_dot_product_attention_math: one op after another, in fp32 also for half precision."""
    dtype, half = call.query.dtype, call.query.dtype in HALF
    query, key, value = (_cast(t, "float32") if half else t for t in call.operands)
    scaled = mul(query, SCALE)
    if call.causal:
        below = _below(scaled.shape[-2], key.shape[-2])
        mask = statement(_converted(below, scaled.dtype), below)
    if call.gqa:
        key, value = (_repeated(t, scaled) for t in (key, value))
    weights = _scores(scaled, key)
    if mask is not None:
        weights = statement(_add_mask_(weights, mask), weights)
    weights = statement(_softmax(weights), weights)
    if call.dropout:
        weights = statement(_native_dropout(weights), weights)
    if half:
        _cast(weights, dtype)
    y: Tensor = matmul(weights, value)
    return statement(_cast(y, dtype), y) if half else y


def _below(queries: Poly, keys: Poly) -> Tensor:
    ones = made([queries, keys], "bool")
    return statement(tril(ones), ones)


def _repeated(x: Tensor, query: Tensor) -> Tensor:
    """A key or value with as many heads as the query."""
    if sizes().agree(x.shape[-3], query.shape[-3]):
        return x
    if not sizes().demand(query.shape[-3] % x.shape[-3], "==", 0):
        raise Refused(f"{x.shape[-3]!r} heads of key or value do not divide {query.shape[-3]!r} heads of the query")
    repeated: Tensor = repeat_interleave(x, repeats=query.shape[-3] / x.shape[-3], dim=-3)
    return repeated


def _scores(query: Tensor, key: Tensor) -> Tensor:
    across = transposed(key)
    scaled = mul(across, SCALE)
    return statement(matmul(query, scaled), scaled, across)
