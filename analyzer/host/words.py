"""The values that stand below `data:`, read with every problem told: sizes, choices, dtypes, claims."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import prod

from analyzer.build.source import NAME, Problems, is_name
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.expressions import size
from analyzer.host.source import NUMPY, Claim, Shape
from analyzer.polynomial import ONE, Poly, symbol
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

MAX_DIMENSIONS, MAX_TERMS, MAX_ENTRIES = 8, 40, 100


class Words:
    """Reads values over the symbols of a model; what cannot be read becomes a problem and a stand-in."""

    def __init__(self, symbols: Iterable[str], problems: Problems) -> None:
        self.symbols, self.problems = tuple(symbols), problems

    def size(self, value: Value, what: str) -> Poly:
        """A number or an expression over symbols."""
        if not isinstance(value, Scalar) or value.value is None or isinstance(value.value, bool):
            self.problems.add(value.origin, f"{what} must be a number or an expression over symbols")
            return ONE
        scalar, source = value, value.value

        def lookup(name: str) -> Poly:
            if name not in self.symbols:
                raise InvalidConfig(Problem(scalar.at(name), f"unknown symbol '{name}'", nearest(name, self.symbols)))
            return symbol(name)

        try:
            return size(source, lookup, scalar.origin)
        except InvalidConfig as error:
            self.problems.extend(error.problems)
        except (ValueError, ZeroDivisionError):
            self.problems.add(scalar.origin, f"{what} is no number")
        return ONE

    def shape(self, value: Value | None, what: str, place: Origin) -> Shape | None:
        """A list of sizes; None when there is none."""
        if isinstance(value, Sequence) and value.items:
            sizes = tuple(self.size(item, f"a dimension of {what}") for item in value.items[: MAX_DIMENSIONS + 1])
            if len(sizes) <= MAX_DIMENSIONS and prod(len(s.terms) for s in sizes) <= MAX_TERMS:
                return sizes
            expected = f"at most {MAX_DIMENSIONS} dimensions, and a product of at most {MAX_TERMS} terms"
            self.problems.add(value.origin, f"the shape of {what} is too complicated", expected)
            return None
        self.problems.add(value.origin if value else place, f"{what} needs a shape", "shape: [N, 10]")
        return None

    def choice(self, value: Value | None, what: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        if value is None:
            return default
        known, word = tuple(choices), _word(value)
        if word in known:
            return word
        self.problems.add(value.origin, f"unknown {what} '{word}'", nearest(word, known) or f"known: {', '.join(known)}")
        return default

    def dtype(self, value: Value | None, default: str = "float32") -> str:
        """The name of a dtype."""
        return self.choice(value, "dtype", NUMPY, default)

    def flag(self, value: Value | None, what: str) -> bool:
        """true or false."""
        if value is None:
            return False
        if not isinstance(value, Scalar) or not isinstance(value.value, bool):
            self.problems.add(value.origin, f"{what} must be true or false")
            return False
        return value.value

    def claims(self, value: Value | None) -> tuple[Claim, ...]:
        """A claim or a list of claims."""
        items = value.items if isinstance(value, Sequence) else () if value is None else (value,)
        found = []
        for item in items:
            number = item.value if isinstance(item, Scalar) else None
            if isinstance(number, bool) or not isinstance(number, (int, Fraction)) or number <= 0:
                self.problems.add(item.origin, "a claim must be a number", "the fraction saved (0.85), or bytes (14e6)")
            elif 1 <= number <= 100:
                self.problems.add(item.origin, f"a claim of {float(number):g} is no fraction, and hardly bytes", "85 % is 0.85")
            else:
                found.append(Claim(Fraction(number), item.origin))
        return tuple(found)

    def name(self, key: Scalar, what: str) -> str:
        """A name for something."""
        if not is_name(str(key.value)):
            self.problems.add(key.origin, f"'{key.value}' is no name for {what}", NAME)
        return str(key.value)

    def entries(self, value: Value | None, what: str) -> tuple[tuple[Scalar, Value], ...]:
        """Keys and values of a mapping; none when it is left out."""
        if isinstance(value, Mapping):
            if len(value.entries) > MAX_ENTRIES:
                self.problems.add(value.origin, f"{what} has more than {MAX_ENTRIES} entries")
            return value.entries[:MAX_ENTRIES]
        if value is not None and not (isinstance(value, Scalar) and value.value is None):
            self.problems.add(value.origin, f"{what} must be a mapping of names to values")
        return ()


def _word(value: Value) -> str:
    return str(value.value) if isinstance(value, Scalar) else "a list" if isinstance(value, Sequence) else "a mapping"
