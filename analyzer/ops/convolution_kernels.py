"""The kernels of convolutions: cuDNN's, or PyTorch's own for one filter a channel. cuDNN's workspace is not part of these rules.

Sources: ATen/native/Convolution.cpp (_convolution, convolution_backward, use_cudnn_depthwise,
check_cudnn_depthwise_workload_with_filter), ATen/native/cudnn/ConvShared.cpp; torch 2.7 and 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from analyzer.graph import ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops.memory_format import copied, is_channels_last, laid
from analyzer.ops.registry import prepared, primitive
from analyzer.ops.spatial import Window
from analyzer.polynomial import Poly, call, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current
from analyzer.work import TF32, Work, multiplied

CUDNN, TRANSPOSED, OWN, OWN_3D = "cudnn", "transposed", "own", "own 3d"


@dataclass(frozen=True, slots=True)
class Convolution:
    """What the backward of a convolution needs to know: which kernel, in which memory format, what is trained."""

    kernel: str
    channels_last: bool
    trained: tuple[str, ...]  # of x, weight, bias

    @property
    def weight_is_reordered(self) -> bool:
        """Whether the kernel reads the weight in the format of the images."""
        return self.channels_last and self.kernel in (CUDNN, TRANSPOSED)


@primitive
def _convolution(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Shape, kernel: str, channels_last: bool) -> Rule:
    inputs = {"x": x, "weight": weight} | ({} if bias is None else {"bias": bias})
    trained = tuple(name for name, tensor in inputs.items() if tensor.requires_grad)
    made = Convolution(kernel, channels_last, trained)
    return Rule(
        Spec(shape, x.dtype, laid(shape, channels_last)),
        {name: f"convolution_backward('{name}', g, x, weight)" for name in trained},
        copies=(copied(x, channels_last),),
        scratch=(copied(weight, made.weight_is_reordered),),
        constants={"convolution": made},
        work=_work(x, weight, shape, made),
    )


WINOGRAD = Fraction(1, 4)  # multiplications left by F(4 x 4, 3 x 3): 36 for 16 results of 9 each


def _work(x: Tensor, weight: Tensor, shape: Shape, made: Convolution) -> Work:
    """Every filter at every position; fp32 goes through TF32 (torch.backends.cudnn.allow_tf32 is True by default)."""
    at = x.shape[2:] if made.kernel == TRANSPOSED else shape[2:]
    flops = multiplied(x.shape[0], *at, *weight.shape)
    times = sum(name in made.trained for name in ("x", "weight"))
    share = Fraction(1) if all(k == 1 for k in weight.shape[2:]) else WINOGRAD
    dtype = TF32 if x.dtype == "float32" else x.dtype
    seen = product((*x.shape[:2], *at, *weight.shape[2:])) * ITEMSIZE[x.dtype]  # less than all where strides pass over some of it
    reads = {} if made.kernel == TRANSPOSED else {"x": call("min", x.bytes, seen)}
    return Work(flops, {"convolution_backward": flops * times}, dtype, share, reads)


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None, channels: Poly, extent: Shape, kernel: str) -> Tensor:
    """A result of so many channels and such an extent. Images and volumes are read row-major or channels-last, lengths row-major."""
    with prepared("conv_transpose" if kernel == TRANSPOSED else "convolution", (x, weight, bias)) as (x, weight, bias):
        if x.dtype != weight.dtype:
            raise Refused(f"a convolution takes one dtype: its input is {x.dtype}, but its weight is {weight.dtype}")
        channels_last = _reads_channels_last(x)
        y: Tensor = _convolution(x, weight, bias, (x.shape[0], channels, *extent), kernel, channels_last)
        return y


def _reads_channels_last(x: Tensor) -> bool:
    return x.dtype != "float64" and is_channels_last(x.shape, x.strides)


def kernel_of(x: Tensor, weight: Tensor, moved: Window, groups: Poly) -> str:
    """Which kernel runs: PyTorch has its own for one filter a channel, and uses cuDNN's where that is faster."""
    number, half = sizes().number, (current().autocast or x.dtype) == "float16"
    channels = number(x.shape[1])
    alone = number(groups) == channels > 1 and not number(weight.shape[0]) % channels
    if not alone or _reads_channels_last(x):
        return CUDNN
    if moved.rank == 3:
        return OWN_3D
    return CUDNN if half and channels >= 32 and _is_fast(x, moved) else OWN


def _is_fast(x: Tensor, moved: Window) -> bool:
    """The sizes at which cuDNN's kernel is taken for fp16. A length counts as an image of height 1."""
    number, flat = sizes().number, moved.rank == 1 or sizes().number(x.shape[2]) == 1
    batch, channels, width, stride = (number(s) for s in (x.shape[0], x.shape[1], x.shape[-1], moved.stride[-1]))
    filters = {number(k) for k in moved.kernel} | ({1} if moved.rank == 1 else set())
    if any(number(d) > 1 for d in moved.dilation) or not (flat or number(moved.stride[0]) == stride):
        return False
    if flat and stride == 1:
        return True
    if len(filters) > 1 or not filters <= {1, 3, 5} or width < 7 or stride > 2:
        return False
    if stride == 1 or (batch == 1 and (filters != {1} or width <= 28)):
        return True
    if filters == {1}:
        return 1 < batch <= 16 and channels >= 128 and width <= 7
    return batch > 1 and (channels >= 512 or (channels >= 256 and width >= 28))


def divided(channels: Poly, groups: Poly) -> Poly:
    """The channels of a group. Raises Refused where they do not divide."""
    if sizes().number(groups) < 1 or not sizes().demand(channels % groups, "==", 0):
        raise Refused(f"{channels!r} channels do not divide into {groups!r} groups")
    return channels / groups
