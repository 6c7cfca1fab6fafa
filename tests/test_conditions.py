"""What reports say of conditions briefly says the same as all of them."""

import random

import pytest

from analyzer.assumptions import Assumption
from analyzer.conditions import essential
from analyzer.evaluate import NotWhole, holds
from analyzer.functions import FUNCTIONS
from analyzer.polynomial import Poly, poly, symbol
from tests.asking import analysis

B, c, r = (symbol(name) for name in "Bcr")


def true(told: tuple[str, ...], symbols: dict[str, int]) -> bool:
    return all(eval(line, {"__builtins__": {"min": min, "max": max}, **FUNCTIONS}, dict(symbols)) for line in told)


@pytest.mark.parametrize("model", ["bert-base", "t5-small", "bioformer", "llama-3.1-8b-decode", "gpt2-prefill", "resnet18"])
def test_brief_conditions_hold_where_all_hold(model: str):
    found, choose = analysis(model), random.Random(7)
    told, agreed = essential(found.assumptions), 0
    assert len(told) <= len(found.assumptions)

    for _ in range(600):
        values = {name: choose.choice([v, v, v, 1, choose.randint(1, 2 * v)]) for name, v in found.symbols.values.items()}
        try:
            every = all(holds(a, values) for a in found.assumptions)
        except (NotWhole, ZeroDivisionError):
            continue
        assert true(told, values) == every
        agreed += every
    assert agreed


CASES = [
    ([(B, "<=", 3072), (B, "<=", 64), (B, ">=", 2), (B, "!=", 1)], ("2 <= B <= 64",)),
    ([(B * r, "<=", 3072), (r, "<=", 3072), (r, "<=", 3071)], ("r <= 3071", "B*r <= 3072")),
    ([(r, "!=", 1), (B * r, "!=", 1), (B * r, "!=", 2)], ("r != 1", "B*r != 2")),
    ([(B, "==", 1), (c, "==", B * c), (r, "<=", 9)], ("B == 1", "r <= 9")),
    ([(B, "==", 2), (c, "==", B * c)], ("B == 2", "c == B*c")),
    ([(B - 1, ">=", 4)], ("B >= 5",)),
]


@pytest.mark.parametrize(("given", "told"), CASES, ids=[str(told) for _, told in CASES])
def test_what_is_implied_is_left_out(given: list[tuple[Poly, str, Poly | int]], told: tuple[str, ...]):
    assert essential(Assumption(left, relation, poly(right)) for left, relation, right in given) == told


def test_multiples_of_a_multiple_are_left_out():
    given = [(r * r % 8, "==", 0), (r % 8, "==", 0), (c % 4, "==", 0)]

    assert set(essential(Assumption(left, relation, poly(right)) for left, relation, right in given)) == {"r%8 == 0", "c%4 == 0"}
