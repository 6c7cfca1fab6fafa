"""The cases of ops that work element by element; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

PAIR = ("| 3 5, 3 5", "| 2 3 5, 5", "| 3 5, float32 3 5", "| swapped 3 5, 3 5", "| 2 1 5, 1 3 1")
COMPARED = ("| 3 5, 3 5 | times", "| 2 3 5, 5 | times", "other: 0 | 3 5 | times", "| swapped 3 5, 3 5 | times")
LOGICAL = ("| 3 5, 3 5 | times", "| 3 5, bool 3 5 | times")
CONVERTED = ("| 3 5 | times", "| half 2 3 5 | times", "| swapped 2 3 5 | times")

POINTWISE: Mapping[str, tuple[str, ...]] = {
    "add": ("| 3 5, 3 5", "| 2 3 5, 5", "| 2 1 5, 3 1", "other: 2 | 3 5", "| swapped 3 5, 3 5"),
    "sub": ("| 3 5, 3 5", "| 5, 2 3 5", "other: 2 | 3 5"),
    "rsub": ("other: 1 | 3 5",),
    "mul": ("| 3 5, 3 5", "| 2 3 5, 5", "| 3 5, float32 3 5", "other: 3 | 3 5", "| 2 1 5, 1 3 1"),
    "div": ("| 3 5, 3 5", "| 2 3 5, 5", "| 3 5, float32 3 5", "| float32 3 5, 3 5", "other: 3 | 3 5"),
    "maximum": PAIR,
    "xlogy": PAIR,
    "minimum": PAIR,
    "where": ("| bool 3 5, 3 5, 3 5", "| bool 3 1, 2 1 5, 2 3 5", "other: 0 | bool 3 5, 3 5", "| bool 3 5, 3 5, float32 3 5"),
    "lerp": ("weight: 0.5 | 3 5, 3 5", "| 3 5, 3 5, 3 5", "| 2 3 5, 5, 3 1", "| 3 5, 3 5, float32 3 5"),
    **dict.fromkeys(("multiply", "subtract", "divide", "true_divide", "remainder", "fmod"), (*PAIR[:-1], "other: 2 | 3 5")),
    **dict.fromkeys(("hypot", "logaddexp"), PAIR),
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "not_equal"), COMPARED[:3]),
    **dict.fromkeys(("isfinite", "isinf"), ("| 3 5 | times", "| swapped 2 3 5 | times", "| half 3 5 | times")),
    "floor_divide": ("other: 2 | int64 3 5 | float", "other: 3 | int64 4 1 | float"),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), ("| bool 3 5, bool 5 | float", "| int64 3 5, int64 3 5 | float")),
    "bitwise_not": ("| bool 3 5 | float", "| int64 3 5 | float"),
    "cross": ("dim: -1 | 4 3, 4 3", "dim: 1 | 2 3 5, float32 2 3 5"),
    "clip": ("min: 0 | 3 5", "min: 0, max: 1 | 2 3 7"),
    "gumbel_softmax": ("| 3 5", "tau: 0.5, hard: true | 3 5", "dim: 1, hard: true | 2 3 5", "hard: true | swapped 2 3 5"),
    "addcmul": ("| 3 5, 3 5, 3 5", "value: 2 | 2 3 5, 5, 3 1", "| 3 5, float32 3 5, 3 5"),
    "addcdiv": ("| 3 5, 3 5, 3 5", "value: 2 | 2 3 5, 5, 3 1", "| 3 5, float32 3 5, 3 5"),
    "clamp": (
        "min: 0 | 3 5", "max: 1 | 2 3 7", "min: 0, max: 1 | 3 5", "min: 0, max: 1.5 | int64 3 5 | float", "max: 1 | int64 3 5 | float",
    ),
    "clamp_min": ("min: 0 | 3 5", "min: 0 | swapped 2 3 5", "min: 0.5 | int64 3 5 | float", "min: 2 | int64 3 5 | float"),
    "clamp_max": ("max: 0 | 3 5", "max: 0 | swapped 2 3 5", "max: 0.5 | int64 3 5 | float"),
    "masked_fill": (
        "value: 0 | 3 5, bool 3 5", "value: -1 | 2 3 5, bool 3 1", "value: 0 | swapped 2 3 5, bool 3 1",
        "value: 0 | swapped 3 5, bool 2 1 1", "value: 0 | 2 3 5, bool 3 1 | turned",
    ),
    "pow": (
        "exponent: 2 | 3 5", "exponent: 3 | 2 3 7", "exponent: 0 | 3 5", "exponent: 1 | 3 5", "exponent: -1 | 3 5",
        "exponent: 0.5 | swapped 2 3 5", "| 3 5, 3 5", "| 3 5, float32 3 5", "| float32 3 5, 3 5",
    ),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), COMPARED),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), LOGICAL),
    **dict.fromkeys(("logical_not", "isnan"), ("| 3 5 | times", "| swapped 2 3 5 | times")),
    **dict.fromkeys(("float", "double", "half", "bfloat16"), ("| 3 5 | mean", "| half 2 3 5 | mean", "| swapped 2 3 5 | mean")),
    **dict.fromkeys(("long", "int", "bool"), CONVERTED),
    "to": ("dtype: bfloat16 | 3 5 | mean", "dtype: float32 | half 2 3 5", "dtype: float32 | 3 5 | linear", "dtype: int64 | 3 5 | times"),
    "type_as": ("| 3 5, half 3 5 | mean", "| half 3 5, 3 5", "| 3 5, float32 3 5"),
    "add_": ("| 3 5, 3 5", "other: 2 | 3 5", "| 3 5, float32 5", "other: 2 | 2 3 5"),
    "sub_": ("| 3 5, 3 5", "other: 2 | 3 5", "| 3 5, float32 5"),
    "mul_": ("| 3 5, 3 5", "other: 2 | 3 5", "| 3 5, float32 5", "| float32 3 5, 5"),
    "div_": ("other: 2 | 3 5", "other: 7 | 2 3 7", "| 3 5, 3 5", "| 3 5, float32 5"),
    "masked_fill_": ("value: 0 | 3 5, bool 3 5", "value: -1 | 3 5, bool 3 1"),
    "copy_": ("| 3 5, 3 5", "| 3 5, 5", "| 3 5, half 3 5"),
    "fill_": ("value: 2 | 3 5",),
    "addcmul_": ("| 3 5, 3 5, 3 5", "| 3 5, 5, 3 1"),
    "lerp_": ("weight: 0.3 | 3 5, 3 5", "weight: 0.5 | 3 5, 5"),
    **dict.fromkeys(("zero_", "exp_", "neg_", "sqrt_", "rsqrt_"), ("| 3 5", "| 4 1")),
    "clamp_": ("min: 0 | 3 5", "max: 1 | 4 7", "min: 0, max: 1 | 3 5"),
    **dict.fromkeys(
        ("relu_", "sigmoid_", "tanh_", "leaky_relu_", "elu_", "hardtanh_", "silu_", "hardswish_"), ("| 3 5", "| 4 1")
    ),
    **dict.fromkeys(("threshold", "Threshold"), ("threshold: 0.1, value: 2 | 3 5", "threshold: 0, value: 0 | swapped 2 3 5")),
    **dict.fromkeys(("glu", "GLU"), ("| 3 6", "dim: 1 | 2 4 5", "| swapped 2 3 6")),
    "prelu": ("| 3 5, 5", "| 2 3 5 4, 3", "| swapped 2 3 5, 1", "| 3 5, float32 1", "| float32 3 5, 5"),
    "PReLU": ("| 3 5", "num_parameters: 3 | 2 3 5", "| swapped 2 3 5"),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), ("dim: -1 | 3 5", "dim: 1 | 2 3 7", "dim: -1 | swapped 2 3 5")),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin"), ("dim: -1 | 3 5", "dim: 1 | swapped 2 3 7")),
    **dict.fromkeys(
        ("ReLU", "LeakyReLU", "ELU", "Hardtanh", "SiLU", "Hardswish"),
        ("| 3 5", "| swapped 2 3 5", "inplace: true | 3 5", "inplace: true | 4 1"),
    ),
}  # fmt: skip
