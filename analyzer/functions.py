"""The named functions that may stand in a formula, as plain integer Python.

A formula of the report evaluates with `eval(formula, {**FUNCTIONS, **symbols})`; floor division, max and min need no
name because Python has them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd, isqrt

from analyzer.attention_scratch import efficient_splits, flash_splits
from analyzer.cub import scan_by_key_scratch, scan_scratch, sort_pairs_scratch, unique_scratch
from analyzer.cudnn_rnn import cudnn_rnn_reserve, cudnn_rnn_workspace
from analyzer.kernel_scratch import batch_norm_scratch, layer_norm_partials, split_copy_scratch, topk_blocks
from analyzer.polynomial import Poly, call, poly
from analyzer.scratch import column_scratch, column_semaphores, row_scratch, row_semaphores


def floordiv(a: int, b: int) -> int:
    """⌊a / b⌋"""
    return a // b


def ceildiv(a: int, b: int) -> int:
    """⌈a / b⌉"""
    return -(-a // b)


def size(a: int) -> int:
    """a itself: a sum that formulas keep in parentheses instead of multiplying it out"""
    return a


def mod(a: int, b: int) -> int:
    """a - b ⌊a / b⌋"""
    return a % b


def log2(a: int) -> int:
    """⌊log2 a⌋ for a ≥ 1"""
    return a.bit_length() - 1


def pow2_ceil(a: int) -> int:
    """The smallest power of two that is at least a, for a ≥ 1: how PyTorch rounds page-locked host memory"""
    return 1 << (a - 1).bit_length()


FUNCTIONS: dict[str, Callable[..., int]] = {
    "floordiv": floordiv, "ceildiv": ceildiv, "size": size, "mod": mod, "max": max, "min": min, "log2": log2, "pow2_ceil": pow2_ceil,
    "isqrt": isqrt, "gcd": gcd, "column_scratch": column_scratch, "column_semaphores": column_semaphores,
    "row_scratch": row_scratch, "row_semaphores": row_semaphores,
    "sort_pairs_scratch": sort_pairs_scratch, "unique_scratch": unique_scratch, "scan_scratch": scan_scratch,
    "scan_by_key_scratch": scan_by_key_scratch, "batch_norm_scratch": batch_norm_scratch, "layer_norm_partials": layer_norm_partials,
    "cudnn_rnn_reserve": cudnn_rnn_reserve, "cudnn_rnn_workspace": cudnn_rnn_workspace,
    "topk_blocks": topk_blocks, "split_copy_scratch": split_copy_scratch,
    "flash_splits": flash_splits, "efficient_splits": efficient_splits,
}  # fmt: skip


def simplified(name: str, args: tuple[Poly, ...]) -> Poly | None:
    """The call as a polynomial where that holds for all values of the symbols, else None."""
    if name in ("floordiv", "ceildiv"):
        return _quotient(*args)
    if name == "size":
        return args[0] if len(args[0].terms) <= 1 else None
    if name == "gcd":
        return _divisor(args)
    if name in ("max", "min") and args[0] == args[1]:
        return args[0]
    if name == "mod" and _is_multiple(*args):
        return poly(0)
    return None


def _divisor(args: tuple[Poly, ...]) -> Poly | None:
    """The first argument, where every other one is a multiple of it whatever the symbols; else a gcd without such others."""
    first, *others = args
    rest = [other for other in others if not _is_multiple(other, first)]
    if len(rest) == len(others) and rest:
        return None
    return call("gcd", first, *rest) if rest else first


def _is_multiple(a: Poly, b: Poly) -> bool:
    if not a or a == b:
        return True
    return len(b.terms) == 1 and all(isinstance(c, int) and all(e > 0 for _, e in m) for m, c in (a / b).terms.items())


def _quotient(a: Poly, b: Poly) -> Poly | None:
    """a / b when it is a polynomial with whole coefficients and no negative power, so that rounding has nothing to do."""
    if len(b.terms) != 1:
        return poly(1) if a == b else None
    nested = _nested_floor(a, b)
    if nested is not None:
        return nested
    exact = a / b
    whole = all(isinstance(c, int) for c in exact.terms.values())
    powers = all(e > 0 for m in exact.terms for _, e in m)
    return exact if whole and powers and not any(isinstance(c, Fraction) for c in a.terms.values()) else None


def _nested_floor(a: Poly, b: Poly) -> Poly | None:
    """⌊(⌊x / m⌋ + n) / k⌋ = ⌊(x + n m) / (m k)⌋ for whole n and positive whole m, k."""
    k, shift = b.constant, a.terms.get((), 0)
    inner = [m for m in a.terms if m]
    if not isinstance(k, int) or k < 1 or len(inner) != 1 or a.terms[inner[0]] != 1 or not isinstance(shift, int):
        return None
    ((atom, power),) = inner[0] if len(inner[0]) == 1 else (("", 0),)
    if isinstance(atom, str) or power != 1 or atom.name != "floordiv":
        return None
    m = atom.args[1].constant
    return call("floordiv", atom.args[0] + shift * m, poly(m * k)) if isinstance(m, int) and m > 0 else None
