"""The fused kernels of attention: what they make, keep, and take as scratch.

Tensors are (batch, heads, length, head dimension); the kernels work on (batch, length, heads, head dimension), so that what they
make has these strides. Sources: ATen/native/transformers/cuda/attention.cu, attention_backward.cu,
flash_attn/flash_api.cpp, mem_eff_attention/kernel_backward.h and kernels/cutlassB.h, ATen/native/cudnn/MHA.cpp; torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.attention_choice import HALF
from analyzer.ops.elementwise import result
from analyzer.ops.layout import elementwise_strides
from analyzer.ops.reducing import reduction_scratch
from analyzer.ops.registry import primitive
from analyzer.polynomial import ONE, ZERO, Poly, call, poly, product
from analyzer.sizes import sizes
from analyzer.work import TF32, Work, multiplied

FLOAT = 4  # bytes


def by_length(shape: Shape) -> Shape:
    """Strides of (batch, heads, length, dimension) that lie in memory as (batch, length, heads, dimension)."""
    _, heads, length, d = shape
    return (heads * length * d, d, heads * d, ONE)


def _up(size: Poly, multiple: int) -> Poly:
    return call("ceildiv", size, multiple) * multiple


def _alike(**inputs: Tensor) -> list[plan.Result]:
    """at::empty_like of each input: its gradient, made whether it is needed or not."""
    return [plan.Result(name, result(t), t.requires_grad) for name, t in inputs.items()]


def _work(word: str, query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Work:
    """Scores and context; in backward the scores again, the gradient of the weights, and one for each operand.

    fp32 is multiplied in TF32, three times over (mem_eff_attention/gemm_kernel_utils.h: OpMultiplyAddFastF32). A causal kernel
    skips what lies above the diagonal: half where there are as many queries as keys.
    """
    scores = multiplied(*query.shape[:3], key.shape[2], query.shape[3])
    context = multiplied(*query.shape[:3], key.shape[2], value.shape[3])
    share = Fraction(1) if not causal else Fraction(1, 2) if query.shape[2] == key.shape[2] else Fraction(0)
    return Work(scores + context, {word: 3 * scores + 2 * context}, TF32 if query.dtype == "float32" else query.dtype, share)


@primitive
def _flash_attention(query: Tensor, key: Tensor, value: Tensor, dropout: bool, causal: bool) -> Rule:
    batch, heads, length, _ = query.shape
    out, state, unused = result(query), Spec((poly(2),), "int64"), Spec((), "int64")
    states = {"first_state": state, "unused": unused, "rng_state": state} if dropout else {"rng_state": state, "unused": unused}
    aux = {"logsumexp": Spec((batch, heads, length), "float32"), **states}
    order = _flash_backward(query, key, value, out)
    reads = "g, query, key, value, y, logsumexp, rng_state, unused"
    return Rule(
        out, plan.gradients("flash_attention_backward", reads, order), aux=aux,
        scratch=() if dropout else _split_keys(query, key), constants={"plan": tuple(order)},
        work=_work("flash_attention_backward", query, key, value, causal),
    )  # fmt: skip


def _split_keys(query: Tensor, key: Tensor) -> tuple[Poly, ...]:
    """Partial results where the keys are split; a single query of grouped heads counts as so many queries of fewer heads."""
    batch, heads, length, d = query.shape
    grouped = key.shape[1]
    if sizes().is_one(length) and not sizes().agree(heads, grouped):
        heads, length = grouped, heads / grouped
    block = 64 if plan.exceeds(d, 128) else 128 if plan.exceeds(d, 64) else 256
    blocks = batch * heads * call("ceildiv", length, 64)
    splits = call("flash_splits", blocks, call("ceildiv", key.shape[2], block), sizes().device.sms)
    rows = splits * batch * heads * length * FLOAT
    return rows, rows * _rounded(d)


def _rounded(d: Poly) -> Poly:
    """The head dimension that flash attention's accumulators have."""
    return _up(d, 64 if plan.exceeds(d, 128) else 32)


def _flash_backward(query: Tensor, key: Tensor, value: Tensor, out: Spec) -> list[plan.Item]:
    batch, heads, length, d = query.shape
    keys, grouped = key.shape[2], key.shape[1]
    rows = batch * heads * _up(length, 128) * FLOAT
    order: list[plan.Item] = [plan.Laid(name, by_length(out.shape)) for name in ("g", "y")]
    order += [*_alike(query=query, key=key, value=value), plan.Held(rows), plan.Held(rows * _rounded(d))]
    if not sizes().agree(heads, grouped):
        wide = (batch, keys, grouped, heads / grouped, d)
        steps = (keys * heads * d, heads * d, heads / grouped * d, d, ONE)
        expanded, summed = plan.Held(product(wide) * 2), plan.Brief(reduction_scratch(wide, steps, [3]))
        order += [expanded, expanded, summed, summed]
    return order


@dataclass(frozen=True, slots=True)
class _Tile:
    """What a thread block of a backward kernel takes of queries and keys; whether dK and dV stay in registers."""

    queries: int
    keys: int
    registers: bool


