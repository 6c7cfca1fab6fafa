"""The `tables:` of a config: columns are tensors, categories or expressions, rows bind symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from itertools import product as combinations
from math import prod

from analyzer.analysis import Analysis
from analyzer.build.source import Problems, check_keys
from analyzer.columns import column
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import evaluate
from analyzer.formula import text
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.report import Table

KEYS = ("columns", "rows", "doc", "unit", "caption", "label", "order", "bindings")
UNITS = ("bytes", "kB", "MB", "GB", "KiB", "MiB", "GiB", "elements")
MAX_ROWS = 100


def tables(analysis: Analysis, overrides: MappingOf[str, str]) -> tuple[Table, ...]:
    """Every table of the config. Raises InvalidConfig for a column or row that means nothing."""
    declared = analysis.model.tables
    return tuple(_table(str(key.value), body, analysis, overrides) for key, body in declared.entries) if declared else ()


def _table(name: str, body: Value, analysis: Analysis, overrides: MappingOf[str, str]) -> Table:
    problems = Problems()
    if not isinstance(body, Mapping):
        raise InvalidConfig(Problem(body.origin, f"table '{name}' must be a mapping with columns and rows"))
    check_keys(body, KEYS, f"table '{name}'", problems)
    problems.raise_any()
    columns = body.get("columns")
    if not isinstance(columns, Mapping):
        raise InvalidConfig(Problem(body.origin, f"table '{name}' needs columns"))
    unit = _word(body, "unit", UNITS, "bytes")
    elements = unit == "elements"
    header = {str(k.value): column(v, analysis, elements) for k, v in columns.entries}
    bindings = _rows(body.get("rows"), analysis)
    rows, warnings = [], []
    for binding in bindings or [{}]:
        try:
            there = analysis.at(_bound(overrides, binding, analysis)) if binding else analysis
        except InvalidConfig as error:
            shown = ", ".join(f"{k}={v}" for k, v in binding.items())
            warnings.append(f"{body.origin}: table '{name}': the row {shown} is left out: {error.problems[0].message}")
            continue
        values = {label: evaluate(column(v, there, elements), there.symbols.values) for (_, v), label in zip(columns.entries, header)}
        rows.append(({n: there.symbols.values[n] for n in _shown(bindings, analysis)}, values))
    return Table(
        name, _shown(bindings, analysis), {k: text(v) for k, v in header.items()}, tuple(rows), unit, tuple(warnings), header,
        _word(body, "caption") or _word(body, "doc"), _word(body, "label"), _word(body, "order", ("true", "false")) == "true",
        _word(body, "bindings", ("rows", "columns"), "rows"),
    )  # fmt: skip


def _word(body: Mapping, key: str, choices: tuple[str, ...] = (), default: str = "") -> str:
    """What a key of a table says. Raises InvalidConfig for a word that is none of the choices."""
    value = body.get(key)
    if value is None:
        return default
    word = str(value.value) if isinstance(value, Scalar) else ""
    word = word.lower() if isinstance(value, Scalar) and isinstance(value.value, bool) else word
    wrong = (choices and word not in choices) or (key == "label" and not re.fullmatch(r"[\w:.-]+", word))
    if not isinstance(value, Scalar) or wrong:
        raise InvalidConfig(
            Problem(value.origin, f"'{key}' of a table cannot be '{word}'", f"one of: {', '.join(choices)}" if choices else "")
        )
    return word


def _bound(overrides: MappingOf[str, str], binding: MappingOf[str, str], analysis: Analysis) -> dict[str, str]:
    """A row's symbols on top of the command line's; what derives from the row's symbols follows them again."""
    definitions = analysis.model.symbols
    kept = {name: v for name, v in overrides.items() if not any(word in str(definitions[name].definition) for word in binding)}
    return {**kept, **binding}


def _rows(value: Value | None, analysis: Analysis) -> list[dict[str, str]]:
    """The bindings, a symbol with several values (a list, or `64:512:64`) as one for each combination."""
    result: list[dict[str, str]] = []
    items = value.items if isinstance(value, Sequence) else (value,) if isinstance(value, Mapping) else ()
    for item in items:
        if not isinstance(item, Mapping):
            raise InvalidConfig(Problem(item.origin, "a row must bind symbols", "rows: [{B: 32}, {B: 64}]"))
        for key, _ in item.entries:
            if str(key.value) not in analysis.symbols.values:
                raise InvalidConfig(Problem(key.origin, f"unknown symbol '{key.value}'", nearest(str(key.value), analysis.symbols.values)))
        choices = [[(str(k.value), number) for number in _several(v)] for k, v in item.entries]
        if len(result) + prod(map(len, choices)) > MAX_ROWS:
            raise InvalidConfig(Problem(item.origin, f"more than {MAX_ROWS} rows"))
        result += [dict(chosen) for chosen in combinations(*choices)]
    return result


def _several(value: Value) -> list[str]:
    """The values of a symbol in a row."""
    if isinstance(value, Sequence) and value.items and all(isinstance(item, Scalar) for item in value.items):
        return [str(item.value) for item in value.items if isinstance(item, Scalar)]
    if not isinstance(value, Scalar):
        raise InvalidConfig(
            Problem(value.origin, "a row binds a symbol to a value, a list of values or a range", "rows: {B: [8, 16], r: 64:512:64}")
        )
    found = re.fullmatch(r"(\d{1,12}):(\d{1,12})(?::(\d{1,12}))?", str(value.value))
    if not found:
        return [str(value.value)]
    first, last, step = (int(part or 1) for part in found.groups())
    numbers = range(first, last + 1, step or 1)
    if not 1 <= len(numbers) <= MAX_ROWS:
        raise InvalidConfig(Problem(value.origin, f"the range has {len(numbers)} values", f"expected 1 to {MAX_ROWS}"))
    return [str(number) for number in numbers]


def _shown(bindings: list[dict[str, str]], analysis: Analysis) -> tuple[str, ...]:
    named = {name for binding in bindings for name in binding}
    return tuple(name for name in analysis.symbols.values if name in named)
