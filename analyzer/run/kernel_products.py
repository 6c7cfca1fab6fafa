"""The words of gradient formulas that multiply matrices: a product, and the copies that cuBLAS needs of its operands."""

from __future__ import annotations

from analyzer.ops.cublas import bmm_copies, mm_copies, mv_copies
from analyzer.polynomial import ONE
from analyzer.run.arrays import Array
from analyzer.run.kernel_functions import KERNELS
from analyzer.run.kernels import Formula
from analyzer.work import multiplied


def mm(formula: Formula, a: Array, b: Array) -> Array:
    """A product of matrices; the gradient of a column-major operand is made column-major, as mm_mat2_grad does."""
    rows, columns = a.shape[0], b.shape[1]
    target, formula.flops = formula.target, multiplied(rows, a.shape[1], columns)
    if target.strides[0] == ONE and target.strides[1] == target.shape[0]:
        base = formula.fresh((columns, rows), a.dtype)
        formula.scratch(*mm_copies(b, a))
        return formula.own(formula.memory.alias(base, (rows, columns), (ONE, rows)))
    result = formula.fresh((rows, columns), a.dtype)
    formula.scratch(*mm_copies(a, b))
    return result


def bmm(formula: Formula, a: Array, b: Array) -> Array:
    """A batch of products."""
    result = formula.fresh((*a.shape[:2], b.shape[2]), a.dtype)
    formula.scratch(*bmm_copies(a, b))
    formula.flops = multiplied(*a.shape, b.shape[2])
    return result


def mv(formula: Formula, matrix: Array, vector: Array) -> Array:
    """A matrix times a vector."""
    result = formula.fresh(matrix.shape[:1], matrix.dtype)
    formula.scratch(*mv_copies(matrix, vector))
    formula.flops = multiplied(*matrix.shape)
    return result


def ger(formula: Formula, a: Array, b: Array) -> Array:
    """The outer product of two vectors."""
    return formula.fresh((*a.shape, *b.shape), a.dtype)


KERNELS.update({word.__name__: word for word in (mm, bmm, mv, ger)})
