"""Polynomials as text that Python evaluates to the same number: `4*B*r**2*c**2`."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

from analyzer.polynomial import Call, Monomial, Number, Poly, ordered, times

INFIX = {"floordiv": "//", "mod": "%"}


def text(value: Poly) -> str:
    """One Python expression of ints, symbols and named functions; a division by symbols is written once, as `//`."""
    if not value.terms:
        return "0"
    alone = next(iter(value.terms)) if len(value.terms) == 1 else ()
    if len(alone) == 1 and value.terms[alone] == 1 and isinstance(alone[0][0], Call) and alone[0][0].name == "size" and alone[0][1] == 1:
        return text(alone[0][0].args[0])
    below, above = over_common_denominator(value)
    factor, rest = _common_factor(above)
    body = _sum(rest)
    if factor.terms != {(): 1}:
        inner = body if len(rest.terms) == 1 else f"({body})"
        body = _sum(factor) if rest.terms == {(): 1} else f"{_sum(factor)}*{inner}"
    if below.terms == {(): 1}:
        return body
    divided = body if len(above.terms) == 1 or factor.terms != {(): 1} else f"({body})"
    return f"{divided}//{_parenthesised(below)}"


def over_common_denominator(value: Poly) -> tuple[Poly, Poly]:
    """(d, p) with value = p / d, d one monomial, and no negative power or fraction in p."""
    scale = lcm(*(Fraction(c).denominator for c in value.terms.values()))
    low: dict[str | Call, int] = {}
    for monomial in value.terms:
        for atom, exponent in monomial:
            low[atom] = min(low.get(atom, 0), exponent)
    inverse = ordered((a, -e) for a, e in low.items() if e < 0)
    return Poly({inverse: scale}), value * Poly({inverse: scale})


def _common_factor(value: Poly) -> tuple[Poly, Poly]:
    """(f, rest) with value = f * rest, f the largest monomial that divides every term when there are several."""
    monomials = list(value.terms)
    if len(monomials) == 1:
        return Poly({(): 1}), value
    shared = dict(monomials[0])
    for monomial in monomials[1:]:
        powers = dict(monomial)
        shared = {a: min(e, powers[a]) for a, e in shared.items() if a in powers}
    number = gcd(*(int(c) for c in value.terms.values()))
    factor = ordered(shared.items())
    inverse: Monomial = tuple((a, -e) for a, e in factor)
    return Poly({factor: number}), Poly({times(m, inverse): Fraction(c, number) for m, c in value.terms.items()})


def _order(item: tuple[Monomial, Number]) -> tuple[int, str]:
    monomial, _ = item
    return -sum(e for _, e in monomial), str([(not isinstance(a, str), str(a), e) for a, e in monomial])


def _sum(value: Poly) -> str:
    """Terms by falling degree, signs between them."""
    if not value.terms:
        return "0"
    parts = [_term(m, c) for m, c in sorted(value.terms.items(), key=_order)]
    joined = parts[0]
    for part in parts[1:]:
        joined += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
    return joined


def _term(monomial: Monomial, coefficient: Number) -> str:
    several = len(monomial) > 1 or coefficient != 1
    factors = [_atom(a, several or e != 1) + (f"**{e}" if e != 1 else "") for a, e in monomial]
    if not factors:
        return str(coefficient)
    if coefficient == -1:
        return "-" + "*".join(factors)
    return "*".join(([] if coefficient == 1 else [str(coefficient)]) + factors)


def _atom(atom: str | Call, several: bool) -> str:
    if isinstance(atom, str):
        return atom
    return f"({atom})" if atom.name in (*INFIX, "ceildiv") and several else str(atom)


def call_text(name: str, args: tuple[Poly, ...]) -> str:
    """A named function in Python syntax; floor division and remainder as operators."""
    if name in INFIX:
        return f"{_parenthesised(args[0])}{INFIX[name]}{_parenthesised(args[1])}"
    if name == "size":
        return f"({text(args[0])})"
    if name == "ceildiv":
        return f"-(-{_parenthesised(args[0])}//{_parenthesised(args[1])})"
    return f"{name}({', '.join(text(a) for a in args)})"


def _parenthesised(value: Poly) -> str:
    written = text(value)
    return written if written.isidentifier() or written.isdigit() else f"({written})"
