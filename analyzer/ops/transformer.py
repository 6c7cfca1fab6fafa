"""nn.TransformerEncoderLayer and nn.TransformerDecoderLayer, with the lifetimes of their Python code.

Sources: torch/nn/modules/transformer.py, ATen/native/transformers/transformer.cpp (transformer_encoder_layer_forward); torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from analyzer.graph import Tensor
from analyzer.ops.activation import gelu, relu
from analyzer.ops.attention_module import MultiheadAttention, canonical, parameters
from analyzer.ops.attention_native import Form, Weights, is_native, merged_masks, native_multi_head_attention
from analyzer.ops.dense import Linear
from analyzer.ops.elementwise import add, statement
from analyzer.ops.inplace import add_
from analyzer.ops.matmul import addmm, transposed
from analyzer.ops.norm import LayerNorm
from analyzer.ops.random import Dropout
from analyzer.ops.registry import Probability, op
from analyzer.ops.shape import view
from analyzer.polynomial import Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

ACTIVATIONS = {"relu": relu, "gelu": gelu}
Block = Callable[[Tensor, bool], Tensor]  # of x, and whether it stays


@dataclass(frozen=True, slots=True)
class Layer:
    """The arguments of a layer's constructor."""

    heads: Poly
    hidden: Poly
    dropout: float
    activation: str
    eps: float
    batch_first: bool
    norm_first: bool
    bias: bool


@contextmanager
def part(name: str) -> Iterator[None]:
    """Inside, the running module is its part of that name."""
    tracer = current()
    before = tracer.path, tracer.label
    tracer.path, tracer.label = (f"{of}.{name}" if of else name for of in before)
    try:
        yield
    finally:
        tracer.path, tracer.label = before


def _declared(layer: Layer, width: Poly, attentions: tuple[str, ...]) -> Weights:
    """The parameters, made in the order of named_parameters(); those of the first attention."""
    if layer.activation not in ACTIVATIONS:
        raise Refused(f"activation '{layer.activation}'", f"one of: {', '.join(ACTIVATIONS)}")
    made = []
    for name in attentions:
        with part(name):
            made.append(parameters(width, width, width, layer.bias))
    for name in ("linear1", "linear2", *(f"norm{i + 1}" for i in range(len(attentions) + 1))):
        _weights(name, layer, width)
    return made[0]


def _weights(name: str, layer: Layer, width: Poly) -> tuple[Tensor, ...]:
    """The weight of a part, and its bias where it has one."""
    shape = {"linear1": (layer.hidden, width), "linear2": (width, layer.hidden)}.get(name, (width,))
    with part(name):
        weight = current().parameter("weight", shape)
        return (weight, current().parameter("bias", shape[:1])) if layer.bias else (weight,)


def _dropped(x: Tensor, name: str, layer: Layer) -> Tensor:
    """nn.Dropout of a tensor that then goes."""
    with part(name):
        return statement(Dropout(x, p=layer.dropout), x)


def _attended(x: Tensor, kept: bool, name: str, drop: str, layer: Layer, memory: Tensor | None, masks: tuple[Tensor | None, Tensor | None],
              causal: bool) -> Tensor:  # fmt: skip
    """_sa_block, or _mha_block where there is a memory; masks are attn_mask and key_padding_mask."""
    other = x if memory is None else memory
    with part(name):
        y, *_ = MultiheadAttention(
            x, other, other, masks[1], masks[0], num_heads=layer.heads, dropout=layer.dropout, bias=layer.bias,
            batch_first=layer.batch_first, need_weights=False, is_causal=causal,
        )  # fmt: skip
    return _dropped(y if kept else statement(y, x), drop, layer)


def _fed_forward(x: Tensor, kept: bool, drop: str, layer: Layer) -> Tensor:
    """_ff_block."""
    with part("linear1"):
        y = Linear(x, out_features=layer.hidden, bias=layer.bias)
    y = statement(ACTIVATIONS[layer.activation](y), y)
    y = _dropped(y, "dropout", layer)
    with part("linear2"):
        y = statement(Linear(y, out_features=x.shape[-1], bias=layer.bias), y)
    return _dropped(y if kept else statement(y, x), drop, layer)


def _normed(x: Tensor, name: str, layer: Layer) -> Tensor:
    with part(name):
        return LayerNorm(x, bias=layer.bias, eps=layer.eps)  # type: ignore[no-any-return]


def _residual(x: Tensor, norm: str, layer: Layer, block: Block) -> Tensor:
    """x + block(norm(x)), or norm(x + block(x))."""
    if layer.norm_first:
        y = block(_normed(x, norm, layer), False)
        return statement(add(x, y), y)
    y = block(x, True)
    whole = statement(add(x, y), y)
    return statement(_normed(whole, norm, layer), whole)


