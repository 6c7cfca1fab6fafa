"""Padding: copies with more entries around them.

Sources: torch/nn/modules/padding.py, ATen/native/PadNd.cpp, ATen/native/ReflectionPad.cpp, ReplicationPadding.cpp; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.creation import made
from analyzer.ops.inplace import copy_
from analyzer.ops.joining import slice
from analyzer.ops.layout import is_contiguous
from analyzer.ops.memory_format import is_channels_last, laid
from analyzer.ops.registry import op, primitive
from analyzer.ops.spatial import each, positive
from analyzer.polynomial import ZERO, Poly, call, opened, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show

Each = list[Poly] | Poly
Pads = list[tuple[int, tuple[Poly, Poly]]]  # a dimension, and entries before and behind
MODES = ("constant", "reflect", "replicate", "circular")


def _padded(x: Tensor, pad: list[Poly]) -> Shape:
    """Sizes with `pad` entries more: two numbers for each dimension, the last one first."""
    if len(pad) % 2 or len(pad) > 2 * len(x.shape):
        raise Refused(f"pad needs two numbers for each of up to {len(x.shape)} dimensions, not {len(pad)}")
    shape = list(x.shape)
    for i in range(len(pad) // 2):
        shape[-1 - i] = call("size", opened(shape[-1 - i]) + pad[2 * i] + pad[2 * i + 1])
    return tuple(shape)


@primitive
def _constant_pad(x: Tensor, shape: Shape) -> Rule:
    return Rule(Spec(shape, x.dtype, laid(shape, is_channels_last(x.shape, x.strides))), {"x": "cropped(g)"})


@primitive
def _mirror_pad(x: Tensor, shape: Shape) -> Rule:
    return Rule(Spec(shape, x.dtype), {"x": "row_major(g, x)"}, scratch=() if is_contiguous(x) else (x.bytes,))


@primitive
def _edge_pad(x: Tensor, shape: Shape) -> Rule:
    return Rule(Spec(shape, x.dtype), {"x": "row_major(g, x)"})


def _circular_pad(x: Tensor, shape: Shape, pads: Pads) -> Tensor:
    """_pad_circular: x copied into the middle of a new tensor, then both ends of each dimension from its other end."""
    y: Tensor = made(list(shape), x.dtype)
    inner, source = y, x
    for dim, (before, after) in pads:
        inner = slice(inner, dim=dim, start=_more(before), length=inner.shape[dim] - _more(before) - _more(after))
        source = slice(source, dim=dim, start=_more(-before), length=inner.shape[dim])
    copy_(inner, source)
    for dim, (before, after) in pads:
        size = y.shape[dim]
        for length, start, end in ((before, ZERO, size - before - _more(after)), (after, size - after, _more(before))):
            if sizes().number(length) > 0:
                target = slice(y, dim=dim, start=start, length=length)
                copy_(target, slice(y, dim=dim, start=end, length=length))
    return current().current(y)


def _more(size: Poly) -> Poly:
    """How many entries are added, none where some are taken away."""
    return size if sizes().number(size) > 0 else ZERO


KERNELS = {"constant": _constant_pad, "reflect": _mirror_pad, "replicate": _edge_pad}


@op
def pad(x: Tensor, *, pad: list[Poly], mode: str = "constant", value: float = 0.0) -> Tensor:
    """y = x with more entries around it: a value, or what reflect, replicate or circular take from x"""
    if mode not in MODES:
        raise Refused(f"pad has no mode '{mode}'", f"one of: {', '.join(MODES)}")
    if mode != "constant" and len(pad) // 2 not in (len(x.shape) - 1, len(x.shape) - 2):
        raise Refused(f"mode {mode} pads all dimensions but batch and channels of {show(x.shape)}")
    shape = _padded(x, pad)
    if not all(map(positive, shape)):
        raise Refused(f"pad takes all of {show(x.shape)} away")
    if mode in ("reflect", "circular"):
        _check_taken(x, pad, mode)
    if mode == "circular":
        return _circular_pad(x, shape, [(len(x.shape) - 1 - i, (poly(pad[2 * i]), poly(pad[2 * i + 1]))) for i in range(len(pad) // 2)])
    y: Tensor = KERNELS[mode](x, shape)
    return y


def _check_taken(x: Tensor, pad: list[Poly], mode: str) -> None:
    """Raises Refused where a dimension has fewer entries than are taken from it; a mirror does not take the outermost."""
    for i, size in enumerate(map(poly, pad)):
        if not sizes().demand(size, "<=", x.shape[-1 - i // 2] - (1 if mode == "reflect" else 0)):
            count, dim = sizes().number(size), len(x.shape) - 1 - i // 2
            raise Refused(f"mode {mode} cannot take {count} entries from dimension {dim} of {show(x.shape)}")


def _layer(x: Tensor, rank: int, padding: Each, mode: str, value: float = 0.0) -> Tensor:
    """What a module pads: `rank` dimensions from the last, by a number for both ends of each."""
    if mode != "constant" and len(x.shape) not in (rank + 1, rank + 2):
        raise Refused(f"this padding takes {rank + 1} or {rank + 2} dimensions, its input is {show(x.shape)} from {x.origin}")
    y: Tensor = pad(x, pad=list(each(padding, 2 * rank, "padding")), mode=mode, value=value)
    return y


@op
def ZeroPad1d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with zeros around it: numbers for both ends of the last dimension"""
    return _layer(x, 1, padding, "constant")


