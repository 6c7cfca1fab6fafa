"""Layers that multiply by a weight: Linear and Bilinear.

Source: ATen/native/Linear.cpp (linear, _flatten_nd_linear, bilinear); torch 2.7 and 2.13.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import layout, plan, quantized
from analyzer.ops.elementwise import add
from analyzer.ops.matmul import addmm, matmul, transposed
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import as_shape
from analyzer.polynomial import Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@op
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b"""
    if not x.shape or not sizes().same(x.shape[-1], weight.shape[-1]):
        raise Refused(f"linear needs {weight.shape[-1]!r} features in the last dimension of {show(x.shape)}")
    flat = len(x.shape) == 2
    if bias is None or not (flat or layout.is_contiguous(x)):
        y: Tensor = matmul(x, transposed(weight))
        return y if bias is None else _add_(y, bias)
    if flat:
        direct: Tensor = addmm(bias, x, transposed(weight))
        return direct
    rows = as_shape(x, (product(x.shape[:-1]), x.shape[-1]))
    out: Tensor = addmm(bias, rows, transposed(weight))
    return as_shape(out, (*x.shape[:-1], weight.shape[0]))


@primitive
def _add_inplace(x: Tensor, other: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {"x": "g", "other": "g"}, inplace="x")


def _add_(x: Tensor, other: Tensor) -> Tensor:
    added: Tensor = _add_inplace(x, other)
    return added


@op
def Linear(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """y = x Wᵀ + b, W: (out_features, in_features)"""
    if not x.shape:
        raise Refused("Linear needs at least one dimension")
    width = x.shape[-1] if in_features is None else in_features
    if not sizes().same(width, x.shape[-1]):
        raise Refused(f"Linear has in_features {width!r}, but its input is {show(x.shape)} from {x.origin}")
    if quantized.covers(current().weights, width):
        b = current().parameter("bias", (out_features,)) if bias else None
        quantized_y: Tensor = quantized.linear(x, current().weights, out_features, width, b)
        return quantized_y
    weight = current().parameter("weight", (out_features, width), trainable=not current().weights)
    b = current().parameter("bias", (out_features,)) if bias else None
    y: Tensor = linear(x, weight, b)
    return y


@primitive
def _trilinear(x1: Tensor, weight: Tensor, x2: Tensor) -> Rule:
    """One output feature after another: each makes a product for every row and adds it to the result."""
    rows, left, right = x1.shape[0], x1.shape[1], x2.shape[1]
    held = {"x1": (rows * left * right, rows * left), "weight": (rows * left, left * right), "x2": (rows * right, rows * right)}
    order: list[plan.Item] = []
    for name, tensor in (("x1", x1), ("weight", weight), ("x2", x2)):
        if tensor.requires_grad:
            order += [plan.result(name, tensor), plan.Brief(tuple(plan.vector(n, x1.dtype) for n in held[name]))]
    return Rule(
        Spec((rows, weight.shape[0]), x1.dtype),
        plan.gradients("trilinear_backward", {"x1": "g, weight, x2", "weight": "g, x1, x2", "x2": "g, x1, weight"}, order),
        scratch=(plan.vector(rows * right, x1.dtype), plan.vector(rows, x1.dtype)),
        constants={"plan": tuple(order)},
    )


@op
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x1ᵀ W x2 + b"""
    shapes = f"{show(input1.shape)} and {show(input2.shape)}"
    if len(input1.shape) != len(input2.shape) or not input1.shape:
        raise Refused(f"bilinear needs two inputs alike in all but the last dimension, not {shapes}")
    if not all(sizes().same(a, b) for a, b in zip(input1.shape[:-1], input2.shape[:-1])):
        raise Refused(f"bilinear needs two inputs alike in all but the last dimension, not {shapes}")
    if len(weight.shape) != 3 or not all(sizes().same(x.shape[-1], n) for x, n in zip((input1, input2), weight.shape[1:])):
        raise Refused(f"bilinear needs a weight (out_features, in1_features, in2_features), not {show(weight.shape)} for {shapes}")
    left, right = (as_shape(x, (product(x.shape[:-1]), x.shape[-1])) for x in (input1, input2))
    y: Tensor = as_shape(_trilinear(left, weight, right), (*input1.shape[:-1], weight.shape[0]))
    return y if bias is None else add(y, bias)


@op
def Bilinear(x1: Tensor, x2: Tensor, *, out_features: Poly, bias: bool = True) -> Tensor:
    """y = x1ᵀ W x2 + b, W: (out_features, in1_features, in2_features)"""
    if not x1.shape or not x2.shape:
        raise Refused("Bilinear needs at least one dimension")
    weight = current().parameter("weight", (out_features, x1.shape[-1], x2.shape[-1]))
    b = current().parameter("bias", (out_features,)) if bias else None
    y: Tensor = bilinear(x1, x2, weight, b)
    return y
