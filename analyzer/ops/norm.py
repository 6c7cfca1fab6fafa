"""Normalization over features: LayerNorm, RMSNorm, GroupNorm, as their CUDA kernels keep statistics and take scratch.

Sources: ATen/native/cuda/layer_norm_kernel.cu, group_norm_kernel.cu; ATen/native/layer_norm.cpp (rms_norm_composite).
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.elementwise import mul
from analyzer.ops.layout import is_contiguous
from analyzer.ops.reducing import reduction_scratch
from analyzer.ops.reduction import mean
from analyzer.ops.registry import OPS, op, primitive
from analyzer.ops.shape import contiguous
from analyzer.polynomial import ONE, ZERO, Poly, call, poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

Shape = tuple[Poly, ...]


def _one_dtype(layer: str, x: Tensor, *parameters: Tensor | None) -> None:
    """Raises Refused unless weight and bias are in the dtype of the input: the kernels read them so, and PyTorch stops or takes others."""
    other = next((t.dtype for t in parameters if t is not None and t.dtype != x.dtype), None)
    if other:
        raise Refused(f"{layer} takes one dtype: its input is {x.dtype}, but its weight or bias is {other}")


@primitive
def _layer_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, over: int) -> Rule:
    _one_dtype("layer_norm", x, weight, bias)
    statistics = Spec(x.shape[: len(x.shape) - over] + (ONE,) * over, plan.accumulated(x.dtype))
    order = _row_kernel(x, weight, bias, over)
    given = (name for name, tensor in (("weight", weight), ("bias", bias)) if tensor)
    return Rule(
        Spec(x.shape, x.dtype),
        plan.gradients("native_layer_norm_backward", ", ".join(("g", "x", "mean", "rstd", *given)), order),
        aux={"mean": statistics, "rstd": statistics},
        copies=(ZERO if is_contiguous(x) else x.bytes,),
        constants={"plan": order},
    )


def _row_kernel(x: Tensor, weight: Tensor | None, bias: Tensor | None, over: int) -> plan.Plan:
    """What the backward kernel makes: over many short rows, parameter gradients go through partial sums."""
    rows, width = product(x.shape[: len(x.shape) - over]), product(x.shape[len(x.shape) - over :])
    parameters = {n: t for n, t in (("weight", weight), ("bias", bias)) if t is not None and t.requires_grad}
    narrow = 32 * (sizes().device.sms // 2) - 1
    if not parameters or not plan.exceeds(rows, 64 * 1024) or plan.exceeds(width, narrow):
        return (plan.RowMajor("x"), *plan.results(x=x, **parameters), plan.RowMajor("g"))
    partials = call("layer_norm_partials", rows, width)
    scratch = reduction_scratch((partials, width), (width, ONE), [0])
    order: list[plan.Item] = [plan.RowMajor("x"), *plan.results(x=x)]
    order += [plan.Held(t.bytes, n) for n, t in parameters.items()]
    order += [plan.RowMajor("g"), *(plan.Held(partials * t.bytes) for t in parameters.values())]
    for name, tensor in parameters.items():
        order += [plan.result(name, tensor), plan.Brief(scratch), plan.Gone(name)]
    return tuple(order)


def _normalized(x: Tensor, given: list[Poly] | Poly | None, layer: str) -> Shape:
    """The trailing dimensions that are normalized. Raises Refused when the input has others."""
    listed = given if isinstance(given, list) else [given]
    shape = x.shape[-1:] if listed == [None] else tuple(poly(s) for s in listed if s is not None)
    if len(shape) > len(x.shape) or not all(sizes().same(a, b) for a, b in zip(shape, x.shape[-len(shape) :])):
        raise Refused(f"{layer} over {show(shape)}, but its input is {show(x.shape)} from {x.origin}")
    return shape


@op
def LayerNorm(x: Tensor, *, normalized_shape: list[Poly] | Poly | None = None, elementwise_affine: bool = True,
              bias: bool = True, eps: float = 1e-5) -> Tensor:  # fmt: skip
    """y = (x - mean) rstd w + b over the last dimensions"""
    shape = _normalized(x, normalized_shape, "LayerNorm")
    weight = current().parameter("weight", shape) if elementwise_affine else None
    shift = current().parameter("bias", shape) if elementwise_affine and bias else None
    y: Tensor = _layer_norm(x, weight, shift, len(shape))
    return y


@op
def layer_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *,
               normalized_shape: list[Poly] | Poly, eps: float = 1e-5) -> Tensor:  # fmt: skip
    """y = (x - mean) rstd w + b over the last dimensions"""
    y: Tensor = _layer_norm(x, weight, bias, len(_normalized(x, normalized_shape, "layer_norm")))
    return y


@primitive
def _rms_norm(x: Tensor, weight: Tensor | None, over: int) -> Rule:
    _one_dtype("rms_norm", x, weight)
    order = _row_kernel(x, weight, None, over)
    return Rule(
        Spec(x.shape, x.dtype),
        plan.gradients("rms_norm_backward", f"g, x, rstd{', weight' if weight else ''}", order),
        aux={"rstd": Spec(x.shape[: len(x.shape) - over] + (ONE,) * over, plan.accumulated(x.dtype))},
        copies=(ZERO if is_contiguous(x) else x.bytes,),
        constants={"plan": order},
    )


@op
def RMSNorm(x: Tensor, *, normalized_shape: list[Poly] | Poly | None = None, elementwise_affine: bool = True,
            eps: float | None = None, fused: bool = True) -> Tensor:  # fmt: skip
    """y = x w / √(mean x² + eps) over the last dimensions; fused: false is PyTorch before 2.9, several kernels"""
    shape = _normalized(x, normalized_shape, "RMSNorm")
    weight = current().parameter("weight", shape) if elementwise_affine else None
    if fused:
        y: Tensor = _rms_norm(x, weight, len(shape))
        return y
    normalized = _scaled(x, len(shape))
    return normalized if weight is None else mul(normalized, weight)


def _scaled(x: Tensor, over: int) -> Tensor:
    """x / √(mean x² + eps) by one kernel for each operation (rms_norm_composite)."""
    power, add_, rsqrt = (OPS[name].function for name in ("pow", "add_", "rsqrt"))
    squares = power(x, poly(2))
    average = mean(squares, dim=list(range(-over, 0)), keepdim=True)
    shifted = add_(average, ONE)
    scale = rsqrt(shifted)
    for temporary in (squares, average, shifted):
        current().release(temporary)  # type: ignore[arg-type]
    result: Tensor = mul(x, scale)
    return result


@primitive
def _group_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, num_groups: Poly) -> Rule:
    _one_dtype("group_norm", x, weight, bias)
    samples, channels = x.shape[:2]
    statistics = Spec((samples, num_groups), x.dtype)
    wide, narrow = (plan.vector(samples * n, plan.accumulated(x.dtype)) for n in (channels, num_groups))
    flat = sizes().is_one(product(x.shape[2:]))
    fused = ZERO if flat or not weight else wide
    upcast = ZERO if x.dtype == plan.accumulated(x.dtype) else narrow
    held = [wide, wide] + ([narrow, narrow, fused] if x.requires_grad else [])
    order = (plan.RowMajor("g"), *plan.results(x=x, weight=weight, bias=bias), *(plan.Held(h) for h in held))
    return Rule(
        Spec(x.shape, x.dtype),
        plan.gradients("native_group_norm_backward", f"g, x, mean, rstd{', weight' if weight else ''}", order),
        aux={"mean": statistics, "rstd": statistics},
        scratch=(upcast, upcast, fused, fused),
        constants={"plan": order},
    )


@op
def group_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, num_groups: Poly, eps: float = 1e-5) -> Tensor:
    """y = (x - mean) rstd w + b over each group of channels"""
    if len(x.shape) < 2:
        raise Refused(f"group_norm needs at least 2 dimensions, its input is {show(x.shape)} from {x.origin}")
    if not sizes().demand(x.shape[1] % num_groups, "==", 0):
        raise Refused(f"group_norm: {x.shape[1]!r} channels do not divide into {num_groups!r} groups")
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor and not (len(tensor.shape) == 1 and sizes().same(tensor.shape[0], x.shape[1])):
            raise Refused(f"group_norm needs a {name} of shape ({x.shape[1]!r}), not {show(tensor.shape)}")
    y: Tensor = _group_norm(x if is_contiguous(x) else contiguous(x), weight, bias, num_groups)
    return y


@op
def GroupNorm(x: Tensor, *, num_groups: Poly, affine: bool = True, eps: float = 1e-5) -> Tensor:
    """y = (x - mean) rstd w + b over each group of channels"""
    if len(x.shape) < 2:
        raise Refused(f"GroupNorm needs at least 2 dimensions, its input is {show(x.shape)} from {x.origin}")
    channels = x.shape[1]
    weight = current().parameter("weight", (channels,)) if affine else None
    bias = current().parameter("bias", (channels,)) if affine else None
    y: Tensor = group_norm(x, weight, bias, num_groups=num_groups)
    return y
