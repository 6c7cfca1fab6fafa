"""Products of matrices and vectors, and how matmul reduces every case to one of them.

Sources: ATen/native/LinearAlgebra.cpp (should_fold, _matmul_impl), derivatives.yaml, FunctionsManual.cpp (mm_mat1_grad);
torch 2.7 and 2.13. Gradients are in the order of the generated nodes: by PyTorch's names, x being self.
"""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import layout
from analyzer.ops.cublas import bmm_copies, mm_copies, mv_copies
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _expand, _permute, as_shape, contiguous, squeeze, unsafe_view, unsqueeze
from analyzer.polynomial import ONE, Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, show
from analyzer.work import Work, multiplied

Shape = tuple[Poly, ...]


def _scaled(formula: str, factor: float) -> str:
    """maybe_multiply: a factor other than 1 is one more kernel."""
    return formula if factor == 1 else f"{formula} * {factor}"


def _check(fits: bool, what: str, *tensors: Tensor) -> None:
    if not fits:
        raise Refused(f"{what} cannot multiply {' by '.join(show(t.shape) for t in tensors)}")
    if len({t.dtype for t in tensors}) > 1:
        raise Refused(f"{what} needs operands of one dtype, not {' and '.join(t.dtype for t in tensors)}")


def _meets(x: Tensor, other: Tensor) -> bool:
    """Whether the last dimension of x is the one of `other` that is summed over."""
    return sizes().same(x.shape[-1], other.shape[max(0, len(other.shape) - 2)])


