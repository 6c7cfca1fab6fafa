"""Sizes written in a config (`n_hvg + 1`, `ceil(r / 2)`) as polynomials."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb

from analyzer.parsing import EXPECTED, WORDS, Expression, Literal, Operation, Span, parse, refused
from analyzer.polynomial import Poly, call, poly
from analyzer.problems import Origin

MAX_EXPONENT, MAX_TERMS, MAX_BITS = 64, 40, 200
FUNCTIONS = {"ceil": 1, "floor": 1, "min": 2, "max": 2, "log2": 1, "sqrt": 1}
Lookup = Callable[[str], Poly]


def size(source: str | int | Fraction | Operation, lookup: Lookup, origin: Origin) -> Poly:
    """An expression over symbols as a polynomial. Raises InvalidConfig with the reason; `lookup` raises KeyError."""
    tree = parse(source, origin) if isinstance(source, str) else source
    return _size(tree, lookup, origin)


def _size(tree: Expression, lookup: Lookup, origin: Origin) -> Poly:
    if isinstance(tree, str):
        return lookup(tree)
    if isinstance(tree, Literal):
        raise refused(origin, f"{_told(tree)} is no number", EXPECTED)
    if isinstance(tree, Span):
        raise refused(origin, "a span is no number", EXPECTED)
    if not isinstance(tree, Operation):
        return poly(tree)
    if tree.name == "**":
        return _power(tree, lookup, origin)
    args = [_size(a, lookup, origin) for a in tree.args]
    wanted = FUNCTIONS.get(tree.name)
    if wanted is not None and (wanted != len(args) or tree.keywords):
        raise refused(origin, f"{tree.name} takes {wanted} argument{'s' * (wanted > 1)}, not {len(args) + len(tree.keywords)}")
    result = _apply(tree.name, tree.args, args, lookup, origin)
    if len(result.terms) > MAX_TERMS:
        raise refused(origin, f"expression has more than {MAX_TERMS} terms")
    if any(max(abs(c.numerator), c.denominator).bit_length() > MAX_BITS for c in result.terms.values()):
        raise refused(origin, "number too large")
    if any(abs(exponent) > MAX_EXPONENT for monomial in result.terms for _, exponent in monomial):
        raise refused(origin, f"a symbol to a power beyond {MAX_EXPONENT}")
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
            raise refused(origin, "division by zero")
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
    raise refused(origin, f"unknown function '{name}'" if name.isidentifier() else f"'{name}' is for tensors, not for sizes", EXPECTED)


def _root(name: str, value: Poly, origin: Origin) -> Poly:
    least = 1 if name == "log2" else 0
    if value.constant is not None and value.constant < least:
        raise refused(origin, f"{name} of {value!r}", f"expected a number from {least}")
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
    if power == Fraction(1, 2):
        return _root("sqrt", base, origin)
    if not isinstance(power, int) or abs(power) > MAX_EXPONENT:
        raise refused(origin, f"an exponent must be a whole number between -{MAX_EXPONENT} and {MAX_EXPONENT}")
    if comb(len(base.terms) + abs(power) - 1, abs(power)) > MAX_TERMS:
        raise refused(origin, f"expression has more than {MAX_TERMS} terms")
    if power < 0 and len(base.terms) != 1:
        raise refused(origin, "a negative exponent needs a single symbol or number below it")
    if isinstance(base.constant, int) and base.constant and abs(base.constant).bit_length() * abs(power) > MAX_BITS:
        raise refused(origin, "number too large")
    return base**power
