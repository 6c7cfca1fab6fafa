"""Symbols: definitions bound to whole numbers, with the command line's overrides."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from fractions import Fraction

from analyzer.build.source import NAME, Problems, as_mapping, check_keys, is_name
from analyzer.document import Mapping, Scalar, Value
from analyzer.evaluate import NotWhole, exact
from analyzer.expressions import size
from analyzer.functions import FUNCTIONS
from analyzer.polynomial import Poly, poly
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest

MAX_SYMBOL, MAX_CHAIN = 10**12, 40
SPOKEN = frozenset(FUNCTIONS) - {"size", "floordiv", "ceildiv", "mod"}  # formulas write these as operators


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name for a size: its definition, None when there is no readable one, where it stands, and what it means."""

    name: str
    definition: str | int | Fraction | None
    source: Scalar
    doc: str = ""
    key: Scalar | None = None  # where a user's own training config has its value


@dataclass(frozen=True, slots=True)
class Symbols:
    """Every symbol of a model with its value."""

    values: MappingOf[str, int]
    docs: MappingOf[str, str]
    definitions: MappingOf[str, str]


def read_symbols(value: Value | None, problems: Problems) -> dict[str, Symbol]:
    """The definitions of a `symbols:` section."""
    mapping = as_mapping(value, "symbols", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        name = str(key.value)
        if not is_name(name) or name in SPOKEN:
            problems.add(key.origin, f"'{name}' is no name for a symbol", "it is a function of formulas" if name in SPOKEN else NAME)
        result[name] = _read_symbol(name, key, body, problems)
    return result


def _read_symbol(name: str, key: Scalar, body: Value, problems: Problems) -> Symbol:
    doc, key_there = "", None
    if isinstance(body, Mapping):
        check_keys(body, ("value", "doc", "from"), f"symbol '{name}'", problems)
        told, given, where = body.get("doc"), body.get("value"), body.get("from")
        key_there = where if isinstance(where, Scalar) and isinstance(where.value, str) else None
        if where is not None and key_there is None:
            problems.add(where.origin, f"'from' of symbol '{name}' must be a key of a training config", "from: model.d_model")
        doc = str(told.value) if isinstance(told, Scalar) else ""
        if given is None:
            problems.add(key.origin, f"symbol '{name}' has no value", f"{name}: {{value: 32, doc: ...}}")
            return Symbol(name, None, key, doc)
        body = given
    if not isinstance(body, Scalar) or isinstance(body.value, bool) or body.value is None:
        problems.add(body.origin, f"symbol '{name}' must be a number or an expression")
        return Symbol(name, None, key, doc)
    return Symbol(name, body.value, body, doc, key_there)


def bind(symbols: MappingOf[str, Symbol], overrides: MappingOf[str, str], problems: Problems) -> Symbols:
    """The value of every symbol. Problems: unknown or cyclic symbols, values that are not positive whole numbers."""
    defined = dict(symbols)
    for name, text in overrides.items():
        origin = Origin(COMMAND_LINE)
        if name not in symbols:
            problems.add(origin, f"no symbol '{name}' to override", nearest(name, symbols))
            continue
        defined[name] = Symbol(name, text, Scalar(text, origin), symbols[name].doc)
    binding = _Binding(defined, problems)
    for name in defined:
        binding.value(name, ())
    return Symbols(
        {n: binding.values[n] or 1 for n in defined},
        {n: s.doc for n, s in defined.items()},
        {n: str(s.definition) for n, s in defined.items() if not str(s.definition).isdigit()},
    )


class _Unknown(Exception):
    """A symbol whose problem stands elsewhere."""


class _Binding:
    """Values found so far, None for symbols that have none; each problem is reported where it stands and once."""

    def __init__(self, defined: MappingOf[str, Symbol], problems: Problems) -> None:
        self.defined, self.problems = defined, problems
        self.values: dict[str, int | None] = {}

    def value(self, name: str, path: tuple[str, ...]) -> int | None:
        """The value of a symbol that those in `path` need."""
        symbol = self.defined[name]
        if name in path:
            cycle = " -> ".join((*path[path.index(name) :], name))
            self.problems.add(symbol.source.origin, f"symbol '{name}' is defined by itself: {cycle}")
            return None
        if len(path) > MAX_CHAIN:
            self.problems.add(symbol.source.origin, f"symbol '{name}' ends a chain of more than {MAX_CHAIN} definitions")
            return None
        if name not in self.values:
            value = self._evaluated(symbol, path)
            self.values[name] = value
        return self.values[name]

    def _evaluated(self, symbol: Symbol, path: tuple[str, ...]) -> int | None:
        if symbol.definition is None:
            return None

        def lookup(word: str) -> Poly:
            if word not in self.defined:
                raise InvalidConfig(Problem(symbol.source.at(word), f"unknown symbol '{word}'", nearest(word, self.defined)))
            value = self.value(word, (*path, symbol.name))
            if value is None:
                raise _Unknown
            return poly(value)

        try:
            value = exact(size(symbol.definition, lookup, symbol.source.origin), {})
        except InvalidConfig as error:
            self.problems.extend(error.problems)
        except (NotWhole, ZeroDivisionError) as error:
            reason = "divides by zero" if isinstance(error, ZeroDivisionError) else str(error)
            self.problems.add(symbol.source.origin, f"symbol '{symbol.name}': {reason}")
        except _Unknown:
            pass
        else:
            if isinstance(value, int) and 1 <= value <= MAX_SYMBOL:
                return value
            hint = f"expected a whole number from 1 to {MAX_SYMBOL:,}"
            self.problems.add(symbol.source.origin, f"symbol '{symbol.name}' is {value}", hint)
        return None
