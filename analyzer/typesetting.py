"""Formulas for people: `4·B·r²·c²` in a terminal, `4 B r^{2} c^{2}` in LaTeX, and in HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from analyzer.notation import Factor, Function, Node, Power, Product, Quotient, Sum, collected
from analyzer.polynomial import Poly

SHORT = 24  # characters of LaTeX
BEFORE = r"\penalty800"  # a line may end before a rounded quotient, but rather after a sign, which has 700
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclass(frozen=True, slots=True)
class Style:
    """How the parts of a formula are written."""

    times: str
    minus: str
    name: Callable[[str], str]
    number: Callable[[int], str]
    power: Callable[[str, int], str]
    quotient: Callable[[str, str, bool], str]  # of two texts, the upper one a sum or not
    rounded: dict[str, tuple[str, str]]  # around a quotient
    functions: dict[str, tuple[str, str, str]]  # before, between and after the arguments
    call: Callable[[str], str]
    parentheses: tuple[str, str]
    together: Callable[[str], str] = str  # what is in parentheses: kept on one line where it is short
    comma: str = ", "


@lru_cache(maxsize=4096)
def unicode(value: Poly) -> str:
    """A formula in one line of Unicode."""
    return written(collected(value), UNICODE)


def latex(value: Poly) -> str:
    """A formula in LaTeX's mathematics, without dollars."""
    return written(collected(value), LATEX)


def html(value: Poly) -> str:
    """A formula in HTML, of var, sup and sub."""
    return written(collected(value), HTML)


def written(tree: Node, style: Style) -> str:
    """A tree as text."""
    if isinstance(tree, Quotient):
        return style.quotient(written(tree.above, style), style.number(tree.below), isinstance(tree.above, Sum))
    if isinstance(tree, Product):
        return _product(tree, style)
    first, *others = tree.terms
    text = _product(first, style)
    for term in others:
        sign = f" {style.minus} " if term.number < 0 else " + "
        text += sign + _product(Product(abs(term.number), term.factors), style)
    return text


def _product(product: Product, style: Style) -> str:
    number = abs(product.number)
    above = [_factor(f, style) for f in product.factors if isinstance(f, Sum) or f.exponent > 0]
    below = [_factor(Power(f.base, -f.exponent), style) for f in product.factors if isinstance(f, Power) and f.exponent < 0]
    text = style.times.join([style.number(number), *above] if number != 1 or not above else above)
    sign = style.minus if product.number < 0 else ""
    return sign + (style.quotient(text, style.times.join(below), False) if below else text)


def _factor(factor: Factor, style: Style) -> str:
    before, after = style.parentheses
    if isinstance(factor, Sum):
        return style.together(f"{before}{written(factor, style)}{after}")
    if isinstance(factor.base, str):
        base = style.name(factor.base)
    else:
        base = _function(factor.base, style)
        base = f"{before}{base}{after}" if factor.base.name == "mod" else base
    return base if factor.exponent == 1 else style.power(base, factor.exponent)


def _function(function: Function, style: Style) -> str:
    args = [written(arg, style) for arg in function.args]
    if function.name in style.rounded:
        before, after = style.rounded[function.name]
        return before + style.quotient(args[0], args[1], isinstance(function.args[0], Sum)) + after
    if function.name == "mod":
        opening, closing = style.parentheses
        args = [f"{opening}{a}{closing}" if isinstance(tree, Sum) else a for a, tree in zip(args, function.args)]
    before, between, after = style.functions.get(function.name, (style.call(function.name) + "(", style.comma, ")"))
    return before + between.join(args) + after


def _divided(above: str, below: str, is_sum: bool) -> str:
    return f"{f'({above})' if is_sum else above}/{f'({below})' if '·' in below else below}"


def _one_line(text: str) -> str:
    r"""TeX breaks no line between braces."""
    return f"{{{text}}}" if len(text) <= SHORT else text


def _slashed(above: str, below: str, is_sum: bool) -> str:
    r"""A quotient that is no higher than a line of text, and may be broken like one: \frac makes the lines of a table touch."""
    several = "," in below
    return f"{f'({above})' if is_sum else above}/{f'({below})' if several else below}"


def latex_name(name: str) -> str:
    """A symbol: one letter as it is, words in italics, what follows an underscore or is a number below the line."""
    head, _, below = name.partition("_")
    if not below and re.fullmatch(r"[A-Za-z]\d+", head):
        head, below = head[0], head[1:]
    letter = head if len(head) == 1 else rf"\mathit{{{head}}}"
    below = below.replace("_", r"\_")
    if len(below) > 1 and not below.isdigit():
        below = rf"\mathrm{{{below}}}"
    return f"{letter}_{{{below}}}" if below else letter


def _html_name(name: str) -> str:
    head, _, below = name.partition("_")
    return f"<var>{head}</var>" + (f"<sub>{below}</sub>" if below else "")


def _latex_call(name: str) -> str:
    escaped = name.replace("_", r"\_")
    return rf"\operatorname{{{escaped}}}"


def _grouped(number: int, separator: str) -> str:
    return f"{number:,}".replace(",", separator) if number > 9999 else str(number)


UNICODE = Style(
    times="·", minus="−", name=str, number=lambda n: _grouped(n, "\u202f"),
    power=lambda base, exponent: base + str(exponent).translate(SUPERSCRIPT), quotient=_divided,
    rounded={"floordiv": ("⌊", "⌋"), "ceildiv": ("⌈", "⌉")},
    functions={"mod": ("", " mod ", ""), "size": ("(", "", ")"), "isqrt": ("⌊√(", "", ")⌋")}, call=str, parentheses=("(", ")"),
)  # fmt: skip
LATEX = Style(
    times=r"\,", minus="-", name=latex_name, number=lambda n: _grouped(n, r"\,"),
    power=lambda base, exponent: f"{base}^{{{exponent}}}", quotient=_slashed,
    rounded={"floordiv": (BEFORE + r"{\lfloor ", r"\rfloor}"), "ceildiv": (BEFORE + r"{\lceil ", r"\rceil}")},
    functions={"mod": ("", r" \bmod ", ""), "size": ("(", "", ")"), "min": (r"\min(", ", ", ")"), "max": (r"\max(", ", ", ")"),
               "isqrt": (r"\left\lfloor\sqrt{", "", r"}\right\rfloor")}, call=_latex_call, parentheses=("(", ")"),
    together=_one_line, comma=r",\allowbreak ",
)  # fmt: skip
HTML = replace(UNICODE, name=_html_name, power=lambda base, exponent: f"{base}<sup>{exponent}</sup>")
