"""Copies whose elements stand in other places: rolled, flipped, cut, or unfolded into windows."""

from __future__ import annotations

from analyzer.graph import Rule, Shape, Spec, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.layout import dimension, is_contiguous
from analyzer.ops.registry import op, primitive
from analyzer.ops.spatial import positive
from analyzer.polynomial import Poly, call, opened, poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show


@primitive
def _roll(x: Tensor, count: int) -> Rule:
    beside = count - 1 if is_contiguous(x) else max(1, count - 1)
    return Rule(Spec(x.shape, x.dtype), {"x": "roll(g, count)"}, copies=(x.bytes,) * beside)


@op
def roll(x: Tensor, *, shifts: list[int] | int, dims: list[int] | int | None = None) -> Tensor:
    """y = x shifted along dimensions, what leaves at one end coming in at the other"""
    wanted = [] if dims is None else [dims] if isinstance(dims, int) else dims
    if wanted and len(wanted) != (1 if isinstance(shifts, int) else len(shifts)):
        raise Refused(f"roll has shifts {shifts} for dimensions {dims}")
    for d in wanted:
        dimension(d, len(x.shape))
    y: Tensor = _roll(x, max(1, len(wanted)))
    return y


@op
@primitive
def flip(x: Tensor, *, dims: list[int]) -> Rule:
    """y = x backwards along dimensions"""
    for d in dims:
        dimension(d, len(x.shape))
    return Rule(result(x), {"x": "flip(g)"})


@op
@primitive
def tril(x: Tensor, *, diagonal: int = 0) -> Rule:
    """y = x below and on a diagonal, else 0"""
    return Rule(Spec(x.shape, x.dtype), {"x": "row_major(g)"})


@op
@primitive
def triu(x: Tensor, *, diagonal: int = 0) -> Rule:
    """y = x above and on a diagonal, else 0"""
    return Rule(Spec(x.shape, x.dtype), {"x": "row_major(g)"})


@primitive
def _shuffle(x: Tensor, shape: Shape) -> Rule:
    return Rule(Spec(shape, x.dtype), {"x": "row_major(g)"})


def _image(x: Tensor) -> Shape:
    """The shape of what has channels, rows and columns. Raises Refused for anything else."""
    if len(x.shape) < 3:
        raise Refused(f"expected (c, h, w) or (n, c, h, w), not {show(x.shape)}")
    return x.shape


@op
def pixel_shuffle(x: Tensor, *, upscale_factor: Poly) -> Tensor:
    """y = x with r² channels laid out as r by r pixels: (c r², h, w) to (c, h r, w r)"""
    *outer, c, h, w = _image(x)
    y: Tensor = _shuffle(x, (*outer, c / upscale_factor**2, h * upscale_factor, w * upscale_factor))
    return y


@op
def pixel_unshuffle(x: Tensor, *, downscale_factor: Poly) -> Tensor:
    """y = x with r by r pixels laid out as r² channels: (c, h r, w r) to (c r², h, w)"""
    *outer, c, h, w = _image(x)
    y: Tensor = _shuffle(x, (*outer, c * downscale_factor**2, h / downscale_factor, w / downscale_factor))
    return y


@op
def PixelShuffle(x: Tensor, *, upscale_factor: Poly) -> Tensor:
    """y = x with r² channels laid out as r by r pixels: (c r², h, w) to (c, h r, w r)"""
    y: Tensor = pixel_shuffle(x, upscale_factor=upscale_factor)
    return y


@op
def PixelUnshuffle(x: Tensor, *, downscale_factor: Poly) -> Tensor:
    """y = x with r by r pixels laid out as r² channels: (c, h r, w r) to (c r², h, w)"""
    y: Tensor = pixel_unshuffle(x, downscale_factor=downscale_factor)
    return y


def pair(value: list[Poly] | Poly) -> tuple[Poly, Poly]:
    """A size for both dimensions of an image, or one for each."""
    first, second = value if isinstance(value, list) else (value, value)
    return poly(first), poly(second)


