"""What a column of a table means: tensors, categories, modules and expressions as closed forms."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer import memory
from analyzer.analysis import Analysis
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.expressions import size
from analyzer.graph import Call, Tensor
from analyzer.parameters import by_module, count
from analyzer.peaks import largest
from analyzer.polynomial import Poly, symbol, total
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.timeline import Life

OF_MODULE = ("kept", "parameters")


def column(value: Value, analysis: Analysis, elements: bool) -> Poly:
    """A column as a closed form, in bytes or elements: the sum of what a list names. Raises InvalidConfig."""
    items = value.items if isinstance(value, Sequence) else (value,)
    return total(_item(item, analysis, elements) for item in items)


def _item(item: Value, analysis: Analysis, elements: bool) -> Poly:
    if isinstance(item, Mapping):
        return _of_module(item, analysis, elements)
    if not isinstance(item, Scalar) or item.value is None or isinstance(item.value, bool):
        raise InvalidConfig(Problem(item.origin, "a column names tensors, categories, or an expression over symbols"))
    word = str(item.value)
    known = categories(analysis, elements)
    if word in known:
        return known[word]
    tensor = _tensor(word, analysis)
    if tensor is not None:
        return tensor.elements if elements else tensor.bytes

    def lookup(name: str) -> Poly:
        if name not in analysis.symbols.values:
            candidates = [*analysis.symbols.values, *known, *_named(analysis)]
            raise InvalidConfig(Problem(item.origin, f"'{name}' is no tensor, category or symbol", nearest(name, candidates)))
        return symbol(name)

    return size(item.value, lookup, item.origin)


def categories(analysis: Analysis, elements: bool = False) -> dict[str, Poly]:
    """Categories of memory and peaks, in bytes; of elements there are the parameters only."""
    if elements:
        return {"parameters": count(analysis.graph.parameters.values())}
    by_phase = {f"peak_{phase}": [p for p in analysis.pieces if p.phase == phase] for phase in analysis.timeline.spans}
    moments = {"peak": list(analysis.pieces), **by_phase}
    peaks = {name: largest(found, analysis.symbols.values).form for name, found in moments.items()}
    return {**memory.categories(analysis), **peaks}


def _of_module(item: Mapping, analysis: Analysis, elements: bool) -> Poly:
    """`{kept: PATH}`: what a module and all below it keep for backward; `{parameters: PATH}`: their parameters."""
    key, value = item.entries[0] if len(item.entries) == 1 else (None, None)
    word = str(value.value) if isinstance(value, Scalar) else ""
    if key is None or value is None or key.value not in OF_MODULE or not word or (elements and key.value == "kept"):
        raise InvalidConfig(Problem(item.origin, "a column of a module has one key", "{kept: encoder} in bytes, or {parameters: encoder}"))
    if key.value == "parameters":
        path = _path(word, by_module(analysis.graph), value)
        own = [t for t in analysis.graph.parameters.values() if t.storage.label.startswith(f"{path}.")]
        return count(own) if elements else total(t.bytes * t.storage.copies for t in own)
    held = memory.kept(analysis)
    path = _path(word, [prefix for life in held for prefix in _prefixes(life)], value)
    return total(life.size for life in held if path in _prefixes(life))


def _prefixes(life: Life) -> list[str]:
    parts = life.label.partition(":")[0].split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _path(word: str, paths: Iterable[str], value: Value) -> str:
    """The first path that is the word or ends with it."""
    known = list(dict.fromkeys(paths))
    found = next((path for path in known if path == word or path.endswith(f".{word}")), None)
    if found is None:
        raise InvalidConfig(Problem(value.origin, f"no module '{word}'", nearest(word, [p.rpartition(".")[2] for p in known])))
    return found


def _named(analysis: Analysis) -> list[str]:
    return [c.path for c in analysis.graph.instructions if isinstance(c, Call) and c.path]


def _tensor(word: str, analysis: Analysis) -> Tensor | None:
    """The output of the first op whose module path ends with the word, or what was bound to the name."""
    if word in analysis.symbols.values:
        return None
    if word in analysis.graph.inputs:
        return analysis.graph.inputs[word]
    for name, tensor in analysis.graph.names.items():
        if name == word or name.endswith(f".{word}"):
            return tensor
    for call in analysis.graph.instructions:
        if isinstance(call, Call) and (call.path == word or call.path.endswith(f".{word}")):
            return call.outputs[0]
    return None
