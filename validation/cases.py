"""The cases that every op's rule is tried on: `attributes | operand, operand | ends | number of results`, see `validation.chains.Case`."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.ops import OPS
from validation.chains import Case
from validation.large_cases import LARGE
from validation.layer_cases import LAYERS
from validation.loss_cases import LOSSES
from validation.pointwise_cases import POINTWISE
from validation.product_cases import PRODUCTS
from validation.reduction_cases import REDUCTIONS
from validation.shape_cases import SHAPES

# An op that takes one tensor and needs nothing else may leave these out.
ONE_TENSOR = ("| 3 5", "| 2 3 7", "| swapped 2 3 5", "| 1 1 4")

CASES: Mapping[str, tuple[str, ...]] = {
    **POINTWISE,
    **LOSSES,
    **REDUCTIONS,
    **SHAPES,
    **LAYERS,
    **PRODUCTS,
    "Conv1d": ("out_channels: 4, kernel_size: 3 | 2 3 9", "out_channels: 3, kernel_size: 2, stride: 2, bias: false | 2 3 9"),
    "Conv2d": (
        "out_channels: 4, kernel_size: 3, padding: 1 | 2 3 7 7", "out_channels: 6, kernel_size: [1, 2], groups: 3 | 1 3 5 6",
        "out_channels: 4, kernel_size: 3, dilation: 2 | 2 3 7 7", "out_channels: 4, kernel_size: 3 | swapped 2 3 7 5",
    ),
    "Conv3d": ("out_channels: 4, kernel_size: 2 | 2 3 5 5 5", "out_channels: 2, kernel_size: 3, stride: 2 | 1 1 7 5 7"),
    "Embedding": (
        "num_embeddings: 11, embedding_dim: 6 | int64 4 3", "num_embeddings: 7, embedding_dim: 5, padding_idx: 0 | int64 9",
    ),
    "gelu": (*ONE_TENSOR, "approximate: tanh | half 3 5 | mean"),
    "detach": ("| 3 5 | linear", "| swapped 2 3 5 | linear"),
    "randn_like": ("| 3 5 | linear", "| swapped 2 3 5 | linear"),
    "zeros_like": ("| 3 5 | linear", "| swapped 2 3 5 | linear"),
}  # fmt: skip


def cases(op: str) -> tuple[Case, ...]:
    """The cases of an op; none where it is not listed and takes more than one tensor."""
    required = [argument for argument in OPS[op].arguments if argument.required]
    small = CASES.get(op, ONE_TENSOR if len(required) == 1 else ())
    return tuple(_case(op, row) for row in (*small, *LARGE.get(op, ())))


def _case(op: str, row: str) -> Case:
    attributes, operands, ends, results = (part.strip() for part in f"{row}{'|' * (3 - row.count('|'))}".split("|"))
    given = tuple(operand.strip() for operand in operands.split(","))
    return Case(op, attributes, given, tuple(ends.split()) or ("linear", "mean"), int(results or 1))
