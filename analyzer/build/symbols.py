"""Symbols: definitions bound to whole numbers, with the command line's overrides."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from fractions import Fraction

from analyzer.build.source import Problems, as_mapping, check_keys
from analyzer.document import Mapping, Scalar, Value
from analyzer.evaluate import NotWhole, evaluate
from analyzer.expressions import size
from analyzer.polynomial import Poly, poly
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

MAX_SYMBOL = 10**12


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name for a size: its definition, where that stands, and what it means."""

    name: str
    definition: str | int | Fraction
    origin: Origin
    doc: str = ""


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
        if not name.isidentifier() or not name.isascii():
            problems.add(key.origin, f"'{name}' is no name for a symbol", "letters, digits and _ only")
            continue
        symbol = _read_symbol(name, key, body, problems)
        if symbol is not None:
            result[name] = symbol
    return result


def _read_symbol(name: str, key: Scalar, body: Value, problems: Problems) -> Symbol | None:
    doc = ""
    if isinstance(body, Mapping):
        check_keys(body, ("value", "doc", "from"), f"symbol '{name}'", problems)
        told, given = body.get("doc"), body.get("value")
        doc = str(told.value) if isinstance(told, Scalar) else ""
        if given is None:
            problems.add(key.origin, f"symbol '{name}' has no value", f"{name}: {{value: 32, doc: ...}}")
            return None
        body = given
    if not isinstance(body, Scalar) or isinstance(body.value, bool) or body.value is None:
        problems.add(body.origin, f"symbol '{name}' must be a number or an expression")
        return None
    return Symbol(name, body.value, body.origin, doc)


def bind(symbols: MappingOf[str, Symbol], overrides: MappingOf[str, str], problems: Problems) -> Symbols:
    """The value of every symbol. Problems: unknown or cyclic symbols, values that are not positive whole numbers."""
    defined = dict(symbols)
    for name, text in overrides.items():
        origin = Origin("command line")
        if name not in symbols:
            problems.add(origin, f"no symbol '{name}' to override", nearest(name, symbols))
            continue
        defined[name] = Symbol(name, text, origin, symbols[name].doc)
    values: dict[str, int] = {}
    for name in defined:
        _bind(name, defined, values, (), problems)
    return Symbols(
        {n: values.get(n, 1) for n in defined},
        {n: s.doc for n, s in defined.items()},
        {n: str(s.definition) for n, s in defined.items() if not str(s.definition).isdigit()},
    )


def _bind(name: str, defined: MappingOf[str, Symbol], values: dict[str, int], path: tuple[str, ...], problems: Problems) -> int:
    if name in values:
        return values[name]
    symbol = defined[name]
    if name in path:
        cycle = " -> ".join((*path[path.index(name) :], name))
        problems.add(symbol.origin, f"symbol '{name}' is defined by itself: {cycle}")
        return 1

    def lookup(word: str) -> Poly:
        if word not in defined:
            raise _unknown(word, symbol, defined)
        return poly(_bind(word, defined, values, (*path, name), problems))

    try:
        value = evaluate(size(symbol.definition, lookup, symbol.origin), {})
        if not 1 <= value <= MAX_SYMBOL:
            problems.add(symbol.origin, f"symbol '{name}' is {value}, not a positive whole number up to {MAX_SYMBOL:,}")
    except InvalidConfig as error:
        problems.found.extend(error.problems)
        value = 1
    except (NotWhole, ZeroDivisionError) as error:
        reason = "divides by zero" if isinstance(error, ZeroDivisionError) else str(error)
        problems.add(symbol.origin, f"symbol '{name}': {reason}")
        value = 1
    values.setdefault(name, max(1, min(value, MAX_SYMBOL)))
    return values[name]


def _unknown(word: str, symbol: Symbol, known: MappingOf[str, Symbol]) -> InvalidConfig:
    return InvalidConfig(Problem(symbol.origin, f"unknown symbol '{word}'", nearest(word, known)))
