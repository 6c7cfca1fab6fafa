"""Named functions in formulas: simplified or not, they are what Python computes."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from analyzer.evaluate import evaluate
from analyzer.polynomial import Poly, call, poly, symbol

Both = tuple[Poly, Callable[[dict[str, int]], int]]
NAMES = ("x", "y", "z")
WORDS: dict[str, Callable[[int, int], int]] = {
    "floordiv": lambda a, b: a // b,
    "ceildiv": lambda a, b: -(-a // b),
    "mod": lambda a, b: a % b,
    "max": max,
    "min": min,
}


def _leaf(given: int | str) -> Both:
    return (poly(given), lambda _: given) if isinstance(given, int) else (symbol(given), lambda values: values[given])


def _joined(parts: tuple[Both, str, Both]) -> Both:
    (a, f), word, (b, g) = parts
    if word == "+":
        return a + b, lambda values: f(values) + g(values)
    if word == "*":
        return a * b, lambda values: f(values) * g(values)
    assume(b.constant != 0)
    return call(word, a, b), lambda values: WORDS[word](f(values), g(values))


EXPRESSIONS = st.recursive(
    st.one_of(st.integers(1, 6), st.sampled_from(NAMES)).map(_leaf),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "*", *WORDS]), inner).map(_joined),
    max_leaves=6,
)


@given(EXPRESSIONS, st.lists(st.integers(1, 40), min_size=3, max_size=3))
def test_a_formula_is_what_python_computes(both: Both, numbers: list[int]) -> None:
    formula, plain = both
    values = dict(zip(NAMES, numbers))
    try:
        expected = plain(values)
    except ZeroDivisionError:
        assume(False)

    assert evaluate(formula, values) == expected


def test_a_rest_of_a_rounded_quotient_is_not_simplified_away() -> None:
    assert evaluate(symbol("x") // 2 % 3, {"x": 5}) == 2
    assert symbol("x") % symbol("x") == poly(0)
