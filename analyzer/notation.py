"""Polynomials as a person writes them: common factors out, terms collected by symbols, for a terminal or for LaTeX.

A polynomial becomes a tree of sums, products, powers, quotients and functions that has its value; a writer turns the tree
into text. `analyzer.formula` writes the text that programs evaluate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from math import gcd, lcm
from operator import itemgetter
from typing import Union

from analyzer.polynomial import Atom, Call, Monomial, Number, Poly, ordered, times

NESTED = 2  # parentheses inside each other, at most


@dataclass(frozen=True, slots=True)
class Power:
    """A symbol or a function to a whole power; what has a negative one divides."""

    base: str | Function
    exponent: int = 1


@dataclass(frozen=True, slots=True)
class Function:
    """A named function: floordiv, ceildiv, mod, or one of `analyzer.functions`."""

    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A whole number times factors; a number alone has none."""

    number: int
    factors: tuple[Factor, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """Two or more terms, the largest degree first."""

    terms: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    """An exact division by a number from 2."""

    above: Product | Sum
    below: int


Factor = Union[Power, Sum]
Node = Union[Product, Sum, Quotient]
Terms = dict[Monomial, int]
_ATOM: Callable[[tuple[Atom, int]], Atom] = itemgetter(0)
_EXPONENT: Callable[[tuple[Atom, int]], int] = itemgetter(1)


@lru_cache(maxsize=4096)
def collected(value: Poly) -> Node:
    """The tree of a polynomial."""
    terms = _opened(value)
    below = lcm(*(c.denominator for c in terms.values()))
    tree = _factored({m: int(c * below) for m, c in terms.items()}, NESTED)
    return tree if below == 1 else Quotient(tree, below)


def _opened(value: Poly) -> dict[Monomial, Number]:
    """The terms; a sum that stands alone in parentheses without them."""
    if len(value.terms) == 1:
        ((monomial, number),) = value.terms.items()
        atom, exponent = monomial[0] if len(monomial) == 1 else ("", 0)
        if number == 1 and exponent == 1 and isinstance(atom, Call) and atom.name == "size":
            return _opened(atom.args[0])
    return dict(value.terms)


def _factored(terms: Terms, depth: int) -> Product | Sum:
    """What all terms share, times the rest; the rest by the powers of a symbol where several terms have each."""
    if not terms:
        return Product(0)
    shared, number = _shared(terms, depth == NESTED)
    powers = next((atom for atom, _ in shared if len(terms) > 3 and _by_power(terms, atom)), None) if depth > 0 else None
    shared = tuple(power for power in shared if power[0] != powers)
    rest = _divided(terms, shared, number)
    if len(rest) == 1:
        ((monomial, coefficient),) = rest.items()
        return Product(number * coefficient, _powers(times(shared, monomial)))
    outside = number != 1 or bool(shared)
    summands = _summands(rest, depth - outside) if powers is None else _power_summands(rest, powers, depth - outside)
    inner = Sum(tuple(_positive_first(summands)))
    return Product(number, (*_powers(shared), inner)) if outside else inner


def _by_power(terms: Terms, atom: Atom) -> dict[int, Terms]:
    """The terms by the power that a symbol has in them; nothing unless there are several with several terms."""
    found: dict[int, Terms] = {}
    for monomial, number in terms.items():
        found.setdefault(dict(monomial).get(atom, 0), {})[monomial] = number
    return found if sum(len(group) > 1 for group in found.values()) > 1 else {}


def _power_summands(terms: Terms, atom: Atom, depth: int) -> list[Product]:
    made: list[Product] = []
    for power, group in sorted(_by_power(terms, atom).items(), reverse=True):
        factor: Monomial = ((atom, power),) if power else ()
        tree = _factored(_divided(group, factor, 1), depth)
        if isinstance(tree, Sum) and power:
            tree = Product(1, (tree,))
        made += [Product(product.number, _arranged((*_powers(factor), *product.factors))) for product in _products(tree)]
    return made


def _arranged(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Symbols by name, functions, sums in parentheses."""
    return tuple(sorted(factors, key=lambda f: (isinstance(f, Sum), isinstance(f, Power) and isinstance(f.base, Function), _named(f))))


def _named(factor: Factor) -> str:
    return factor.base if isinstance(factor, Power) and isinstance(factor.base, str) else ""


def _products(tree: Product | Sum) -> tuple[Product, ...]:
    return tree.terms if isinstance(tree, Sum) else (tree,)


def _positive_first(products: list[Product]) -> list[Product]:
    first = next((i for i, product in enumerate(products) if product.number > 0), 0)
    return [products[first], *products[:first], *products[first + 1 :]]


def _shared(terms: Terms, outermost: bool) -> tuple[Monomial, int]:
    """The largest monomial and number that divide every term; inside a formula no number but the sign and what leaves 1 behind."""
    first, *others = terms
    powers = dict(first)
    for monomial in others:
        if not powers:
            break
        own = dict(monomial)
        powers = {atom: min(e, own[atom]) for atom, e in powers.items() if atom in own}
    numbers = terms.values()
    number = gcd(*numbers)
    if not outermost and number > 1 and 2 * sum(1 for c in numbers if c in (number, -number)) < len(terms):
        number = 1
    return ordered(powers.items()), -number if max(numbers) < 0 else number


def _divided(terms: Terms, shared: Monomial, number: int) -> Terms:
    if not shared and number == 1:
        return terms
    inverse = tuple((atom, -e) for atom, e in shared)
    return {times(m, inverse): c // number for m, c in terms.items()}


def _summands(terms: Terms, depth: int) -> list[Product]:
    """Terms, those with a symbol in common collected while that shortens, by falling degree."""
    made: list[tuple[int, Product]] = []
    while depth > 0 and len(terms) > 2:
        atom = _collecting(terms)
        if atom is None:
            break
        group = _containing(terms, atom)
        terms = {m: c for m, c in terms.items() if m not in group}
        degree = max(map(_degree, group))
        made += [(degree, product) for product in _products(_factored(group, depth))]
    made += [(_degree(m), Product(c, _powers(m))) for m, c in sorted(terms.items(), key=lambda item: str(item[0]))]
    return [product for _, product in sorted(made, key=lambda item: -item[0])]


def _collecting(terms: Terms) -> Atom | None:
    """The symbol to collect by: one that is linear wherever it stands (a batch, a count of layers) before one that is not."""
    counts = Counter(map(_ATOM, chain.from_iterable(terms)))
    found = [(atom, count) for atom, count in counts.items() if 1 < count < len(terms) and isinstance(atom, str)]
    worth = [(atom, count) for atom, count in found if count > 2 or _saves(terms, atom)]
    if not worth:
        return None
    higher = {atom for atom, exponent in chain.from_iterable(terms) if exponent != 1}
    return min(worth, key=lambda item: (item[0] in higher, -item[1], str(item[0])))[0]


def _saves(terms: Terms, atom: Atom) -> bool:
    """Whether two terms share more than one symbol or a number beside it."""
    shared, number = _shared(_containing(terms, atom), False)
    return len(shared) > 1 or number != 1


def _containing(terms: Terms, atom: Atom) -> Terms:
    """The terms with a symbol."""
    return {m: c for m, c in terms.items() if atom in map(_ATOM, m)}


def _degree(monomial: Monomial) -> int:
    return sum(map(_EXPONENT, monomial))


def _powers(monomial: Monomial) -> tuple[Factor, ...]:
    return tuple(_power(atom, exponent) for atom, exponent in monomial)


def _power(atom: Atom, exponent: int) -> Power:
    base = atom if isinstance(atom, str) else Function(atom.name, tuple(collected(arg) for arg in atom.args))
    return Power(base, exponent)
