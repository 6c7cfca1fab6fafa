"""Matrix products: Linear, matmul, bmm, einsum, and the two kernels below them."""

from __future__ import annotations

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import layout
from analyzer.ops.registry import op, primitive
from analyzer.ops.shape import _expand, _permute, as_shape, unsafe_view
from analyzer.polynomial import Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _addmm(bias: Tensor, x: Tensor, w: Tensor) -> Rule:
    return Rule(
        Spec((x.shape[0], w.shape[1]), x.dtype),
        {"bias": "g", "x": "g @ w.T", "w": "x.T @ g"},
    )


@primitive
def _mm(x: Tensor, w: Tensor) -> Rule:
    return Rule(Spec((x.shape[0], w.shape[1]), x.dtype), {"x": "g @ w.T", "w": "x.T @ g"})


@op
@primitive
def bmm(x: Tensor, other: Tensor) -> Rule:
    """y[i] = x[i] @ other[i]"""
    if len(x.shape) != 3 or len(other.shape) != 3 or not _fits(x, other) or not sizes().same(x.shape[0], other.shape[0]):
        raise Refused(f"bmm cannot multiply {show(x.shape)} by {show(other.shape)}")
    scratch = (_copy_for_cublas(x), _copy_for_cublas(other))
    return Rule(
        Spec((*x.shape[:2], other.shape[2]), x.dtype),
        {"x": "g @ other.T", "other": "x.T @ g"},
        scratch=tuple(s for s in scratch if s),
    )


def _copy_for_cublas(x: Tensor) -> Poly:
    """Bytes of the copy that cuBLAS needs of a matrix neither of whose strides is 1 (prepare_batch_matrix_for_cublas)."""
    rows, columns = x.strides[-2:]
    return Poly() if 1 in (rows.constant, columns.constant) else x.bytes


def _fits(x: Tensor, other: Tensor) -> bool:
    return sizes().same(x.shape[-1], other.shape[-2])


def _transposed(x: Tensor) -> Tensor:
    result: Tensor = _permute(x, (*range(len(x.shape) - 2), len(x.shape) - 1, len(x.shape) - 2))
    return result


@op
def matmul(x: Tensor, other: Tensor) -> Tensor:
    """y = x @ other over the last two dimensions, the leading ones broadcast"""
    if len(x.shape) < 2 or len(other.shape) < 2 or not _fits(x, other):
        raise Refused(f"matmul cannot multiply {show(x.shape)} by {show(other.shape)}")
    if len(x.shape) == 2 and len(other.shape) == 2:
        product_: Tensor = _mm(x, other)
        return product_
    if len(other.shape) == 2:
        folded = as_shape(x, (product(x.shape[:-1]), x.shape[-1]))
        return unsafe_view(_mm(folded, other), (*x.shape[:-1], other.shape[-1]))
    if len(x.shape) == 2:
        raise Refused("matmul of a matrix by a batch of matrices has no rule yet", "expand the matrix first")
    batch = layout.broadcast(x.shape[:-2], other.shape[:-2])
    left, right = (_batched(t, batch) for t in (x, other))
    return unsafe_view(bmm(left, right), (*batch, x.shape[-2], other.shape[-1]))


def _batched(x: Tensor, batch: tuple[Poly, ...]) -> Tensor:
    """The operand with its leading dimensions broadcast and merged."""
    expanded: Tensor = _expand(x, (*batch, *x.shape[-2:]))
    return as_shape(expanded, (product(batch), *x.shape[-2:]))


