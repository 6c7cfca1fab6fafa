"""Arithmetic written in a config, read by Python's parser against an allowlist: a tree, of which nothing is executed.

Two uses: sizes (`n_hvg + 1`, `ceil(r / 2)`) become polynomials (`analyzer.expressions`); tensor arithmetic (`mean(0.5 * s**2)`)
becomes ops (`analyzer.build.arithmetic`).
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Union

from analyzer.problems import InvalidConfig, Origin, Problem

MAX_LENGTH, MAX_NODES, MAX_NESTING, MAX_NUMBER = 1000, 300, 40, 10**18
BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
          ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^"}  # fmt: skip
COMPARED = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}  # as YAML has them


@dataclass(frozen=True, slots=True)
class Literal:
    """What is neither a name nor a number: a flag, a word, none, or a list of numbers and expressions."""

    value: bool | str | tuple[int | str, ...] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function applied to arguments."""

    name: str
    args: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """start:stop:step of a subscript; None where one is left out."""

    start: object = None
    stop: object = None
    step: object = None


REST = Literal("...")  # the dimensions that a subscript does not name
Expression = Union[str, int, Fraction, Operation, Literal, Span]


def parse(source: str, origin: Origin) -> Expression:
    """The tree of an expression: names, numbers and operations. Raises InvalidConfig for anything else."""
    try:
        return _known(source)
    except InvalidConfig:
        return _parsed(source, origin)


@lru_cache(maxsize=4096)
def _known(source: str) -> Expression:
    return _parsed(source, Origin(""))


def _parsed(source: str, origin: Origin) -> Expression:
    if len(source) > MAX_LENGTH or _nesting(source) > MAX_NESTING:
        raise refused(origin, "expression too long or too deeply nested")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        cut = source.count("(") > source.count(")")
        hint = "inside { }, an expression with a comma stands in quotes" if cut else EXPECTED
        raise refused(origin, f"cannot read the expression '{_short(source)}'", hint) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise refused(origin, "expression too long or too deeply nested")
    return _convert(tree, origin)


EXPECTED = "expected names and numbers with + - * / // % **, ceil, floor, min, max, log2, sqrt"


def _short(source: str) -> str:
    return source if len(source) <= 60 else source[:57] + "..."


def refused(origin: Origin, message: str, hint: str = "") -> InvalidConfig:
    """An InvalidConfig with one problem."""
    return InvalidConfig(Problem(origin, message, hint))


def _nesting(source: str) -> int:
    depth = deepest = 0
    for character in source:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return max(deepest, source.count("--") // 2, source.count("~"), source.count("not "))


def _convert(node: ast.expr, origin: Origin) -> Expression:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Constant(value=bool()):
            raise refused(origin, "true and false are no numbers", EXPECTED)
        case ast.Constant(value=int(number)) if number <= MAX_NUMBER:
            return number
        case ast.Constant(value=float(number)) if abs(number) <= MAX_NUMBER:
            return Fraction(str(number))
        case ast.UnaryOp() | ast.BinOp() | ast.Compare():
            return _operator(node, origin)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if all(k.arg for k in keywords):
            named = tuple((str(k.arg), _argument(k.value, origin)) for k in keywords)
            return Operation(name, tuple(_argument(a, origin) for a in args), named)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=entries)):
            return Operation("[]", (_convert(value, origin), *(_entry(e, origin) for e in entries)))
        case ast.Subscript(value=value, slice=entry):
            return Operation("[]", (_convert(value, origin), _entry(entry, origin)))
        case ast.Attribute(value=value, attr="T"):
            return Operation("t", (_convert(value, origin),))
        case ast.Attribute(value=value, attr="mT"):
            return Operation("transpose", (_convert(value, origin), -2, -1))
        case ast.Constant(value=int() | float()):
            raise refused(origin, "number too large", f"at most {MAX_NUMBER:.0e}")
    raise _not_allowed(node, origin)


def _operator(node: ast.UnaryOp | ast.BinOp | ast.Compare, origin: Origin) -> Expression:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Operation("neg", (_convert(operand, origin),))
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            return Operation("~", (_convert(operand, origin),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, origin)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in BINARY:
            return Operation(BINARY[type(operator)], (_convert(left, origin), _convert(right, origin)))
        case ast.Compare(left=left, ops=[compared], comparators=[right]) if type(compared) in COMPARED:
            return Operation(COMPARED[type(compared)], (_convert(left, origin), _convert(right, origin)))
    raise _not_allowed(node, origin)


def _entry(node: ast.expr, origin: Origin) -> Expression:
    """An entry of a subscript: a place, a span, `...`, or None for a new dimension."""
    match node:
        case ast.Constant(value=None) | ast.Name(id="null"):
            return Literal(None)
        case ast.Constant(value=value) if value is ...:
            return REST
        case ast.Slice(lower=lower, upper=upper, step=step):
            return Span(*(None if part is None else _convert(part, origin) for part in (lower, upper, step)))
    return _convert(node, origin)


def _not_allowed(node: ast.expr, origin: Origin) -> InvalidConfig:
    return refused(origin, f"'{_short(ast.unparse(node))}' is not allowed in an expression", EXPECTED)


def _argument(node: ast.expr, origin: Origin) -> Expression:
    """An argument of a function, which may also be a flag, a word, none or a list."""
    match node:
        case ast.Name(id=name) if name in WORDS:
            return Literal(WORDS[name])
        case ast.Constant(value=(bool() | str() | None) as value):
            return Literal(value)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return Literal(tuple(ast.unparse(item) for item in items))
    return _convert(node, origin)
