"""The `tables:` of a config: columns are tensors, categories or expressions, rows bind symbols."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from analyzer import memory
from analyzer.analysis import Analysis
from analyzer.build.source import Problems, check_keys
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import evaluate
from analyzer.expressions import size
from analyzer.formula import text
from analyzer.graph import Call
from analyzer.polynomial import Poly, symbol, total
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.report import Table

KEYS = ("columns", "rows", "doc", "unit")
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
    header = {str(k.value): _column(v, analysis) for k, v in columns.entries}
    bindings = _rows(body.get("rows"), analysis)
    rows, warnings = [], []
    for binding in bindings or [{}]:
        try:
            there = analysis.at(_bound(overrides, binding, analysis)) if binding else analysis
        except InvalidConfig as error:
            shown = ", ".join(f"{k}={v}" for k, v in binding.items())
            warnings.append(f"{body.origin}: table '{name}': the row {shown} is left out: {error.problems[0].message}")
            continue
        values = {label: evaluate(_column(v, there), there.symbols.values) for (_, v), label in zip(columns.entries, header)}
        rows.append(({n: there.symbols.values[n] for n in _shown(bindings, analysis)}, values))
    unit = body.get("unit")
    return Table(
        name, _shown(bindings, analysis), {k: text(v) for k, v in header.items()}, tuple(rows),
        str(unit.value) if isinstance(unit, Scalar) else "bytes", tuple(warnings),
    )  # fmt: skip


def _bound(overrides: MappingOf[str, str], binding: MappingOf[str, str], analysis: Analysis) -> dict[str, str]:
    """A row's symbols on top of the command line's; what derives from the row's symbols follows them again."""
    definitions = analysis.model.symbols
    kept = {name: v for name, v in overrides.items() if not any(word in str(definitions[name].definition) for word in binding)}
    return {**kept, **binding}


def _rows(value: Value | None, analysis: Analysis) -> list[dict[str, str]]:
    result = []
    if isinstance(value, Sequence) and len(value.items) > MAX_ROWS:
        raise InvalidConfig(Problem(value.origin, f"more than {MAX_ROWS} rows"))
    for item in value.items if isinstance(value, Sequence) else ():
        if not isinstance(item, Mapping):
            raise InvalidConfig(Problem(item.origin, "a row must bind symbols", "rows: [{B: 32}, {B: 64}]"))
        for key, _ in item.entries:
            if str(key.value) not in analysis.symbols.values:
                raise InvalidConfig(Problem(key.origin, f"unknown symbol '{key.value}'", nearest(str(key.value), analysis.symbols.values)))
        result.append({str(k.value): str(v.value) for k, v in item.entries if isinstance(v, Scalar)})
    return result


def _shown(bindings: list[dict[str, str]], analysis: Analysis) -> tuple[str, ...]:
    named = {name for binding in bindings for name in binding}
    return tuple(name for name in analysis.symbols.values if name in named)


def _column(value: Value, analysis: Analysis) -> Poly:
    """A column as a closed form: the sum of what a list names."""
    items = value.items if isinstance(value, Sequence) else (value,)
    return total(_item(item, analysis) for item in items)


def _item(item: Value, analysis: Analysis) -> Poly:
    if not isinstance(item, Scalar) or item.value is None or isinstance(item.value, bool):
        raise InvalidConfig(Problem(item.origin, "a column names tensors, categories, or an expression over symbols"))
    word = str(item.value)
    known = memory.categories(analysis)
    if word in known:
        return known[word]
    tensor = _tensor(word, analysis)
    if tensor is not None:
        return tensor

    def lookup(name: str) -> Poly:
        if name not in analysis.symbols.values:
            candidates = [*analysis.symbols.values, *known, *_named(analysis)]
            raise InvalidConfig(Problem(item.origin, f"'{name}' is no tensor, category or symbol", nearest(name, candidates)))
        return symbol(name)

    return size(item.value, lookup, item.origin)


def _named(analysis: Analysis) -> list[str]:
    return [c.path for c in analysis.graph.instructions if isinstance(c, Call) and c.path]


def _tensor(word: str, analysis: Analysis) -> Poly | None:
    """Bytes of the output of the first op whose module path ends with the word, or that was bound to the name."""
    if word in analysis.symbols.values:
        return None
    if word in analysis.graph.inputs:
        return analysis.graph.inputs[word].bytes
    for name, tensor in analysis.graph.names.items():
        if name == word or name.endswith(f".{word}"):
            return tensor.bytes
    for call in analysis.graph.instructions:
        if isinstance(call, Call) and (call.path == word or call.path.endswith(f".{word}")):
            return call.outputs[0].bytes
    return None
