"""Normalization with weights and statistics that are tensors of the model."""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops.batch_norm import _batch_norm, instance
from analyzer.ops.memory_format import is_channels_last
from analyzer.ops.norm import _normalized, _rms_norm
from analyzer.ops.registry import op
from analyzer.polynomial import Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@op
def batch_norm(x: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
               bias: Tensor | None = None, *, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over all dimensions but the second"""
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    if len(x.shape) < 2:
        raise Refused(f"batch_norm needs at least 2 dimensions, its input is {show(x.shape)} from {x.origin}")
    for name, tensor in given.items():
        if tensor is not None and not (len(tensor.shape) == 1 and sizes().same(tensor.shape[0], x.shape[1])):
            raise Refused(f"batch_norm needs a {name} of shape ({x.shape[1]!r}), not {show(tensor.shape)}")
    running = tuple(t for t in (running_mean, running_var) if t is not None)
    if len(running) == 1 or not (running or training):
        raise Refused("batch_norm needs running_mean and running_var", "or training: true, without both")
    trained = any(t is not None and t.requires_grad for t in (weight, bias))
    if not training and trained and is_channels_last(x.shape, x.strides):
        raise Refused("batch_norm by running statistics, channels-last and with a weight that is trained, has no rule", "- contiguous: x")
    return _batch_norm(x, weight, bias, running, training)


@op
def instance_norm(x: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
                  bias: Tensor | None = None, *, use_input_stats: bool = True, momentum: float = 0.1,
                  eps: float = 1e-5) -> Tensor:  # fmt: skip
    """y = (x - mean) invstd w + b over the places of each sample's channels"""
    if len(x.shape) < 3:
        raise Refused(f"instance_norm needs at least 3 dimensions, its input is {show(x.shape)} from {x.origin}")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, tensor in given.items():
        if tensor is not None and not (len(tensor.shape) == 1 and sizes().same(tensor.shape[0], x.shape[1])):
            raise Refused(f"instance_norm needs a {name} of shape ({x.shape[1]!r}), not {show(tensor.shape)}")
    running = tuple(t for t in (running_mean, running_var) if t is not None)
    if len(running) == 1 or not (running or use_input_stats):
        raise Refused("instance_norm needs running_mean and running_var", "or use_input_stats: true, without both")
    return instance(x, weight, bias, running, use_input_stats)


@op
def rms_norm(x: Tensor, weight: Tensor | None = None, *, normalized_shape: list[Poly] | Poly, eps: float | None = None) -> Tensor:
    """y = x w / √(mean x² + eps) over the last dimensions"""
    shape = _normalized(x, normalized_shape, "rms_norm")
    if weight is not None and not (len(weight.shape) == len(shape) and all(map(sizes().same, weight.shape, shape))):
        raise Refused(f"rms_norm over {show(shape)} needs a weight of that shape, not {show(weight.shape)}")
    y: Tensor = _rms_norm(x, weight, len(shape))
    return y
