"""Linear layers with quantized weights, for inference: as torchao keeps and multiplies them.

int8: a byte an element, a scale in fp32 and a zero point of a byte per output feature; the weight is cast for the product,
the scale applied to the result. float8: a byte an element and a scale in fp32 per output feature; the weight is dequantized
for the product, through fp32. int4: half a byte an element in tiles of 8 rows and 1,024 columns, and a scale and a zero point in
bf16 per group of 128 columns; the input is padded with zeros to whole tiles. A weight whose columns are not whole groups is kept
as it is.

Source: torchao 0.18 (Int8WeightOnlyConfig, Float8WeightOnlyConfig, Int4WeightOnlyConfig with tile_packed_to_4d):
quantization/quantize_/workflows/int8/int8_tensor.py, float8/float8_tensor.py, int4/int4_tile_packed_to_4d_tensor.py,
quantization/quant_primitives.py (_dequantize_affine_float8); ATen/native/cuda/int4mm.cu, PadNd.cpp; torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.conversion import to
from analyzer.ops.elementwise import add, mul
from analyzer.ops.matmul import matmul, transposed
from analyzer.ops.padding import pad
from analyzer.ops.registry import primitive
from analyzer.ops.shape import as_shape, leading_columns
from analyzer.polynomial import ONE, ZERO, Poly, call, poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current
from analyzer.work import Work, multiplied

GROUP, ROWS, COLUMNS = 128, 8, 1024  # of 4-bit weights: columns of a group, rows and columns of a tile
TENSOR_CORES = 80  # compute capability


def covers(kind: str, width: Poly) -> bool:
    """Whether a weight with so many columns is quantized: in int4 only one whose columns are whole groups."""
    if kind != "int4":
        return bool(kind)
    rest = call("mod", width, GROUP)
    whole = sizes().number(rest) == 0
    if width.constant is None:
        sizes().assume(rest, "==" if whole else "!=", 0)
    return whole


@primitive
def _add_inplace(x: Tensor, other: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {}, inplace="x")


def linear(x: Tensor, kind: str, out_features: Poly, width: Poly, bias: Tensor | None) -> Tensor:
    """y = x Wᵀ + b, W: (out_features, width) in bytes"""
    if kind == "int4":
        return _in_tiles(x, out_features, width, bias)
    tracer = current()
    weight = tracer.parameter("weight", (out_features, width), kind)
    scale = tracer.buffer("weight.scale", (out_features, ONE), "float32")
    rows = as_shape(x, (product(x.shape[:-1]), width))
    if kind == "int8":
        tracer.buffer("weight.zero_point", (out_features, ONE), "int8")
        y = as_shape(_scaled(rows, weight, scale), (*x.shape[:-1], out_features))
        shifted: Tensor = y if bias is None else _add_inplace(y, bias)
        return shifted
    whole = _dequantized(weight, scale, x.dtype)
    y = as_shape(_multiplied(rows, whole), (*x.shape[:-1], out_features))
    summed: Tensor = y if bias is None else add(y, bias)
    return summed


def _multiplied(rows: Tensor, weight: Tensor) -> Tensor:
    """The product, after which the weight goes."""
    turned = transposed(weight)
    y: Tensor = matmul(rows, turned)
    current().release(turned)
    current().release(weight)
    return y


def _scaled(rows: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    tracer = current()
    y = _multiplied(rows, to(weight, dtype=rows.dtype))
    factor: Tensor = to(scale, dtype=y.dtype)
    result: Tensor = mul(y, as_shape(factor, (scale.shape[0],)))
    if factor is not scale:
        tracer.release(factor)
    return result


def _dequantized(weight: Tensor, scale: Tensor, dtype: str) -> Tensor:
    tracer = current()
    wide: Tensor = to(weight, dtype="float32")
    exact: Tensor = mul(wide, scale)
    result: Tensor = exact if dtype == "float32" else to(exact, dtype=dtype)
    tracer.release(wide)
    if result is not exact:
        tracer.release(exact)
    return result


@primitive
def _tile_product(x: Tensor, weight: Tensor, scale_and_zero: Tensor) -> Rule:
    return Rule(Spec((x.shape[0], scale_and_zero.shape[1]), "bfloat16"), work=Work(multiplied(*x.shape, scale_and_zero.shape[1])))


def _in_tiles(x: Tensor, out_features: Poly, width: Poly, bias: Tensor | None) -> Tensor:
    """The product of 4-bit weights; the features that fill up the last tile are cut off by a view. Raises Refused."""
    here = sizes().device
    if here.capability < TENSOR_CORES:
        raise Refused(f"weights in int4 need compute capability 8.0, {here.name} has {here.capability / 10}")
    tracer = current()
    rows, columns = (call("ceildiv", n, tile) * tile for n, tile in ((out_features, ROWS), (width, COLUMNS)))
    weight = tracer.parameter("weight", (rows / ROWS, columns / GROUP, poly(32), poly(4)), "int32")
    scale = tracer.buffer("weight.scale_and_zero", (columns / GROUP, rows, poly(2)), "bfloat16")
    padded: Tensor = pad(as_shape(x, (product(x.shape[:-1]), width)), pad=[ZERO, columns - width])
    y = leading_columns(_tile_product(padded, weight, scale), out_features)
    whole = as_shape(y, (*x.shape[:-1], out_features))
    shifted: Tensor = whole if bias is None else _add_inplace(whole, bias)
    return shifted