@op
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x Wᵀ + b"""
    if not x.shape or not sizes().same(x.shape[-1], weight.shape[-1]):
        raise Refused(f"linear needs {weight.shape[-1]!r} features in the last dimension of {show(x.shape)}")
    flat = len(x.shape) == 2
    if bias is None or not (flat or layout.is_contiguous(x)):
        y: Tensor = matmul(x, _transposed(weight))
        return y if bias is None else _add_(y, bias)
    if flat:
        direct: Tensor = _addmm(bias, x, _transposed(weight))
        return direct
    rows = as_shape(x, (product(x.shape[:-1]), x.shape[-1]))
    out: Tensor = _addmm(bias, rows, _transposed(weight))
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
    weight = current().parameter("weight", (out_features, width))
    b = current().parameter("bias", (out_features,)) if bias else None
    y: Tensor = linear(x, weight, b)
    return y


@op
def einsum(tensors: list[Tensor], *, equation: str) -> Tensor:
    """y = the sum of products that the equation says"""
    left, right, out, extents = _parsed(equation, tensors)
    x, y = tensors
    summed = [s for s in left if s in right and s not in out]
    kept = [s for s in out if s in left and s in right]
    rows = [s for s in out if s in left and s not in right]
    columns = [s for s in out if s in right and s not in left]
    if not summed:
        return _outer(x, y, left, right, out)
    a = _permute(x, tuple(left.index(s) for s in kept + rows + summed))
    b = _permute(y, tuple(right.index(s) for s in kept + summed + columns))
    extent = {k: product(extents[s] for s in v) for k, v in zip("bmkn", (kept, rows, summed, columns))}
    result = bmm(
        as_shape(a, (extent["b"], extent["m"], extent["k"])),
        as_shape(b, (extent["b"], extent["k"], extent["n"])),
    )
    order = kept + rows + columns
    spread = as_shape(result, tuple(extents[s] for s in order))
    final: Tensor = _permute(spread, tuple(order.index(s) for s in out))
    return final


def _outer(x: Tensor, y: Tensor, left: list[str], right: list[str], out: list[str]) -> Tensor:
    """Nothing is summed: one broadcast multiplication, as torch lowers it."""
    from analyzer.ops.elementwise import mul

    product_: Tensor = mul(_spread(x, left, out), _spread(y, right, out))
    return product_


def _spread(x: Tensor, have: list[str], out: list[str]) -> Tensor:
    """x with the dimensions of `out`, absent ones of size 1."""
    from analyzer.ops.shape import unsqueeze

    present = [s for s in out if s in have]
    y: Tensor = _permute(x, tuple(have.index(s) for s in present))
    for i, s in enumerate(out):
        if s not in have:
            y = unsqueeze(y, dim=i)
    return y


def _parsed(equation: str, tensors: list[Tensor]) -> tuple[list[str], list[str], list[str], dict[str, Poly]]:
    """Subscripts of the two operands and the result, an ellipsis spelled out, and the size of each letter."""
    if len(tensors) != 2:
        raise Refused(f"einsum of {len(tensors)} tensors has no rule yet", "write it as products of two")
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow or len(terms) != 2 or any(not _is_term(t) for t in (*terms, output)):
        raise Refused(f"cannot read the einsum equation '{equation}'", "expected a form like 'bik,bjk->bij'")
    dots = [len(t.shape) - len(term.replace("...", "")) for t, term in zip(tensors, terms)]
    if any(d < 0 or (d and "..." not in term) for d, term in zip(dots, terms)):
        raise Refused(f"einsum '{equation}' does not match {' and '.join(show(t.shape) for t in tensors)}")
    spelled = [_letters(term, d) for term, d in zip(terms, dots)]
    out = _letters(output, max(dots) if "..." in output else 0)
    extents: dict[str, Poly] = {}
    for letters, tensor in zip(spelled, tensors):
        for letter, size in zip(letters, tensor.shape):
            if letter in extents and not sizes().same(extents[letter], size):
                raise Refused(f"einsum '{equation}': '{letter}' is {extents[letter]!r} and {size!r}")
            extents.setdefault(letter, size)
    if any(s not in extents for s in out) or len(set(out)) != len(out):
        raise Refused(f"einsum '{equation}': the result names a letter that no operand has, or one twice")
    return spelled[0], spelled[1], out, extents


def _is_term(term: str) -> bool:
    rest = term.replace("...", "", 1)
    return rest == "" or (rest.isalpha() and rest.isascii())


def _letters(term: str, dots: int) -> list[str]:
    head, ellipsis, tail = term.partition("...")
    return [*head, *(f".{i}" for i in range(dots) if ellipsis), *tail]
