"""Bytes of an array in its format, as scipy stores it, and where a sparse format ceases to be smaller than a dense one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

from analyzer.evaluate import exact
from analyzer.formula import text
from analyzer.host.source import Array
from analyzer.polynomial import ZERO, Poly, call, poly, total
from analyzer.sizes import Sizes

INT32_MAX = 2**31 - 1
Part = tuple[str, Poly]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A quotient of closed forms, its text in Python syntax, and its value."""

    formula: str
    value: float


def ratio(above: Poly, below: Poly, sizes: Sizes) -> Ratio:
    """The quotient; numerator and denominator are written with whole coefficients, and reduced when that took a factor."""
    scale = lcm(*(Fraction(c).denominator for p in (above, below) for c in p.terms.values()))
    whole_terms = [int(c * scale) for p in (above, below) for c in p.terms.values()]
    factor = Fraction(scale, gcd(*whole_terms)) if scale > 1 else 1
    top, bottom = above * factor, below * factor
    shown = f"({_flat(top)})" if len(top.terms) > 1 else text(top)
    under = f"({_flat(bottom)})" if len(bottom.terms) > 1 or any(m for m in bottom.terms) else text(bottom)
    return Ratio(f"{shown}/{under}", float(exact(top, sizes.values) / exact(bottom, sizes.values)))


def _flat(form: Poly) -> str:
    """A sum without a common factor in front: 8*L - 4."""
    terms = sorted(form.terms.items(), key=lambda term: (-sum(e for _, e in term[0]), text(Poly({term[0]: 1}))))
    written = [text(Poly({m: c})) for m, c in terms]
    return " ".join([written[0], *(f"- {t[1:]}" if t.startswith("-") else f"+ {t}" for t in written[1:])])


def whole(count: Poly, sizes: Sizes) -> Poly:
    """A number of elements: itself where it comes out whole, which is written down when it depends on symbols; else rounded up."""
    scale = lcm(*(Fraction(c).denominator for c in count.terms.values())) if count.terms else 1
    if scale == 1:
        return count
    if isinstance(exact(count, sizes.values), Fraction):
        return call("ceildiv", count * scale, poly(scale))
    sizes.assume(call("mod", count * scale, poly(scale)), "==", 0)
    return count


def counted(array: Array, sizes: Sizes) -> Array:
    """The array with whole numbers of nonzeros and its index dtype chosen."""
    if array.format == "dense":
        return array
    there = replace(array, nonzeros=whole(array.nonzeros, sizes), at_least=whole(array.at_least, sizes))
    return replace(there, index=array.index or _index(there, sizes))


def _index(array: Array, sizes: Sizes) -> str:
    """scipy.sparse.get_index_dtype: int32 unless a dimension, or in csr and csc the number of nonzeros, needs more."""
    bounds = [*array.shape, *([] if array.format == "coo" else [array.nonzeros])]
    largest = max(bounds, key=lambda b: exact(b, sizes.values))
    small = exact(largest, sizes.values) <= INT32_MAX
    if largest.constant is None:
        sizes.assume(largest, "<=" if small else ">", INT32_MAX)
    return "int32" if small else "int64"


def index_size(array: Array) -> int:
    """Bytes of one index of a sparse array."""
    return 8 if array.index == "int64" else 4


def pointers(array: Array) -> Poly:
    """Bytes of a sparse array that do not depend on its nonzeros."""
    lines = {"csr": array.shape[0] + 1, "csc": array.shape[-1] + 1}.get(array.format, ZERO)
    return lines * index_size(array)


def per_nonzero(array: Array) -> int:
    """Bytes of one stored element with its indices."""
    return array.itemsize + index_size(array) * (2 if array.format == "coo" else 1)


def stored(array: Array) -> tuple[Part, ...]:
    """The buffers of an array: values, and the indices of a sparse one."""
    if array.format == "dense":
        return (("values", array.dense),)
    indices = array.nonzeros * index_size(array)
    if array.format == "coo":
        return (("data", array.nonzeros * array.itemsize), ("row", indices), ("col", indices))
    return (("data", array.nonzeros * array.itemsize), ("indices", indices), ("indptr", pointers(array)))


def size_of(array: Array) -> Poly:
    """Bytes of an array."""
    return total(form for _, form in stored(array))


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where a sparse format takes as much as the dense array: `nonzeros` is the largest number that takes no more."""

    format: str
    nonzeros: Poly
    per_row: Ratio
    density: Ratio


def break_even(array: Array, sizes: Sizes) -> BreakEven:
    """Of the array's own format; of csr for a dense one. Per row, the one index by which indptr is longer than rows is left out."""
    sparse = counted(array if array.format != "dense" else replace(array, format="csr"), sizes)
    free, each = sparse.dense - pointers(sparse), poly(per_nonzero(sparse))
    if sparse.format == "csr":
        above, below = sparse.columns * sparse.itemsize - index_size(sparse), each
    elif sparse.format == "coo":
        above, below = sparse.columns * sparse.itemsize, each
    else:
        above, below = free, each * sparse.rows
    most = call("max", call("floordiv", free, each), 0) if exact(free, sizes.values) < 0 else call("floordiv", free, each)
    return BreakEven(sparse.format, most, ratio(above, below, sizes), ratio(above, below * sparse.columns, sizes))