@primitive
def _efficient_attention(query: Tensor, key: Tensor, value: Tensor, attn_bias: Tensor | None, dropout: bool, lse: bool,
                         causal: bool) -> Rule:  # fmt: skip
    batch, heads, length, _ = query.shape
    shape = (*query.shape[:3], value.shape[3])
    out = Spec(shape, query.dtype, by_length(shape))
    wide = plan.exceeds(value.shape[3], 128) and query.dtype in HALF
    order = _efficient_backward(query, key, value, attn_bias, dropout)
    reads = f"g, query, key, value, {'attn_bias, ' if attn_bias else ''}y, logsumexp"
    return Rule(
        out, plan.gradients("efficient_attention_backward", reads, order),
        aux={"logsumexp": Spec((batch, heads, _up(length, 32) if lse else ZERO), "float32")},
        scratch=(product(shape) * FLOAT,) if wide else (), constants={"plan": tuple(order)},
        work=_work("efficient_attention_backward", query, key, value, causal),
    )  # fmt: skip


def _efficient_backward(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: bool) -> list[plan.Item]:
    shape = (*query.shape[:3], value.shape[3])
    order: list[plan.Item] = [plan.Laid("g", by_length(shape))]
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        order.append(plan.Result(name, Spec(tensor.shape, tensor.dtype, by_length(tensor.shape)), tensor.requires_grad))
    if bias is not None and bias.requires_grad:
        row = _up(bias.shape[3], 16)
        steps = (bias.shape[1] * bias.shape[2] * row, bias.shape[2] * row, row, ONE)
        size = bias.shape[0] * plan.vector(steps[0], bias.dtype)
        order.append(plan.Result("attn_bias", Spec(bias.shape, bias.dtype, steps, size=size)))
    return [*order, *_delta(shape, query.dtype), plan.Held(_workspace(query, key, value, dropout), "workspace")]


def _delta(shape: Shape, dtype: str) -> list[plan.Item]:
    """The sums of gradient times output over each row: by the kernel itself, or from a product made before."""
    batch, heads, length, d = shape
    rows = batch * heads * length * FLOAT
    old = 70 <= sizes().device.capability < 75 and plan.exceeds(d, 128)
    if dtype in HALF and not old:
        return [plan.Held(rows, "delta")]
    full = product(shape) * FLOAT
    casts = ["output", "gradient"] if dtype in HALF else []
    steps = (length * heads * d, heads * d, d, ONE)
    scratch = reduction_scratch((batch, length, heads, d), steps, [3])
    order: list[plan.Item] = [*(plan.Held(full, name) for name in (*casts, "product")), plan.Held(rows, "sums"), plan.Brief(scratch)]
    gone = ["product", *reversed(casts)]
    if not (sizes().is_one(heads) or sizes().is_one(length)):
        order.append(plan.Held(rows, "delta"))
        gone.insert(0, "sums")
    return [*order, *(plan.Gone(name) for name in gone)]


def _tile(dtype: str, d: Poly, dropout: bool) -> _Tile:
    """The first kernel of kernels/cutlassB.h that takes the head dimension, and whose shared memory the GPU has."""
    capability = sizes().device.capability
    small = 86 <= capability <= 89 or capability >= 120
    if not plan.exceeds(d, 64):
        return _Tile(64, 64, True)
    if dtype not in HALF:
        return _Tile(128 if capability >= 80 and not small else 64, 64, True)
    if plan.exceeds(d, 128):
        return _Tile(128 if capability >= 70 else 64, 64, False)
    if capability < 80:
        return _Tile(128, 64, True) if capability >= 70 else _Tile(64, 64, False)
    if not small:
        return _Tile(128, 128, True)
    if capability < 90 and not dropout and not plan.exceeds(d, 96):
        return _Tile(128, 64, True)
    return _Tile(64, 64, False)


def _workspace(query: Tensor, key: Tensor, value: Tensor, dropout: bool) -> Poly:
    """Bytes for dQ, which thread blocks add up one after another, and for dK and dV that do not stay in registers."""
    batch, heads, length, d = query.shape
    wide = value.shape[3]
    tile = _tile(query.dtype, wide if sizes().below(d, wide) else d, dropout)
    old = sizes().device.capability < 70
    dq = call("ceildiv", length, tile.queries) * call("ceildiv", d, tile.keys) * (4 + tile.queries * tile.keys)
    if old and query.dtype not in HALF:
        return ZERO
    if tile.registers:
        return batch * heads * dq * FLOAT
    splits = ONE if old else call("efficient_splits", batch * heads, key.shape[2], tile.keys)
    columns = _up(d, tile.queries) + _up(wide, tile.queries)
    return batch * heads * (dq + splits * tile.keys * columns) * FLOAT


@primitive
def _cudnn_attention(query: Tensor, key: Tensor, value: Tensor, attn_bias: Tensor | None, lse: bool, causal: bool) -> Rule:
    batch, heads, length, d = query.shape
    shape = (*query.shape[:3], value.shape[3])
    out = Spec(shape, query.dtype, elementwise_strides(shape, [(query.shape, query.strides)]))
    rows, state = batch * heads * length * FLOAT, Spec((), "int64")
    order: list[plan.Item] = [*_alike(query=query, key=key, value=value), plan.Laid("g"), plan.Held(rows * d + rows)]
    reads = f"g, query, key, value, {'attn_bias, ' if attn_bias else ''}y, logsumexp, seed, offset"
    return Rule(
        out, plan.gradients("cudnn_attention_backward", reads, order),
        aux={"seed": state, "offset": state} | ({"logsumexp": Spec((batch, heads, length), "float32")} if lse else {}),
        first=("seed", "offset"), constants={"plan": tuple(order)},
        work=_work("cudnn_attention_backward", query, key, value, causal),
    )  # fmt: skip