@op
def ZeroPad2d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with zeros around it: numbers for both ends of the last two dimensions, the last one first"""
    return _layer(x, 2, padding, "constant")


@op
def ZeroPad3d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with zeros around it: numbers for both ends of the last three dimensions, the last one first"""
    return _layer(x, 3, padding, "constant")


@op
def ConstantPad1d(x: Tensor, *, padding: list[Poly] | Poly, value: float) -> Tensor:
    """y = x with a value around it: numbers for both ends of the last dimension"""
    return _layer(x, 1, padding, "constant", value)


@op
def ConstantPad2d(x: Tensor, *, padding: list[Poly] | Poly, value: float) -> Tensor:
    """y = x with a value around it: numbers for both ends of the last two dimensions, the last one first"""
    return _layer(x, 2, padding, "constant", value)


@op
def ConstantPad3d(x: Tensor, *, padding: list[Poly] | Poly, value: float) -> Tensor:
    """y = x with a value around it: numbers for both ends of the last three dimensions, the last one first"""
    return _layer(x, 3, padding, "constant", value)


@op
def ReflectionPad1d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its own entries mirrored around it: numbers for both ends of the last dimension"""
    return _layer(x, 1, padding, "reflect")


@op
def ReflectionPad2d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its own entries mirrored around it: numbers for both ends of the last two dimensions, the last one first"""
    return _layer(x, 2, padding, "reflect")


@op
def ReflectionPad3d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its own entries mirrored around it: numbers for both ends of the last three dimensions, the last one first"""
    return _layer(x, 3, padding, "reflect")


@op
def ReplicationPad1d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its first and last entries around it: numbers for both ends of the last dimension"""
    return _layer(x, 1, padding, "replicate")


@op
def ReplicationPad2d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its first and last entries around it: numbers for both ends of the last two dimensions, the last one first"""
    return _layer(x, 2, padding, "replicate")


@op
def ReplicationPad3d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with its first and last entries around it: numbers for both ends of the last three dimensions, the last one first"""
    return _layer(x, 3, padding, "replicate")


@op
def CircularPad1d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with the entries of its other end around it: numbers for both ends of the last dimension"""
    return _layer(x, 1, padding, "circular")


@op
def CircularPad2d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with the entries of its other end around it: numbers for both ends of the last two dimensions, the last one first"""
    return _layer(x, 2, padding, "circular")


@op
def CircularPad3d(x: Tensor, *, padding: list[Poly] | Poly) -> Tensor:
    """y = x with the entries of its other end around it: numbers for both ends of the last three dimensions, the last one first"""
    return _layer(x, 3, padding, "circular")