def _through(x: Tensor, layer: Layer, blocks: tuple[Block, ...]) -> Tensor:
    """One residual block after another; what is between them goes."""
    y = x
    for i, block in enumerate(blocks):
        after = _residual(y, f"norm{i + 1}", layer, block)
        y = after if y is x else statement(after, y)
    return y


def _check(x: Tensor, d_model: Poly | None, name: str) -> None:
    """Raises Refused for another width than is told."""
    if d_model is not None and not sizes().same(d_model, x.shape[-1]):
        raise Refused(f"{name} has d_model {d_model!r}, but its input is {show(x.shape)} from {x.origin}")


@op
def TransformerEncoderLayer(
    src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None, *, nhead: Poly, d_model: Poly | None = None,
    dim_feedforward: Poly = poly(2048), dropout: Probability = 0.1, activation: str = "relu", layer_norm_eps: float = 1e-5,
    batch_first: bool = False, norm_first: bool = False, bias: bool = True, is_causal: bool = False,
) -> Tensor:  # fmt: skip
    """y = norm2(x + W2 f(W1 x + b1) + b2), x = norm1(src + attention(src)); with norm_first each norm before its block"""
    _check(src, d_model, "TransformerEncoderLayer")
    layer = Layer(nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
    attention = _declared(layer, src.shape[-1], ("self_attn",))
    padding, mask = canonical(src_key_padding_mask, src.dtype), canonical(src_mask, src.dtype)
    if batch_first and bias and _is_fused(src, layer, attention):
        return _fused(src, layer, attention, padding, mask)
    return _through(src, layer, (
        lambda x, kept: _attended(x, kept, "self_attn", "dropout1", layer, None, (mask, padding), is_causal),
        lambda x, kept: _fed_forward(x, kept, "dropout2", layer),
    ))  # fmt: skip


@op
def TransformerDecoderLayer(
    tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
    tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None, *, nhead: Poly,
    d_model: Poly | None = None, dim_feedforward: Poly = poly(2048), dropout: Probability = 0.1, activation: str = "relu",
    layer_norm_eps: float = 1e-5, batch_first: bool = False, norm_first: bool = False, bias: bool = True, tgt_is_causal: bool = False,
    memory_is_causal: bool = False,
) -> Tensor:  # fmt: skip
    """y = norm3(z + W2 f(W1 z + b1) + b2), z = norm2(x + attention(x, memory)), x = norm1(tgt + attention(tgt))"""
    _check(tgt, d_model, "TransformerDecoderLayer")
    layer = Layer(nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)
    _declared(layer, tgt.shape[-1], ("self_attn", "multihead_attn"))
    own, others = (tgt_mask, tgt_key_padding_mask), (memory_mask, memory_key_padding_mask)
    return _through(tgt, layer, (
        lambda x, kept: _attended(x, kept, "self_attn", "dropout1", layer, None, own, tgt_is_causal),
        lambda x, kept: _attended(x, kept, "multihead_attn", "dropout2", layer, memory, others, memory_is_causal),
        lambda x, kept: _fed_forward(x, kept, "dropout3", layer),
    ))  # fmt: skip


def _is_fused(src: Tensor, layer: Layer, attention: Weights) -> bool:
    """Whether the layer is one call, torch._transformer_encoder_layer_fwd."""
    rest = [tensor for name in ("norm1", "norm2", "linear1", "linear2") for tensor in _weights(name, layer, src.shape[-1])]
    return is_native(src, attention, layer.heads) and not (current().grad and any(t.requires_grad for t in rest))


def _fused(src: Tensor, layer: Layer, attention: Weights, padding: Tensor | None, mask: Tensor | None) -> Tensor:
    """transformer_encoder_layer_forward; the masks are the caller's."""
    merged = merged_masks(padding, mask, src, layer.heads)
    x = _normed(src, "norm1", layer) if layer.norm_first else src
    current().push()
    (y,) = current().pop(native_multi_head_attention(x, attention, Form(layer.heads, 0.0, False, True, False), merged))
    y = statement(add_(y, src), y, *(() if x is src else (x,)))
    y = y if layer.norm_first else statement(_normed(y, "norm1", layer), y)
    z = _normed(y, "norm2", layer) if layer.norm_first else y
    h = _rows(z, *_weights("linear1", layer, src.shape[-1]))
    out = statement(_rows(h, *_weights("linear2", layer, src.shape[-1])), h, *(() if z is y else (z,)))
    out = statement(add_(out, y), out)
    return out if layer.norm_first else statement(_normed(out, "norm2", layer), out)


def _rows(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """linear_for_ffn, whose activation is the product's own."""
    rows = view(x, shape=[x.shape[0] * x.shape[1], x.shape[2]])
    y = addmm(bias, rows, transposed(weight))
    return statement(view(y, shape=[x.shape[0], x.shape[1], weight.shape[0]]), y, rows)
