"""The kernels of convolutions: cuDNN's, or PyTorch's own for one filter a channel. cuDNN's workspace is not part of these rules.

Sources: ATen/native/Convolution.cpp (_convolution, convolution_backward, use_cudnn_depthwise,
check_cudnn_depthwise_workload_with_filter), ATen/native/cudnn/ConvShared.cpp; torch 2.7 and 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from analyzer.graph import ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops.memory_format import copied, is_channels_last, laid
from analyzer.ops.plan import exceeds
from analyzer.ops.registry import prepared, primitive
from analyzer.ops.spatial import Window
from analyzer.polynomial import ONE, ZERO, Poly, call, poly, product
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
    here, half = sizes(), (current().autocast or x.dtype) == "float16"
    channels = x.shape[1]
    alone = groups != ONE and here.agree(groups, channels) and not here.is_one(channels) and here.agree(weight.shape[0] % channels, ZERO)
    if not alone or _reads_channels_last(x):
        return CUDNN
    if moved.rank == 3:
        return OWN_3D
    return CUDNN if half and not here.below(channels, poly(32)) and _is_fast(x, moved) else OWN


def _is_fast(x: Tensor, moved: Window) -> bool:
    """The sizes at which cuDNN's kernel is taken for fp16. A length counts as an image of height 1."""
    here, last = sizes(), moved.stride[-1]
    flat = moved.rank == 1 or here.is_one(x.shape[2])
    if not all(map(here.is_one, moved.dilation)) or not (flat or here.agree(moved.stride[0], last)):
        return False
    if flat and here.is_one(last):
        return True
    if not _is_small_square(moved) or _under(x.shape[-1], 7) or exceeds(last, 2):
        return False
    pointwise, alone = here.is_one(moved.kernel[0]), here.is_one(x.shape[0])
    if here.is_one(last) or (alone and (not pointwise or _under(x.shape[-1], 29))):
        return True
    channels, width = x.shape[1], x.shape[-1]
    if pointwise:
        return not alone and _under(x.shape[0], 17) and not _under(channels, 128) and _under(width, 8)
    return not alone and (not _under(channels, 512) or (not _under(channels, 256) and not _under(width, 28)))


def _is_small_square(moved: Window) -> bool:
    """Whether all sides of the filter are 1, 3 or 5; a length counts as an image of height 1."""
    sides, agree = (*moved.kernel, *((ONE,) if moved.rank == 1 else ())), sizes().agree
    return all(agree(side, sides[0]) for side in sides[1:]) and any(agree(sides[0], poly(n)) for n in (1, 3, 5))


def _under(size: Poly, bound: int) -> bool:
    return not exceeds(size, bound - 1)


def divided(channels: Poly, groups: Poly) -> Poly:
    """The channels of a group. Raises Refused where they do not divide."""
    if sizes().number(groups) < 1 or not sizes().demand(channels % groups, "==", 0):
        raise Refused(f"{channels!r} channels do not divide into {groups!r} groups")
    return channels / groups
