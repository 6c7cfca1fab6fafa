"""Which dtypes torch's words take on CUDA, where that is not all: whole numbers and bools are refused where PyTorch stops.

Source: what each word did over PyTorch 2.13's CUDA build with tensors of bool, int64 and float32 (`tests/data/dtypes.json`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from analyzer.graph import FLOATING, Tensor
from analyzer.ops.registry import Op
from analyzer.polynomial import Poly
from analyzer.tracing import Refused, current


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIRST_FLOATING = _words(
    """gelu silu SiLU silu_ mish elu ELU elu_ celu selu leaky_relu LeakyReLU leaky_relu_ PReLU softplus
    logsigmoid hardsigmoid hardswish Hardswish hardswish_ hardshrink softshrink glu
    sigmoid_ tanh_ exp_ sqrt_ rsqrt_ frac mean var std norm normalize logsumexp softmax Softmax Softmax2d log_softmax LogSoftmax
    softmin Softmin gumbel_softmax rand_like randn_like requires_grad_ interpolate Upsample UpsamplingNearest2d
    UpsamplingBilinear2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d AdaptiveAvgPool1d AdaptiveAvgPool2d
    AdaptiveAvgPool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
    AdaptiveMaxPool3d avg_pool1d avg_pool2d avg_pool3d AvgPool1d AvgPool2d AvgPool3d max_pool1d max_pool2d max_pool3d MaxPool1d
    MaxPool2d MaxPool3d lp_pool1d lp_pool2d lp_pool3d LPPool1d LPPool2d LPPool3d BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d
    InstanceNorm2d InstanceNorm3d instance_norm layer_norm rms_norm group_norm local_response_norm LocalResponseNorm mm bmm mv dot
    matmul linear einsum conv1d conv2d conv3d conv_transpose1d conv_transpose2d huber_loss cross_entropy
"""
)
ALL_FLOATING = _words(
    """lerp lerp_ prelu Bilinear kl_div binary_cross_entropy_with_logits grid_sample cosine_similarity
    pairwise_distance"""
)
SOME_FLOATING = _words("mse_loss smooth_l1_loss hypot logaddexp")
FIRST_NO_BOOL = _words(
    """floor ceil round trunc relu ReLU relu_ relu6 hardtanh Hardtanh hardtanh_ threshold
    tanhshrink clamp_ argmax argmin randint_like pow square ReflectionPad1d ReflectionPad2d ReflectionPad3d
    ReplicationPad1d ReplicationPad2d ReplicationPad3d"""
)
NO_BOOL = _words("neg neg_ sub rsub sub_ l1_loss")
SOME_NO_BOOL = _words("remainder fmod cross")
NO_INTEGER = _words("unfold fold Unfold Fold")
WRITTEN = _words("add_ sub_ mul_ div_")  # into the first operand, whose kind must hold the result
ONE_DTYPE = _words("lerp lerp_ prelu Bilinear grid_sample cross")  # of all operands, unless autocast makes it so
INSTEAD_OF_MINUS = "~x or logical_not inverts a mask, ^ or logical_xor compares two"


def accepted(op: Op, operands: Sequence[Any], attributes: Mapping[str, Any]) -> None:
    """Raises Refused where torch takes no tensors of these dtypes; an op that is told a dtype casts first."""
    name = op.declared.__name__  # of a module or an alias, the function that it is
    tensors = [t for operand in operands for t in (operand if isinstance(operand, list) else [operand]) if isinstance(t, Tensor)]
    if not tensors or attributes.get("dtype"):
        return
    dtypes = [tensor.dtype for tensor in tensors]
    _refuse_whole_numbers(name, dtypes)
    _refuse_bools(name, dtypes)
    if name in WRITTEN and _kind(name, tensors, operands) > _kind("", tensors[:1], ()):
        raise Refused(f"{name} cannot write its result into a tensor of {dtypes[0]}", "the op without _, or float: {in: x} first")
    if name == "cross_entropy" and len(tensors) > 1 and len(tensors[1].shape) == len(tensors[0].shape):
        _floating(f"{name} with a target of probabilities", dtypes[1:2])
    if name in ONE_DTYPE and len(set(dtypes)) > 1 and not current().autocast:
        raise Refused(f"{name} takes tensors of one dtype, not {' and '.join(dtypes)}", "type_as: {in: [x, y]} first")


def _refuse_whole_numbers(name: str, dtypes: Sequence[str]) -> None:
    if name in FIRST_FLOATING or (name in NO_INTEGER and dtypes[0] != "bool"):
        _floating(name, dtypes[:1])
    if name in ALL_FLOATING or (name in SOME_FLOATING and not FLOATING & set(dtypes)):
        _floating(name, dtypes)


def _refuse_bools(name: str, dtypes: Sequence[str]) -> None:
    if name in NO_BOOL and "bool" in dtypes:
        raise Refused(f"{name} takes no tensor of bool", INSTEAD_OF_MINUS)
    if (name in FIRST_NO_BOOL and dtypes[0] == "bool") or (name in SOME_NO_BOOL and set(dtypes) == {"bool"}):
        raise Refused(f"{name} takes no tensor of bool", "int: {in: x} or float: {in: x} first")


def _floating(name: str, dtypes: Iterable[str]) -> None:
    other = next((dtype for dtype in dtypes if dtype not in FLOATING), "")
    if other:
        raise Refused(f"{name} takes floating-point numbers, not {other}", "float: {in: x} first")


def _kind(name: str, tensors: Sequence[Tensor], operands: Sequence[Any]) -> int:
    """0 for bool, 1 for whole numbers, 2 for floating-point ones, as what is divided becomes."""
    numbers = [2 if isinstance(n.constant, Fraction) else 1 for n in operands if isinstance(n, Poly)]
    return 2 if name == "div_" else max([*numbers, *(0 if t.dtype == "bool" else 2 if t.dtype in FLOATING else 1 for t in tensors)])
