"""The cases that every op's rule is tried on: `attributes | operand, operand | ends | number of results`, see `validation.chains.Case`."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.ops import OPS
from validation.attention_cases import ATTENTION
from validation.chains import Case
from validation.convolution_cases import CONVOLUTIONS
from validation.indexing_cases import INDEXING
from validation.large_cases import LARGE
from validation.layer_cases import LAYERS
from validation.loss_cases import LOSSES
from validation.pointwise_cases import POINTWISE
from validation.pooling_cases import POOLING, RESAMPLING
from validation.product_cases import PRODUCTS
from validation.recurrent_cases import RECURRENT
from validation.reduction_cases import REDUCTIONS
from validation.shape_cases import SHAPES

# An op that takes one tensor and needs nothing else may leave these out.
ONE_TENSOR = ("| 3 5", "| 2 3 7", "| swapped 2 3 5", "| 1 1 4")

CASES: Mapping[str, tuple[str, ...]] = {
    **POINTWISE,
    **LOSSES,
    **REDUCTIONS,
    **ATTENTION,
    **SHAPES,
    **INDEXING,
    **LAYERS,
    **PRODUCTS,
    **CONVOLUTIONS,
    **POOLING,
    **RECURRENT,
    **RESAMPLING,
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