@primitive
def _im2col(x: Tensor, shape: Shape) -> Rule:
    copied = () if is_contiguous(x) else (x.bytes,)
    size, grown = resized(x.bytes, Spec(shape, x.dtype).bytes)
    return Rule(Spec(shape, x.dtype, size=size), {"x": "col2im(g)"}, scratch=(*copied, *grown))


def resized(first: Poly, wanted: Poly) -> tuple[Poly, tuple[Poly, ...]]:
    """Tensor.resize_ of a fresh tensor: its storage afterwards, and the first one where it had to be replaced."""
    here = sizes()
    if first == wanted or here.number(first) >= here.number(wanted):
        if first != wanted:
            here.assume(first, ">=", wanted)
        return first, ()
    here.assume(wanted, ">=", first + 1)
    return wanted, (first,)


@op
def unfold(x: Tensor, *, kernel_size: list[Poly] | Poly, dilation: list[Poly] | Poly = poly(1), padding: list[Poly] | Poly = poly(0),
           stride: list[Poly] | Poly = poly(1)) -> Tensor:  # fmt: skip
    """y = the windows of an image: (n, c, h, w) to (n, c k k, number of windows)"""
    if len(x.shape) != 4:
        raise Refused(f"unfold takes (n, c, h, w), not {show(x.shape)}")
    settings = zip(x.shape[2:], pair(kernel_size), pair(dilation), pair(padding), pair(stride))
    windows = [call("size", (opened(n) + 2 * p - d * (k - 1) - 1 + s) // s) for n, k, d, p, s in settings]
    if not all(map(positive, windows)):
        raise Refused(f"a kernel of {show(pair(kernel_size))} does not fit into {show(x.shape[2:])}")
    y: Tensor = _im2col(x, (x.shape[0], x.shape[1] * product(pair(kernel_size)), product(windows)))
    return y


@primitive
def _col2im(x: Tensor, shape: Shape) -> Rule:
    copied = () if is_contiguous(x) else (x.bytes,)
    size, grown = resized(x.bytes, Spec(shape, x.dtype).bytes)
    return Rule(Spec(shape, x.dtype, size=size), {"x": "im2col(g)"}, scratch=(*copied, *grown))


@op
def fold(x: Tensor, *, output_size: list[Poly] | Poly, kernel_size: list[Poly] | Poly, dilation: list[Poly] | Poly = poly(1),
         padding: list[Poly] | Poly = poly(0), stride: list[Poly] | Poly = poly(1)) -> Tensor:  # fmt: skip
    """y = the sum of windows where they lie in an image: (n, c k k, number of windows) to (n, c, h, w)"""
    settings = zip(pair(output_size), pair(kernel_size), pair(dilation), pair(padding), pair(stride))
    windows = [call("size", (opened(n) + 2 * p - d * (k - 1) - 1 + s) // s) for n, k, d, p, s in settings]
    inside, here = product(pair(kernel_size)), sizes()
    if len(x.shape) != 3 or not here.demand(x.shape[1] % inside, "==", 0) or not all(map(positive, windows)):
        raise Refused(f"fold takes (n, c times {inside!r}, windows), not {show(x.shape)}")
    if not here.same(product(windows), x.shape[2]):
        raise Refused(f"{show(pair(output_size))} has {product(windows)!r} windows, not {x.shape[2]!r}")
    y: Tensor = _col2im(x, (x.shape[0], x.shape[1] / inside, *pair(output_size)))
    return y


@op
def Fold(x: Tensor, *, output_size: list[Poly] | Poly, kernel_size: list[Poly] | Poly, dilation: list[Poly] | Poly = poly(1),
         padding: list[Poly] | Poly = poly(0), stride: list[Poly] | Poly = poly(1)) -> Tensor:  # fmt: skip
    """y = the sum of windows where they lie in an image: (n, c k k, number of windows) to (n, c, h, w)"""
    y: Tensor = fold(x, output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
    return y


@op
def Unfold(x: Tensor, *, kernel_size: list[Poly] | Poly, dilation: list[Poly] | Poly = poly(1), padding: list[Poly] | Poly = poly(0),
           stride: list[Poly] | Poly = poly(1)) -> Tensor:  # fmt: skip
    """y = the windows of an image: (n, c, h, w) to (n, c k k, number of windows)"""
    y: Tensor = unfold(x, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
    return y
