"""Comparisons and logic: one byte an element, and no gradient."""

from __future__ import annotations

from analyzer.graph import Rule, Tensor
from analyzer.ops.elementwise import result
from analyzer.ops.registry import op, primitive
from analyzer.polynomial import Poly


@op
@primitive
def eq(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x = other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def ne(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x ≠ other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def lt(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x < other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def le(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x ≤ other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def gt(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x > other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def ge(x: Tensor, other: Tensor | Poly) -> Rule:
    """y = x ≥ other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def logical_and(x: Tensor, other: Tensor) -> Rule:
    """y = x and other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def logical_or(x: Tensor, other: Tensor) -> Rule:
    """y = x or other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def logical_xor(x: Tensor, other: Tensor) -> Rule:
    """y = x xor other"""
    return Rule(result(x, other, dtype="bool"))


@op
@primitive
def logical_not(x: Tensor) -> Rule:
    """y = not x"""
    return Rule(result(x, dtype="bool"))


@op
@primitive
def isnan(x: Tensor) -> Rule:
    """y = whether x is not a number"""
    return Rule(result(x, dtype="bool"))
