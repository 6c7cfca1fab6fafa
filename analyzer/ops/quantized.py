"""Linear layers with quantized weights, for inference: as torchao keeps and multiplies them.

int8: a byte an element, a scale in fp32 and a zero point of a byte per output feature; the weight is cast for the product,
the scale applied to the result. float8: a byte an element and a scale in fp32 per output feature; the weight is dequantized
for the product, through fp32.

Source: torchao 0.18 (Int8WeightOnlyConfig, Float8WeightOnlyConfig): quantization/quantize_/workflows/int8/int8_tensor.py,
float8/float8_tensor.py, quantization/quant_primitives.py (_dequantize_affine_float8).
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.conversion import to
from analyzer.ops.elementwise import add, mul
from analyzer.ops.matmul import matmul, transposed
from analyzer.ops.registry import primitive
from analyzer.ops.shape import as_shape
from analyzer.polynomial import ONE, Poly, product
from analyzer.tracing import current

KINDS = {"int8": "int8", "float8": "float8"}


@primitive
def _add_inplace(x: Tensor, other: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {}, inplace="x")


def linear(x: Tensor, kind: str, out_features: Poly, width: Poly, bias: Tensor | None) -> Tensor:
    """y = x Wᵀ + b, W: (out_features, width) in bytes"""
    tracer = current()
    weight = tracer.parameter("weight", (out_features, width), KINDS[kind])
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
