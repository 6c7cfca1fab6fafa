"""The named functions that may stand in a formula, as plain integer Python.

A formula of the report evaluates with `eval(formula, {**FUNCTIONS, **symbols})`; floor division, max and min need no
name because Python has them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from analyzer.polynomial import Poly, poly
from analyzer.scratch import column_scratch, row_scratch


def floordiv(a: int, b: int) -> int:
    """⌊a / b⌋"""
    return a // b


def ceildiv(a: int, b: int) -> int:
    """⌈a / b⌉"""
    return -(-a // b)


def mod(a: int, b: int) -> int:
    """a - b ⌊a / b⌋"""
    return a % b


def log2(a: int) -> int:
    """⌊log2 a⌋ for a ≥ 1"""
    return a.bit_length() - 1


FUNCTIONS: dict[str, Callable[..., int]] = {
    "floordiv": floordiv, "ceildiv": ceildiv, "mod": mod, "max": max, "min": min, "log2": log2,
    "column_scratch": column_scratch, "row_scratch": row_scratch,
}  # fmt: skip


def simplified(name: str, args: tuple[Poly, ...]) -> Poly | None:
    """The call as a polynomial where that holds for all values of the symbols, else None."""
    if name in ("floordiv", "ceildiv"):
        return _quotient(*args)
    if name in ("max", "min") and args[0] == args[1]:
        return args[0]
    if name == "mod" and args[1].constant is not None and _quotient(*args) is not None:
        return poly(0)
    return None


def _quotient(a: Poly, b: Poly) -> Poly | None:
    """a / b when it is a polynomial with whole coefficients and no negative power, so that rounding has nothing to do."""
    if len(b.terms) != 1:
        return poly(1) if a == b else None
    exact = a / b
    whole = all(isinstance(c, int) for c in exact.terms.values())
    powers = all(e > 0 for m in exact.terms for _, e in m)
    return exact if whole and powers and not any(isinstance(c, Fraction) for c in a.terms.values()) else None
