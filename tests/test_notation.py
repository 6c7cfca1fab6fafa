"""Formulas as a person writes them: they have the polynomial's value, and read well."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.evaluate import exact
from analyzer.functions import FUNCTIONS
from analyzer.memory import categories
from analyzer.notation import collected
from analyzer.polynomial import Poly, call, poly, symbol
from analyzer.typesetting import UNICODE, Style, latex, unicode, written
from tests.asking import BUNDLED, analysis, polynomial

PYTHON: Style = replace(
    UNICODE, times="*", minus="-", number=str, power=lambda base, exponent: f"{base}**{exponent}",
    quotient=lambda above, below, _: f"(Fraction({above})/({below}))", rounded={"floordiv": ("floor(", ")"), "ceildiv": ("ceil(", ")")},
    functions={"mod": ("mod(", ", ", ")"), "size": ("(", "", ")")},
)  # fmt: skip
NAMES = ("B", "L", "c", "n_h", "r")
monomials = st.dictionaries(st.sampled_from(NAMES), st.integers(-2, 3), max_size=4)
numbers = st.fractions(-40, 40, max_denominator=6).filter(bool)


@st.composite
def polynomials(draw: st.DrawFn) -> Poly:
    """A sum of a few terms, some with a rounded quotient or a sum in parentheses in them."""
    value = poly(draw(numbers))
    for powers, number in draw(st.lists(st.tuples(monomials, numbers), max_size=9)):
        term = poly(number)
        for name, exponent in powers.items():
            term = term * symbol(name) ** exponent
        rounded = draw(st.sampled_from(["", "floordiv", "ceildiv", "size"]))
        if rounded:
            term = term * (call(rounded, symbol("r") + 7, 4) if rounded != "size" else call("size", symbol("c") + 1))
        value = value + term
    return value


def evaluated(text: str, symbols: Mapping[str, int | Fraction]) -> Fraction:
    """What a formula written for Python is."""
    words = {**FUNCTIONS, "Fraction": Fraction, "floor": floor, "ceil": ceil, "__builtins__": {}}
    return Fraction(eval(text, words, dict(symbols)))


@given(polynomials(), st.tuples(*(st.integers(1, 9) for _ in NAMES)))
def test_a_tree_has_the_value_of_its_polynomial(value: Poly, chosen: tuple[int, ...]) -> None:
    symbols = dict(zip(NAMES, chosen))
    assert evaluated(written(collected(value), PYTHON), symbols) == exact(value, symbols)


@pytest.mark.parametrize("name", BUNDLED[::6])
def test_formulas_of_models_have_the_value_of_their_polynomials(name: str) -> None:
    of = analysis(name, {"mode": "infer"})
    for form in categories(of).values():
        assert evaluated(written(collected(form), PYTHON), of.symbols.values) == exact(form, of.symbols.values)


@pytest.mark.parametrize(("formula", "expected"), [
    ("4*B*r**2*c**2", "4·B·c²·r²"),
    ("2*L*c*f + 4*L*c**2 + 9*L*c + L*f + P*c + V*c + c**2 + V + 7*c", "L·(c·(4·c + 2·f + 9) + f) + c·(P + V + c + 7) + V"),
    ("L*c**3 + L*c*n + 14*L*c**2 + 17*L*c", "L·c·(c² + 14·c + n + 17)"),
    ("B*r*(4*L*c**2*r + 8*L*c*r + 60*L*c - 4*c**2*r + 24*L)", "4·B·(c·r²·(L·c + 2·L − c) + L·r·(15·c + 6))"),
    ("48*H + 48", "48·(H + 1)"),
    ("-3*c", "−3·c"),
    ("0*c", "0"),
    ("5*c - c", "4·c"),
    ("12345*c", "12\u202f345·c"),
])  # fmt: skip
def test_reads_as_a_person_writes(formula: str, expected: str) -> None:
    assert unicode(polynomial(formula)) == expected


def test_quotients_are_written_once() -> None:
    c, n, r = symbol("c"), symbol("n"), symbol("r")
    assert unicode(4 * c / n) == "4·c/n"
    assert unicode(c / (n * r)) == "c/(n·r)"
    assert unicode(c * Fraction(1, 2)) == "c/2"
    assert unicode((c + 1) * Fraction(1, 2)) == "(c + 1)/2"
    assert unicode(3 * call("ceildiv", r + 1, 32)) == "3·⌈(r + 1)/32⌉"
    assert unicode(call("floordiv", r, 4) ** 2) == "⌊r/4⌋²"


@pytest.mark.parametrize(("formula", "expected"), [
    ("4*B*r**2*c**2", r"4\,B\,c^{2}\,r^{2}"),
    ("n_hvg + 1", r"n_{\mathrm{hvg}} + 1"),
    ("c_z*kv", r"c_{z}\,\mathit{kv}"),
    ("2*H1 - 1", r"2\,H_{1} - 1"),
])  # fmt: skip
def test_latex_typesets_names_and_powers(formula: str, expected: str) -> None:
    assert latex(polynomial(formula)) == expected


def test_latex_writes_quotients_and_roundings_no_higher_than_a_line() -> None:
    c, n, r = symbol("c"), symbol("n"), symbol("r")
    assert latex(4 * c / n) == r"4\,c/n"
    assert latex(4 * c / (n * r)) == r"4\,c/(n\,r)"
    assert latex(call("ceildiv", r, 32)) == r"\penalty800{\lceil r/32\rceil}"
    assert latex(call("floordiv", r + 1, 4)) == r"\penalty800{\lfloor (r + 1)/4\rfloor}"


def test_short_sums_in_parentheses_stay_on_a_line_of_latex() -> None:
    assert latex(polynomial("B*c + B")) == r"B\,{(c + 1)}"
    assert latex(polynomial("B*(a1*c + b1*d + c1*f + d1*h)")) == r"B\,(a_{1}\,c + b_{1}\,d + c_{1}\,f + d_{1}\,h)"
