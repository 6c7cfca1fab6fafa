"""Pooling by the average of a window, or by a power mean.

Sources: ATen/native/cuda/AveragePool2d.cu, AveragePool3d.cu, ATen/native/Pooling.cpp (avg_pool1d),
torch/nn/functional.py (lp_pool2d); torch 2.13.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.activation import relu
from analyzer.ops.elementwise import mul, statement
from analyzer.ops.memory_format import copied, laid
from analyzer.ops.pooling_windows import Pooling, flattened, is_last, pooled, raised
from analyzer.ops.registry import OPS, op, primitive
from analyzer.ops.spatial import each, window
from analyzer.polynomial import ONE, ZERO, Poly, poly, product
from analyzer.tracing import Refused

Each = list[Poly] | Poly


@primitive
def _avg_pool(x: Tensor, extent: Shape) -> Rule:
    rank = len(extent)
    last = rank == 2 and is_last(x, rank)
    shape = (*x.shape[:-rank], *extent)
    read = (("x", laid(x.shape, last)),) if rank == 2 else ()
    return Rule(
        Spec(shape, x.dtype, laid(shape, last)),
        {"x": "pooling_backward(g, x)"},
        scratch=(copied(x, last),),
        constants={"pooling": Pooling(laid(x.shape, last), (*read, ("g", laid(shape, last))))},
    )


def _average(x: Tensor, rank: int, kernel_size: Each, stride: Each | None, padding: Each, ceil_mode: bool) -> Tensor:
    """The averages; a length is an image of height 1."""
    moved = window(rank, kernel_size, kernel_size if stride is None else stride, padding, ONE)
    extent = pooled(x, moved, ceil_mode, f"avg_pool{rank}d")
    if rank == 1:
        image = raised(x)
        return statement(flattened(_avg_pool(image, (ONE, *extent))), image)
    y: Tensor = _avg_pool(x, extent)
    return y


def _power_mean(x: Tensor, rank: int, norm_type: float, kernel_size: Each, stride: Each | None, ceil_mode: bool) -> Tensor:
    """The averages of powers, by a chain of ops as Python writes it."""
    if not 0 < norm_type < float("inf"):
        raise Refused(f"lp_pool{rank}d has no norm_type {norm_type:g}", "expected a positive number")
    power, sign, absolute = (OPS[name].function for name in ("pow", "sign", "abs"))
    powers: Any = power(x, poly(Fraction(norm_type)))
    out = statement(_average(powers, rank, kernel_size, stride, ZERO, ceil_mode), powers)
    signs: Any = sign(out)
    magnitudes: Any = absolute(out)
    positive = statement(relu(magnitudes), magnitudes)
    signed = statement(mul(signs, positive), signs, positive)
    scaled = statement(mul(signed, product(each(kernel_size, rank, "kernel_size"))), signed)
    root: Any = power(scaled, poly(1 / Fraction(norm_type)))
    return statement(root, scaled)


@op
def avg_pool1d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:  # fmt: skip
    """y = the average of every window of a length"""
    return _average(x, 1, kernel_size, stride, padding, ceil_mode)


@op
def avg_pool2d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Poly | None = None) -> Tensor:  # fmt: skip
    """y = the average of every window of an image"""
    return _average(x, 2, kernel_size, stride, padding, ceil_mode)


@op
def avg_pool3d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Poly | None = None) -> Tensor:  # fmt: skip
    """y = the average of every window of a volume"""
    return _average(x, 3, kernel_size, stride, padding, ceil_mode)


@op
def AvgPool1d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:  # fmt: skip
    """y = the average of every window of a length"""
    return _average(x, 1, kernel_size, stride, padding, ceil_mode)


@op
def AvgPool2d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Poly | None = None) -> Tensor:  # fmt: skip
    """y = the average of every window of an image"""
    return _average(x, 2, kernel_size, stride, padding, ceil_mode)


@op
def AvgPool3d(x: Tensor, *, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None, padding: list[Poly] | Poly = ZERO,
              ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Poly | None = None) -> Tensor:  # fmt: skip
    """y = the average of every window of a volume"""
    return _average(x, 3, kernel_size, stride, padding, ceil_mode)


@op
def lp_pool1d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
              ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of a length"""
    return _power_mean(x, 1, norm_type, kernel_size, stride, ceil_mode)


@op
def lp_pool2d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
              ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of an image"""
    return _power_mean(x, 2, norm_type, kernel_size, stride, ceil_mode)


@op
def lp_pool3d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
              ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of a volume"""
    return _power_mean(x, 3, norm_type, kernel_size, stride, ceil_mode)


@op
def LPPool1d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
             ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of a length"""
    return _power_mean(x, 1, norm_type, kernel_size, stride, ceil_mode)


@op
def LPPool2d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
             ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of an image"""
    return _power_mean(x, 2, norm_type, kernel_size, stride, ceil_mode)


@op
def LPPool3d(x: Tensor, *, norm_type: float, kernel_size: list[Poly] | Poly, stride: list[Poly] | Poly | None = None,
             ceil_mode: bool = False) -> Tensor:  # fmt: skip
    """y = (Σ x^p)^(1/p) over every window of a volume"""
    return _power_mean(x, 3, norm_type, kernel_size, stride, ceil_mode)
