"""Products of each element of one vector with each of another.

Source: ATen/native/LinearAlgebra.cpp (outer, ger); torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import Tensor
from analyzer.ops.elementwise import mul
from analyzer.ops.registry import op
from analyzer.ops.shape import as_shape
from analyzer.polynomial import ONE
from analyzer.tracing import Refused, show


@op
def outer(x: Tensor, vec2: Tensor) -> Tensor:
    """y[i, j] = x[i] vec2[j]"""
    for vector in (x, vec2):
        if len(vector.shape) != 1:
            raise Refused(f"outer needs two vectors, not {show(vector.shape)}", "flatten it first")
    y: Tensor = mul(as_shape(x, (x.shape[0], ONE)), vec2)
    return y


@op
def ger(x: Tensor, vec2: Tensor) -> Tensor:
    """y[i, j] = x[i] vec2[j]"""
    y: Tensor = outer(x, vec2)
    return y
