"""torch.autocast on CUDA: which ops run in half, which in fp32, and the cache of cast weights.

Source: aten/src/ATen/autocast_mode.h (the op lists) and autocast_mode.cpp (cached_cast), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from analyzer.graph import FLOATING, Rule, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.registry import primitive
from analyzer.tracing import Refused, Tracer, current

HALF = frozenset({"float16", "bfloat16"})
LOWER_PRECISION = frozenset(
    """addmm baddbmm bmm convolution conv_transpose einsum gru_cell linear lstm_cell matmul mm mv prelu rnn_relu_cell
    rnn_tanh_cell scaled_dot_product_attention""".split()
)
FP32 = frozenset(
    """acos asin binary_cross_entropy_with_logits cosh cosine_embedding_loss cosine_similarity erfinv exp expm1
    group_norm hinge_embedding_loss huber_loss kl_div l1_loss layer_norm log log10 log1p log2 logsumexp margin_ranking_loss mse_loss
    nll_loss_forward poisson_nll_loss pow reciprocal rms_norm rsqrt sinh smooth_l1_loss soft_margin_loss softplus tan
    triplet_margin_loss upsample""".split()
)

WIDEST = frozenset("addcdiv addcmul bilinear cross dot grid_sample scatter_add".split())  # run in fp32 where one of their arguments is


@primitive
def _cast(x: Tensor, dtype: str) -> Rule:
    return Rule(result(x, dtype=dtype), {"x": "cast(g, x.dtype)"})


@contextmanager
def prepared(name: str, args: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The arguments as autocast hands them on, casts going when the op has run; meanwhile autocast is off."""
    tracer = current()
    if name == "binary_cross_entropy":
        raise Refused("binary_cross_entropy is unsafe under autocast", "use binary_cross_entropy_with_logits on the logits")
    dtype = tracer.autocast if name in LOWER_PRECISION else "float32" if name in FP32 or _is_widened(name, args) else ""
    if not dtype:
        yield args
        return
    converted = tuple([_converted(a, dtype, tracer) for a in reversed(args)][::-1])  # gcc evaluates arguments from the last
    before, tracer.autocast = tracer.autocast, ""
    try:
        yield converted
    finally:
        tracer.autocast = before
    for given, cast in zip(_tensors(args), _tensors(converted)):
        if cast is not given and cast not in tracer.cast_weights.values():
            tracer.release(cast)


def _tensors(args: tuple[Any, ...]) -> Iterator[Any]:
    for value in args:
        yield from value if isinstance(value, (list, tuple)) else (value,)


def _is_widened(name: str, args: tuple[Any, ...]) -> bool:
    return name in WIDEST and any(isinstance(a, Tensor) and a.dtype == "float32" for a in args)


def _converted(value: Any, dtype: str, tracer: Tracer) -> Any:
    if isinstance(value, (list, tuple)):
        return [_converted(v, dtype, tracer) for v in value]
    if not isinstance(value, Tensor) or value.dtype == dtype or value.dtype not in FLOATING or value.dtype == "float64":
        return value
    is_leaf = (value.is_parameter and not tracer.replicated) or value in tracer.detached
    if not (is_leaf and value.requires_grad and value.dtype == "float32"):
        return _cast(value, dtype)
    if value not in tracer.cast_weights:
        before, tracer.grad = tracer.grad, True  # what is cached may be used with a graph later
        tracer.cast_weights[value] = tracer.hold(_cast(value, dtype))
        tracer.grad = before
    return tracer.cast_weights[value]


def leave(tracer: Tracer) -> None:
    """The end of the outermost autocast region: the cached casts go."""
    for tensor in tracer.cast_weights.values():
        tracer.drop(tensor)
    tracer.cast_weights.clear()
    tracer.autocast = ""


def accumulation_dtype(x: Tensor) -> str:
    """The dtype of softmax, sum and cumsum of x: fp32 under autocast, without a cast of x."""
    return "float32" if current().autocast and x.dtype in HALF else x.dtype
