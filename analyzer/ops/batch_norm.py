"""Batch and instance normalization: cuDNN's kernels, or PyTorch's own where cuDNN has none.

Sources: ATen/native/Normalization.cpp (_select_batch_norm_backend, instance_norm), ATen/native/cuda/Normalization.cu
(batch_norm_backward_cuda), ATen/native/cudnn/BatchNorm.cpp; torch 2.7 and 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.layout import is_contiguous, same_layout
from analyzer.ops.memory_format import is_channels_last, laid
from analyzer.ops.reduction import mean
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import as_shape, contiguous
from analyzer.polynomial import ONE, ZERO, Poly, call, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _cudnn_batch_norm(x: Tensor, weight: Tensor, bias: Tensor, running: tuple[Tensor, ...], training: bool) -> Rule:
    statistics = Spec((x.shape[1],), plan.accumulated(x.dtype))
    strides = laid(x.shape, is_channels_last(x.shape, x.strides))
    order: plan.Plan = (plan.Laid("g", strides), _like(x), plan.result("weight", weight), plan.result("bias", bias))
    if training:
        grads = plan.gradients("cudnn_batch_norm_backward", f"g, x, weight, mean, invstd{_names(running)}", order)
        aux = {"mean": statistics, "invstd": statistics}
        return Rule(Spec(x.shape, x.dtype, strides), grads, aux, constants={"plan": order})
    backward = _native_backward(x, weight, bias, training, stored=False)
    grads = plan.gradients("native_batch_norm_backward", f"g, x, weight{_names(running)}", backward)
    return Rule(Spec(x.shape, x.dtype, strides), grads, constants={"plan": backward})


def _like(x: Tensor) -> plan.Result:
    """The gradient of the input, in its memory format."""
    return plan.Result("x", Spec(x.shape, x.dtype, laid(x.shape, is_channels_last(x.shape, x.strides))), x.requires_grad)


@primitive
def _native_batch_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, running: tuple[Tensor, ...], training: bool) -> Rule:
    statistics = Spec((x.shape[1],), plan.accumulated(x.dtype))
    order = _native_backward(x, weight, bias, training, stored=True)
    return Rule(
        Spec(x.shape, x.dtype, laid(x.shape, is_channels_last(x.shape, x.strides))),
        plan.gradients("native_batch_norm_backward", f"g, x, mean, invstd{', weight' if weight else ''}{_names(running)}", order),
        aux={"mean": statistics, "invstd": statistics},
        scratch=(staging(x, 4) if training and _channels_last(x) else ZERO,),
        constants={"plan": order},
    )


def _names(running: tuple[Tensor, ...]) -> str:
    return "".join(f", running{i}" for i in range(len(running)))


def _native_backward(x: Tensor, weight: Tensor | None, bias: Tensor | None, training: bool, *, stored: bool) -> plan.Plan:
    """batch_norm_backward_cuda: one fused kernel, or over channels-last data and for frozen inputs a reduction first."""
    parameters = plan.results(weight=weight, bias=bias)
    channel = plan.Held(plan.vector(x.shape[1], plan.accumulated(x.dtype)))
    if not training and not parameters:
        return (*(() if stored else (channel,)), *plan.results(x=x))
    if not _channels_last(x) and x.requires_grad:
        return (*plan.results(x=x), *parameters)
    head = () if stored else (channel,)
    if not _channels_last(x):
        return (*head, *parameters)
    made = [plan.result(n, t) for n, t in (("weight", weight), ("bias", bias)) if t is not None]
    return (*head, channel, channel, *made, plan.Brief((staging(x, 2),)), *((_like(x),) if x.requires_grad else ()))


def _channels_last(x: Tensor) -> bool:
    return sizes().is_one(product(x.shape[2:])) or is_channels_last(x.shape, x.strides)


def staging(x: Tensor, values: int) -> Poly:
    """Bytes in which blocks of a reduction over channels-last data, or (batch, channels), meet."""
    return call("batch_norm_scratch", x.elements / x.shape[1], x.shape[1], values)


def _batch_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, running: tuple[Tensor, ...], training: bool) -> Tensor:
    """One of the two kernels, as _batch_norm_impl_index chooses. The node keeps the running statistics that it is given."""
    if len(x.shape) > 2 and weight is not None and weight.dtype != "float32" and any(t.dtype == "float32" for t in running):
        raise Refused(f"a batch norm with its weight in {weight.dtype} and its statistics in float32: PyTorch would stop in backward")
    single = weight is not None and (x.dtype == "float32" or weight.dtype == "float32")
    if weight is not None and bias is not None and len(x.shape) > 2 and single and x.dtype != "bfloat16":
        x = x if _is_dense(x) else contiguous(x)
        fused: Tensor = _cudnn_batch_norm(x, weight, bias, running, training)
        return fused
    if not _is_dense(x):
        raise Refused("batch norm without cuDNN has no rule for an input that is not row-major", "make it contiguous first")
    native: Tensor = _native_batch_norm(x, weight, bias, running, training)
    return native


def _is_dense(x: Tensor) -> bool:
    """Whether the kernels read the input as it lies, row-major or channels-last."""
    return same_layout(x.shape, x.strides, laid(x.shape, is_channels_last(x.shape, x.strides)))


def _layer(x: Tensor, ranks: tuple[int, ...], affine: bool, track_running_stats: bool) -> Tensor:
    """nn.BatchNorm: its parameters and buffers, then the kernel."""
    if len(x.shape) not in ranks:
        raise Refused(f"batch norm needs {' or '.join(map(str, ranks))} dimensions, its input is {show(x.shape)}")
    weight, bias = _parameters(x.shape[1], affine)
    running = _running(x.shape[1]) if track_running_stats else ()
    return _batch_norm(x, weight, bias, running, current().training or not running)


def _parameters(channels: Poly, affine: bool) -> tuple[Tensor | None, Tensor | None]:
    tracer = current()
    return (tracer.parameter("weight", (channels,)), tracer.parameter("bias", (channels,))) if affine else (None, None)


def _running(channels: Poly) -> tuple[Tensor, ...]:
    tracer = current()
    running = tracer.buffer("running_mean", (channels,)), tracer.buffer("running_var", (channels,))
    tracer.buffer("num_batches_tracked", (), "int64")
    return running


@primitive
def _repeat(x: Tensor, rows: Poly) -> Rule:
    formula = "reshape(g, x.shape)" if sizes().is_one(rows) else "sum_to(reshape(g, matrix), x.shape)"
    return Rule(Spec((rows * x.shape[0],), x.dtype), {"x": formula}, constants={"matrix": (rows, x.shape[0])})


def _instance(x: Tensor, rank: int, affine: bool, track_running_stats: bool) -> Tensor:
    """nn.InstanceNorm: a batch norm of one sample, whose channels are those of all samples."""
    if len(x.shape) != rank:
        raise Refused(f"InstanceNorm{rank - 2}d needs {rank} dimensions, its input is {show(x.shape)} from {x.origin}")
    channels = x.shape[1]
    weight, bias = _parameters(channels, affine)
    running = tuple(_running(channels)) if track_running_stats else ()
    return instance(x, weight, bias, running, current().training or not running)


def instance(x: Tensor, weight: Tensor | None, bias: Tensor | None, given: tuple[Tensor, ...], training: bool) -> Tensor:
    """at::instance_norm: what there is for a channel is repeated for each sample, the running statistics are their mean."""
    samples, channels = x.shape[:2]
    weight, bias = (None if t is None else _repeat(t, samples) for t in (weight, bias))
    running = tuple(_repeat(t, samples) for t in given)
    joined = as_shape(x if is_contiguous(x) else contiguous(x), (ONE, samples * channels, *x.shape[2:]))
    y = _batch_norm(joined, weight, bias, running, training)
    for statistics in running if training else ():
        current().release(mean(as_shape(statistics, (samples, channels)), dim=0))
    return as_shape(y, x.shape)


@op
def BatchNorm1d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the batch"""
    return _layer(x, (2, 3), affine, track_running_stats)


@op
def BatchNorm2d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over batch and image"""
    return _layer(x, (4,), affine, track_running_stats)


@op
def BatchNorm3d(x: Tensor, *, affine: bool = True, track_running_stats: bool = True, eps: float = 1e-5,
                momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over batch and volume"""
    return _layer(x, (5,), affine, track_running_stats)


@op
def InstanceNorm1d(x: Tensor, *, affine: bool = False, track_running_stats: bool = False, eps: float = 1e-5,
                   momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the length of each sample's channels"""
    return _instance(x, 3, affine, track_running_stats)


@op
def InstanceNorm2d(x: Tensor, *, affine: bool = False, track_running_stats: bool = False, eps: float = 1e-5,
                   momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the image of each sample's channels"""
    return _instance(x, 4, affine, track_running_stats)


@op
def InstanceNorm3d(x: Tensor, *, affine: bool = False, track_running_stats: bool = False, eps: float = 1e-5,
                   momentum: float | None = 0.1) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the volume of each sample's channels"""
    return _instance(x, 5, affine, track_running_stats)
