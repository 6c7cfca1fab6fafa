"""Values of symbols out of a user's own training config: YAML with OmegaConf's interpolation, resolved without running anything."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from analyzer.build.model import Model
from analyzer.build.symbols import Symbol
from analyzer.document import Mapping, Scalar, Sequence, Value, load
from analyzer.importing.family import word
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

INNERMOST = re.compile(r"(?<!\\)\$\{([^${}]*)\}")
PART = re.compile(r"[^.\[\]]+")
DECIMAL = re.compile(r"[0-9]{1,20}")
MAX_TEXT = 1000
COMPOSED = "Hydra's 'defaults' are not composed here: give what `python train.py --cfg job` prints"
Path_ = tuple[str, ...]


def with_values(model: Model, path: Path, overridden: Collection[str] = ()) -> Model:
    """The model with every symbol that says `from:` bound to what stands there, but for overridden ones. Raises InvalidConfig."""
    asking = {name: symbol.key for name, symbol in model.symbols.items() if symbol.key is not None}
    if not asking:
        hint = "symbols: {c: {value: 512, from: model.d_model}}"
        raise InvalidConfig(Problem(model.origin, f"no symbol says where in {path} its value stands", hint))
    values = Values(load(path))
    problems: list[Problem] = []
    symbols = dict(model.symbols)
    for name, key in asking.items():
        if name in overridden:
            continue
        try:
            symbols[name] = _read(symbols[name], key, values, str(path))
        except InvalidConfig as error:
            problems += error.problems
    if problems:
        raise InvalidConfig(*problems)
    return replace(model, symbols=symbols)


def _read(symbol: Symbol, key: Scalar, values: Values, shown: str) -> Symbol:
    parts = tuple(PART.findall(str(key.value)))
    found = values.get(parts)
    if found is None:
        near = nearest(str(key.value), values.paths())
        raise InvalidConfig(Problem(key.origin, f"{shown} has no '{key.value}'", f"{near}\n{COMPOSED if values.composed else ''}".strip()))
    number = found.value if isinstance(found, Scalar) else None
    if isinstance(number, str) and DECIMAL.fullmatch(number):
        number = int(number)
    if number == "???":
        raise InvalidConfig(Problem(found.origin, f"'{key.value}' has no value yet: ???", "give the config of a run"))
    if isinstance(number, bool) or not isinstance(number, (int, Fraction)):
        told = f"is '{word(number)[:60]}'" if isinstance(found, Scalar) else "is no single value"
        raise InvalidConfig(Problem(found.origin, f"'{key.value}' {told}", f"symbol '{symbol.name}' needs a whole number above 0"))
    return replace(symbol, definition=number, source=Scalar(number, found.origin))


class Values:
    """A training config: what stands at a path, interpolation resolved."""

    def __init__(self, document: Mapping) -> None:
        self.document = document
        self.composed = document.get("defaults") is not None

    def get(self, path: Path_, following: tuple[Path_, ...] = ()) -> Value | None:
        """What stands at a path, or None. Raises InvalidConfig for references that are cyclic or unknown."""
        value: Value | None = self.document
        for at, part in enumerate(path):
            value = self._resolved(value, path[:at], following) if isinstance(value, Scalar) else value
            value = _child(value, part)
        return self._resolved(value, path, following) if isinstance(value, Scalar) else value

    def paths(self) -> list[str]:
        """The paths of all single values."""
        return [".".join(path) for path in _leaves(self.document, ())]

    def _resolved(self, value: Scalar, path: Path_, following: tuple[Path_, ...]) -> Value:
        """A value whose `${...}` are replaced, from the innermost; one that is nothing else keeps its type."""
        if path in following:
            cycle = " -> ".join(".".join(p) for p in (*following[following.index(path) :], path))
            raise InvalidConfig(Problem(value.origin, f"'{'.'.join(path)}' refers to itself: {cycle}"))
        text = value.value
        while isinstance(text, str) and (reference := INNERMOST.search(text)):
            found = self._referred(reference[1].strip(), value, path, (*following, path))
            if reference.span() == (0, len(text)):
                return replace(found, origin=value.origin) if isinstance(found, Scalar) else found
            if not isinstance(found, Scalar):
                raise InvalidConfig(Problem(value.origin, f"'${{{reference[1]}}}' is no single value within a text"))
            text = text[: reference.start()] + word(found.value) + text[reference.end() :]
            if len(text) > MAX_TEXT:
                raise InvalidConfig(Problem(value.origin, f"interpolation makes a text of more than {MAX_TEXT} characters"))
        return Scalar(text, value.origin)

    def _referred(self, name: str, value: Scalar, path: Path_, following: tuple[Path_, ...]) -> Value:
        if ":" in name:
            hint = "known are references to keys: ${model.d_model}, ${.sibling}"
            raise InvalidConfig(Problem(value.origin, f"'${{{name[:60]}}}' calls a resolver: it would have to be run", hint))
        dots = len(name) - len(name.lstrip("."))
        parts = tuple(PART.findall(name))
        target = (*path[: len(path) - dots], *parts) if dots else parts
        if not parts or dots > len(path) or len(following) > 50:
            raise InvalidConfig(Problem(value.origin, f"'${{{name[:60]}}}' cannot be resolved"))
        found = self.get(target, following)
        if found is None:
            place: Origin = value.at(name)
            hint = f"{nearest(name.lstrip('.'), self.paths())}\n{COMPOSED if self.composed else ''}".strip()
            raise InvalidConfig(Problem(place, f"'${{{name[:60]}}}' refers to nothing", hint))
        return found


def _child(value: Value | None, part: str) -> Value | None:
    """What stands below a value; YAML's merge key `<<` gives what the mapping does not have itself."""
    if isinstance(value, Sequence):
        return value.items[int(part)] if DECIMAL.fullmatch(part) and int(part) < len(value.items) else None
    if not isinstance(value, Mapping):
        return None
    own = value.get(part)
    if own is not None or value.get("<<") is None:
        return own
    merged = value.get("<<")
    among = merged.items if isinstance(merged, Sequence) else (merged,)
    return next((found for item in among if (found := _child(item, part)) is not None), None)


def _leaves(value: Value, path: Path_) -> list[Path_]:
    if isinstance(value, Scalar) or len(path) > 10:
        return [path]
    items = value.entries if isinstance(value, Mapping) else ()
    return [leaf for key, item in items for leaf in _leaves(item, (*path, str(key.value)))]