@op
@primitive
def addmm(x: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Rule:
    """y = beta x + alpha mat1 @ mat2"""
    _check(len(mat1.shape) == len(mat2.shape) == 2 and _meets(mat1, mat2), "addmm", mat1, mat2)
    return Rule(
        Spec((mat1.shape[0], mat2.shape[1]), mat1.dtype),
        {
            "mat1": _scaled("mm(g, mat2.T)", alpha),
            "mat2": _scaled("mm(mat1.T, g)", alpha),
            "x": _scaled("g", beta),
        },
        scratch=mm_copies(mat1, mat2),
        work=Work(multiplied(*mat1.shape, mat2.shape[1]), dtype=mat1.dtype),
    )


@op
@primitive
def mm(x: Tensor, mat2: Tensor) -> Rule:
    """y = x @ mat2, two matrices"""
    _check(len(x.shape) == len(mat2.shape) == 2 and _meets(x, mat2), "mm", x, mat2)
    return Rule(
        Spec((x.shape[0], mat2.shape[1]), x.dtype),
        {"mat2": "mm(x.T, g)", "x": "mm(g, mat2.T)"},
        scratch=mm_copies(x, mat2),
        work=Work(multiplied(*x.shape, mat2.shape[1])),
    )


@op
@primitive
def bmm(x: Tensor, mat2: Tensor) -> Rule:
    """y[i] = x[i] @ mat2[i]"""
    _check(_are_batches(x, mat2), "bmm", x, mat2)
    return Rule(
        Spec((*x.shape[:2], mat2.shape[2]), x.dtype),
        {"mat2": "bmm(x.T, g)", "x": "bmm(g, mat2.T)"},
        scratch=bmm_copies(x, mat2),
        work=Work(multiplied(*x.shape, mat2.shape[2])),
    )


def _are_batches(x: Tensor, other: Tensor) -> bool:
    return len(x.shape) == len(other.shape) == 3 and _meets(x, other) and sizes().same(x.shape[0], other.shape[0])


@op
@primitive
def baddbmm(x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Rule:
    """y[i] = beta x[i] + alpha batch1[i] @ batch2[i]"""
    _check(_are_batches(batch1, batch2), "baddbmm", batch1, batch2)
    return Rule(
        Spec((*batch1.shape[:2], batch2.shape[2]), batch1.dtype),
        {
            "batch1": _scaled("bmm(g, batch2.T)", alpha),
            "batch2": _scaled("bmm(batch1.T, g)", alpha),
            "x": _scaled("g", beta),
        },
        scratch=bmm_copies(batch1, batch2),
        work=Work(multiplied(*batch1.shape, batch2.shape[2]), dtype=batch1.dtype),
    )


@op
@primitive
def mv(x: Tensor, vec: Tensor) -> Rule:
    """y = x @ vec, a matrix and a vector"""
    _check(len(x.shape) == 2 and len(vec.shape) == 1 and _meets(x, vec), "mv", x, vec)
    return Rule(
        Spec(x.shape[:1], x.dtype),
        {"x": "ger(g, vec)", "vec": "mv(x.T, g)"},
        scratch=mv_copies(x, vec),
        work=Work(multiplied(*x.shape)),
    )


@op
@primitive
def dot(x: Tensor, tensor: Tensor) -> Rule:
    """y = Σ x tensor, two vectors"""
    _check(len(x.shape) == len(tensor.shape) == 1 and _meets(x, tensor), "dot", x, tensor)
    return Rule(Spec((), x.dtype), {"x": "g * tensor", "tensor": "g * x"}, work=Work(multiplied(*x.shape)))


def transposed(x: Tensor) -> Tensor:
    """x with its last two dimensions exchanged: a view."""
    result: Tensor = _permute(x, (*range(len(x.shape) - 2), len(x.shape) - 1, len(x.shape) - 2))
    return result


@op
def matmul(x: Tensor, other: Tensor) -> Tensor:
    """y = x @ other over the last two dimensions, the leading ones broadcast"""
    ranks = len(x.shape), len(other.shape)
    _check(min(ranks) > 0 and _meets(x, other), "matmul", x, other)
    if max(ranks) <= 2:
        return _plain(x, other)
    if _should_fold(x, other):
        return _folded(x, other)
    if ranks == (3, 3) and not sizes().same(x.shape[0], other.shape[0]):
        if sizes().is_one(x.shape[0]) and x.requires_grad:
            x = squeeze(x, dim=0)
        elif sizes().is_one(other.shape[0]) and other.requires_grad:
            other = squeeze(other, dim=0)
        if len(x.shape) + len(other.shape) == 5:
            return _folded(x, other)
    return _batched(x, other)


def _plain(x: Tensor, other: Tensor) -> Tensor:
    """Matrices and vectors."""
    y: Tensor
    match len(x.shape), len(other.shape):
        case 1, 1:
            y = dot(x, other)
        case 2, 1:
            y = mv(x, other)
        case 1, 2:
            y = unsafe_view(mm(unsqueeze(x, dim=0), other), other.shape[1:])
        case _:
            y = mm(x, other)
    return y


def _should_fold(x: Tensor, other: Tensor) -> bool:
    """Whether the batch of the larger operand becomes rows of one matrix."""
    larger, smaller = (x, other) if len(x.shape) >= len(other.shape) else (transposed(other), x)
    if len(larger.shape) < 3 or len(smaller.shape) > 2:
        return False
    if smaller.requires_grad or (smaller.base is not None and smaller.base.requires_grad):  # a parameter's view also under no_grad
        return True
    shape, strides = larger.shape, larger.strides
    return len(x.shape) != 2 and all(sizes().agree(strides[i], strides[i + 1] * shape[i + 1]) for i in range(len(shape) - 2))


def _folded(x: Tensor, other: Tensor) -> Tensor:
    swap = len(other.shape) > len(x.shape)
    larger = transposed(other) if swap else x
    smaller = (transposed(x) if len(x.shape) == 2 else x) if swap else other
    rows = as_shape(larger, (product(larger.shape[:-1]), larger.shape[-1]))
    if len(smaller.shape) == 1:
        return unsafe_view(mv(rows, smaller), larger.shape[:-1])
    y = unsafe_view(mm(rows, smaller), (*larger.shape[:-1], smaller.shape[1]))
    if not swap:
        return y
    copied: Tensor = contiguous(transposed(y))
    return copied


def _batched(x: Tensor, other: Tensor) -> Tensor:
    """One product for each element of the broadcast batch."""
    batch = layout.broadcast(x.shape[:-2], other.shape[:-2])
    rows = x.shape[-2:] if len(x.shape) > 1 else (ONE, *x.shape)
    left = _expanded(x, batch, rows)
    y_shape = (*batch, *x.shape[-2:-1])
    if len(other.shape) == 1:
        right = unsqueeze(_expanded(other, batch, other.shape), dim=2)
        return unsafe_view(squeeze(bmm(left, right), dim=-1), y_shape)
    return unsafe_view(bmm(left, _expanded(other, batch, other.shape[-2:])), (*y_shape, other.shape[-1]))


def _expanded(x: Tensor, batch: Shape, own: Shape) -> Tensor:
    """The operand with its leading dimensions broadcast and merged."""
    spread: Tensor = _expand(x, (*batch, *own))
    return as_shape(spread, (product(batch), *own))
