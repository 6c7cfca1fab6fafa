"""Normalization layers, as their CUDA kernels keep statistics."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import ONE, Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, over: int) -> Rule:
    rows = x.shape[: len(x.shape) - over] + (ONE,) * over
    statistics = Spec(rows, "float32")
    inputs = ", ".join(n for n, t in (("x", x), ("weight", weight), ("bias", bias)) if t is not None)
    return Rule(
        Spec(x.shape, x.dtype),
        {inputs: "layer_norm_backward(g, x, mean, rstd, weight)" if weight else "layer_norm_backward(g, x, mean, rstd)"},
        aux={"mean": statistics, "rstd": statistics},
    )


@op
def LayerNorm(x: Tensor, *, normalized_shape: list[Poly] | Poly | None = None, elementwise_affine: bool = True,
              bias: bool = True, eps: float = 1e-5) -> Tensor:  # fmt: skip
    """y = (x - mean) rstd w + b over the last dimensions"""
    given = normalized_shape if isinstance(normalized_shape, list) else [normalized_shape]
    shape = x.shape[-1:] if given == [None] else tuple(poly(s) for s in given if s is not None)
    if len(shape) > len(x.shape) or not all(sizes().same(a, b) for a, b in zip(shape, x.shape[-len(shape) :])):
        raise Refused(f"LayerNorm over {show(shape)}, but its input is {show(x.shape)} from {x.origin}")
    weight = current().parameter("weight", shape) if elementwise_affine else None
    shift = current().parameter("bias", shape) if elementwise_affine and bias else None
    y: Tensor = _layer_norm(x, weight, shift, len(shape))
    return y


@primitive
def _batch_norm_train(x: Tensor, weight: Tensor | None, bias: Tensor | None, native: bool) -> Rule:
    channels = (x.shape[1],)
    inputs = ", ".join(n for n, t in (("x", x), ("weight", weight), ("bias", bias)) if t is not None)
    formula = "batch_norm_backward(g, x, mean, invstd, weight)" if weight else "batch_norm_backward(g, x, mean, invstd)"
    statistics = Spec(channels, "float32")
    return Rule(Spec(x.shape, x.dtype), {inputs: formula}, aux={"mean": statistics, "invstd": statistics})


@primitive
def _batch_norm_eval(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Rule:
    inputs = ", ".join(n for n, t in (("x", x), ("weight", weight), ("bias", bias)) if t is not None)
    formula = "batch_norm_backward(g, x, weight)" if weight else "batch_norm_backward(g, x)"
    return Rule(Spec(x.shape, x.dtype), {inputs: formula})


def _batch_norm(x: Tensor, ranks: tuple[int, ...], affine: bool, track_running_stats: bool) -> Tensor:
    tracer = current()
    if len(x.shape) not in ranks:
        raise Refused(f"batch norm needs {' or '.join(map(str, ranks))} dimensions, its input is {show(x.shape)}")
    channels = (x.shape[1],)
    weight = tracer.parameter("weight", channels) if affine else None
    bias = tracer.parameter("bias", channels) if affine else None
    if track_running_stats:
        tracer.buffer("running_mean", channels)
        tracer.buffer("running_var", channels)
        tracer.buffer("num_batches_tracked", (), "int64")
    if not tracer.training and track_running_stats:
        inferred: Tensor = _batch_norm_eval(x, weight, bias)
        return inferred
    y: Tensor = _batch_norm_train(x, weight, bias, len(x.shape) == 2)
    return y


@op
def BatchNorm1d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the batch"""
    return _batch_norm(x, (2, 3), affine, track_running_stats)


@op
def BatchNorm2d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over batch and image"""
    return _batch_norm(x, (4,), affine, track_running_stats)


@op
def BatchNorm3d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over batch and volume"""
    return _batch_norm(x, (5,), affine, track_running_stats)
