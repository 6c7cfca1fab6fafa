"""Resampling of lengths, images and volumes to another size.

Sources: torch/nn/functional.py (interpolate), ATen/native/UpSample*.cpp, ATen/native/cuda/UpSampleNearest1d.cu,
UpSampleNearest2d.cu, UpSampleNearest3d.cu, UpSampleBilinear2d.cu; torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from analyzer.evaluate import exact
from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.memory_format import copied, laid
from analyzer.ops.pooling_adaptive import average
from analyzer.ops.pooling_windows import is_last
from analyzer.ops.registry import Ratio, op, primitive
from analyzer.ops.spatial import each
from analyzer.polynomial import ZERO, Poly, call, opened, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show
from analyzer.work import Work

MODES = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
    "area": (1, 2, 3),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resampling:
    """The backward of a resampling: over how many dimensions, and whether it may make its gradient channels-last."""

    rank: int
    follows: bool


@primitive
def _upsample(x: Tensor, extent: Shape, mode: str) -> Rule:
    rank = len(extent)
    shape, last = (*x.shape[:2], *extent), is_last(x, rank)
    out = Spec(shape, x.dtype, laid(shape, last))
    scratch: tuple[Poly, ...] = ()
    if mode.startswith("nearest"):
        wide = last and rank == 2 and plan.exceeds(x.shape[1], 3)  # a kernel of its own reads four channels or more as they lie
        scratch = (copied(x, True),) if wide else (out.bytes if last else ZERO, copied(x, False))
    follows = mode in ("bilinear", "trilinear") or (rank == 2 and mode != "bicubic")
    return Rule(out, {"x": "upsample_backward(g)"}, scratch=scratch, constants={"resampling": Resampling(rank, follows)},
                work=Work(reads={"x": call("min", x.bytes, out.bytes)}))  # fmt: skip


def _resized(x: Tensor, size: list[Poly] | Poly | None, scale_factor: list[Poly] | Poly | None, mode: str,
             align_corners: bool | None) -> Tensor:  # fmt: skip
    """F.interpolate. Raises Refused for arguments that do not go together."""
    rank = len(x.shape) - 2
    if mode not in MODES:
        raise Refused(f"interpolate has no mode '{mode}'", f"one of: {', '.join(MODES)}")
    if rank not in MODES[mode]:
        wanted = " or ".join(str(r + 2) for r in MODES[mode])
        raise Refused(f"mode '{mode}' takes {wanted} dimensions, its input is {show(x.shape)} from {x.origin}")
    if (size is None) == (scale_factor is None):
        raise Refused("interpolate takes either size or scale_factor")
    if align_corners is not None and (mode.startswith("nearest") or mode == "area"):
        raise Refused(f"mode '{mode}' has no align_corners")
    if size is not None:
        extent = each(size, rank, "size")
    else:
        assert scale_factor is not None
        extent = tuple(_scaled(n, factor) for n, factor in zip(x.shape[2:], each(scale_factor, rank, "scale_factor")))
    if any(sizes().number(n) < 1 for n in extent):
        raise Refused(f"interpolate of {show(x.shape)} would have sizes {show(extent)}", "sizes are at least 1")
    if mode == "area":
        return average(x, rank, list(extent))
    y: Tensor = _upsample(x, extent, mode)
    return y


def _scaled(size: Poly, factor: Poly) -> Poly:
    """⌊size factor⌋ as a double is rounded down. Raises Refused where the product of doubles is below the exact one."""
    number = exact(factor, sizes().values)
    if floor(float(sizes().number(size)) * float(number)) != floor(sizes().number(size) * number):
        raise Refused(f"scale_factor {float(number):g} of {size!r} is rounded by PyTorch to another size", "give size instead")
    whole, part = factor.constant, opened(size) * factor
    if whole is None or whole == int(whole):
        return call("size", part)
    return call("floordiv", opened(size) * poly(whole.numerator), poly(whole.denominator))


@op
def interpolate(x: Tensor, *, size: list[Poly] | Poly | None = None, scale_factor: list[Poly] | Ratio | None = None,
                mode: str = "nearest", align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """y = x at more or fewer places: size, or scale_factor times as many"""
    return _resized(x, size, scale_factor, mode, align_corners)


@op
def Upsample(x: Tensor, *, size: list[Poly] | Poly | None = None, scale_factor: list[Poly] | Ratio | None = None,
             mode: str = "nearest", align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """y = x at more or fewer places: size, or scale_factor times as many"""
    return _resized(x, size, scale_factor, mode, align_corners)


@op
def UpsamplingNearest2d(x: Tensor, *, size: list[Poly] | Poly | None = None,
                        scale_factor: list[Poly] | Ratio | None = None) -> Tensor:  # fmt: skip
    """y = an image at more places, each with the nearest value"""
    return _resized(x, size, scale_factor, "nearest", None)


@op
def UpsamplingBilinear2d(x: Tensor, *, size: list[Poly] | Poly | None = None,
                         scale_factor: list[Poly] | Ratio | None = None) -> Tensor:  # fmt: skip
    """y = an image at more places, between the values around them"""
    return _resized(x, size, scale_factor, "bilinear", True)
