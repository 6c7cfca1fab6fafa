"""Arithmetic written in a config, read by Python's parser against an allowlist and interpreted here; nothing is executed.

Two uses: sizes (`n_hvg + 1`, `ceil(r / 2)`) become polynomials; tensor arithmetic (`mean(0.5 * s**2)`) becomes a tree.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import comb
from typing import Union

from analyzer.polynomial import Poly, call, poly
from analyzer.problems import InvalidConfig, Origin, Problem

MAX_LENGTH, MAX_NODES, MAX_NESTING, MAX_EXPONENT, MAX_NUMBER, MAX_TERMS = 1000, 300, 40, 64, 10**18, 40
MAX_BITS = 200
BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
          ast.MatMult: "@"}  # fmt: skip
FUNCTIONS = {"ceil": 1, "floor": 1, "min": 2, "max": 2, "log2": 1, "sqrt": 1}


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


Expression = Union[str, int, Fraction, Operation, Literal]


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
        raise _refused(origin, "expression too long or too deeply nested")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        cut = source.count("(") > source.count(")")
        hint = "inside { }, an expression with a comma stands in quotes" if cut else EXPECTED
        raise _refused(origin, f"cannot read the expression '{_short(source)}'", hint) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise _refused(origin, "expression too long or too deeply nested")
    return _convert(tree, origin)


EXPECTED = "expected names and numbers with + - * / // % **, ceil, floor, min, max, log2, sqrt"


def _short(source: str) -> str:
    return source if len(source) <= 60 else source[:57] + "..."


def _refused(origin: Origin, message: str, hint: str = "") -> InvalidConfig:
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
            raise _refused(origin, "true and false are no numbers", EXPECTED)
        case ast.Constant(value=int(number)) if number <= MAX_NUMBER:
            return number
        case ast.Constant(value=float(number)) if abs(number) <= MAX_NUMBER:
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Operation("neg", (_convert(operand, origin),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, origin)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in BINARY:
            return Operation(BINARY[type(operator)], (_convert(left, origin), _convert(right, origin)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if all(k.arg for k in keywords):
            named = tuple((str(k.arg), _argument(k.value, origin)) for k in keywords)
            return Operation(name, tuple(_argument(a, origin) for a in args), named)
        case ast.Attribute(value=value, attr="T"):
            return Operation("t", (_convert(value, origin),))
        case ast.Attribute(value=value, attr="mT"):
            return Operation("transpose", (_convert(value, origin), -2, -1))
        case ast.Constant(value=int() | float()):
            raise _refused(origin, "number too large", f"at most {MAX_NUMBER:.0e}")
    raise _refused(origin, f"'{_short(ast.unparse(node))}' is not allowed in an expression", EXPECTED)


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


Lookup = Callable[[str], Poly]


def size(source: str | int | Fraction | Operation, lookup: Lookup, origin: Origin) -> Poly:
    """An expression over symbols as a polynomial. Raises InvalidConfig with the reason; `lookup` raises KeyError."""
    tree = parse(source, origin) if isinstance(source, str) else source
    return _size(tree, lookup, origin)


def _size(tree: Expression, lookup: Lookup, origin: Origin) -> Poly:
    if isinstance(tree, str):
        return lookup(tree)
    if isinstance(tree, Literal):
        raise _refused(origin, f"{_told(tree)} is no number", EXPECTED)
    if not isinstance(tree, Operation):
        return poly(tree)
    if tree.name == "**":
        return _power(tree, lookup, origin)
    args = [_size(a, lookup, origin) for a in tree.args]
    wanted = FUNCTIONS.get(tree.name)
    if wanted is not None and (wanted != len(args) or tree.keywords):
        raise _refused(origin, f"{tree.name} takes {wanted} argument{'s' * (wanted > 1)}, not {len(args) + len(tree.keywords)}")
    result = _apply(tree.name, tree.args, args, lookup, origin)
    if len(result.terms) > MAX_TERMS:
        raise _refused(origin, f"expression has more than {MAX_TERMS} terms")
    if any(max(abs(c.numerator), c.denominator).bit_length() > MAX_BITS for c in result.terms.values()):
        raise _refused(origin, "number too large")
    if any(abs(exponent) > MAX_EXPONENT for monomial in result.terms for _, exponent in monomial):
        raise _refused(origin, f"a symbol to a power beyond {MAX_EXPONENT}")
    return result


def _told(literal: Literal) -> str:
    if isinstance(literal.value, tuple):
        return "a list"
    return next((word for word, value in WORDS.items() if value is literal.value), f"'{literal.value}'")


def _apply(name: str, trees: tuple[Expression, ...], args: list[Poly], lookup: Lookup, origin: Origin) -> Poly:
    match name:
        case "+":
            return args[0] + args[1]
        case "-":
            return args[0] - args[1]
        case "*":
            return args[0] * args[1]
        case "neg":
            return -args[0]
        case "/" | "//" | "%" if args[1] == 0:
            raise _refused(origin, "division by zero")
        case "/":
            return args[0] / args[1]
        case "//":
            return args[0] // args[1]
        case "%":
            return args[0] % args[1]
        case "min" | "max":
            return call(name, *args)
        case "log2" | "sqrt":
            return _root(name, args[0], origin)
        case "ceil" | "floor":
            top, bottom = _fraction(trees[0], args[0], lookup, origin)
            return call("ceildiv" if name == "ceil" else "floordiv", top, bottom)
    raise _refused(origin, f"unknown function '{name}'", EXPECTED)


def _root(name: str, value: Poly, origin: Origin) -> Poly:
    least = 1 if name == "log2" else 0
    if value.constant is not None and value.constant < least:
        raise _refused(origin, f"{name} of {value!r}", f"expected a number from {least}")
    return call("isqrt" if name == "sqrt" else name, value)


def _fraction(tree: Expression, value: Poly, lookup: Lookup, origin: Origin) -> tuple[Poly, Poly]:
    """Numerator and denominator of what ceil and floor round."""
    if isinstance(tree, Operation) and tree.name == "/":
        top, bottom = (_size(a, lookup, origin) for a in tree.args)
    else:
        top, bottom = value, poly(1)
    for part in (top, bottom):
        if any(isinstance(c, Fraction) for c in part.terms.values()):
            scale = Fraction(1)
            for c in (*top.terms.values(), *bottom.terms.values()):
                scale *= Fraction(c).denominator
            return top * scale, bottom * scale
    return top, bottom


def _power(tree: Operation, lookup: Lookup, origin: Origin) -> Poly:
    base, exponent = (_size(a, lookup, origin) for a in tree.args)
    power = exponent.constant
    if not isinstance(power, int) or abs(power) > MAX_EXPONENT:
        raise _refused(origin, f"an exponent must be a whole number between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    if comb(len(base.terms) + abs(power) - 1, abs(power)) > MAX_TERMS:
        raise _refused(origin, f"expression has more than {MAX_TERMS} terms")
    if power < 0 and len(base.terms) != 1:
        raise _refused(origin, "a negative exponent needs a single symbol or number below it")
    if isinstance(base.constant, int) and base.constant and abs(base.constant).bit_length() * abs(power) > MAX_BITS:
        raise _refused(origin, "number too large")
    return base**power
