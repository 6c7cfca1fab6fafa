"""A config.json as a bundled model with other symbols and settings."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from analyzer.build.includes import LIBRARY
from analyzer.build.model import Model, read_model
from analyzer.build.source import Problems
from analyzer.build.symbols import Symbol, Symbols, bind
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.evaluate import NotWhole, exact
from analyzer.expressions import size
from analyzer.importing.family import Family, From, read_from
from analyzer.importing.keys import Keys
from analyzer.importing.settings import changes
from analyzer.polynomial import poly
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest

NAMES = ("attn_implementation", "_attn_implementation")  # as transformers writes and wrote it


@dataclass(frozen=True, slots=True)
class Imported:
    """A bundled model, the symbols it has now, the sections that are changed, and what is to be told."""

    family: Family
    bundled: str
    model: Model
    symbols: MappingOf[str, Symbol]
    sections: MappingOf[str, MappingOf[str, Value]]
    read: MappingOf[str, str]  # what each key became
    idle: tuple[str, ...]  # keys that make no difference to memory
    defaults: MappingOf[str, str]  # symbols whose key is not there
    kept: tuple[str, ...]  # symbols that no config.json has
    warnings: tuple[str, ...]


def imported(
    document: Mapping, every: tuple[Family, ...], attention: str = "", ignored: Collection[str] = (), overrides: MappingOf[str, str] = {}
) -> Imported:
    """What a config.json describes. Raises InvalidConfig for what is unknown, wrong, or cannot be said."""
    problems = Problems()
    keys = Keys(document, problems)
    family = _family(keys, every)
    warnings = _class(keys, family)
    bundled = _bundled(keys, family, attention)
    model = read_model(LIBRARY / "models" / f"{bundled}.yaml", f"{bundled}.yaml")
    read = _defined(keys, family.symbols, model)
    problems.raise_any()
    known = bind({**model.symbols, **read}, overrides, problems)
    wanted = {s.equals: _value(s.equals, known) for s in family.settings if s.equals}
    changed = changes(keys, family, wanted, ignored)
    added = {name: read_from(value, problems) for name, value in changed.sections.pop("symbols", {}).items()}
    read |= _defined(keys, added, model)
    problems.raise_any()
    read |= _bounded(keys, family, known, overrides)
    _windows(keys, family, bind({**model.symbols, **read}, overrides, problems), changed.warnings, changed.unused)
    warnings += changed.warnings + _leftover(keys, family)
    for key in changed.unused:
        problems.add(Origin(COMMAND_LINE), f"nothing to ignore at '{key}'", nearest(key, document.keys()))
    problems.raise_any()
    sources = {**family.symbols, **added}
    absent = {n: str(read[n].definition) for n, s in sources.items() if s.keys and not any(k in keys.became for k in s.keys)}
    kept = tuple(name for name in model.symbols if name not in read)
    became, idle = dict(keys.became), _idle(keys, family)
    return Imported(family, bundled, model, {**model.symbols, **read}, changed.sections, became, idle, absent, kept, tuple(warnings))


def supported(every: tuple[Family, ...]) -> str:
    """The model types that can be imported."""
    return ", ".join(sorted(kind for family in every for kind in family.types))


def _family(keys: Keys, every: tuple[Family, ...]) -> Family:
    value = keys.get("model_type")
    kind = value.value if isinstance(value, Scalar) and isinstance(value.value, str) else None
    hint = f"supported: {supported(every)}"
    if value is None or kind is None:
        raise InvalidConfig(Problem((value or keys.document).origin, "no 'model_type' that says which model it is", hint))
    found = next((family for family in every if kind in family.types), None)
    if found is None:
        near = nearest(kind, [k for family in every for k in family.types]).partition("known")[0]
        raise InvalidConfig(Problem(value.origin, f"model_type '{kind}' cannot be imported", f"{near}\n{hint}".strip()))
    keys.became["model_type"] = found.name
    return found


def _class(keys: Keys, family: Family) -> list[str]:
    value = keys.get("architectures")
    items = value.items if isinstance(value, Sequence) else ()
    names = [str(item.value) for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
    if value is not None and (len(names) != len(items) or not names):
        keys.problems.add(value.origin, "'architectures' must be a list of classes", f'["{family.described}"]')
        return []
    keys.became.update({"architectures": family.described} if value else {})
    if not value or family.described in names:
        return []
    return [f"{value.origin}: {names[0][:60]} is described as {family.described}: what the two have beside each other's body differs"]


def _bundled(keys: Keys, family: Family, attention: str) -> str:
    key, value = keys.first(NAMES)
    said = value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""
    wanted = attention or said or next(iter(family.models))
    if wanted not in family.models:
        origin = Origin(COMMAND_LINE) if attention or value is None else value.origin
        raise InvalidConfig(Problem(origin, f"no {family.name} with attention '{wanted}'", nearest(wanted, family.models)))
    if value is not None:
        keys.became[key] = wanted
    return family.models[wanted]


def _defined(keys: Keys, sources: MappingOf[str, From], model: Model) -> dict[str, Symbol]:
    """The symbols as the config.json has them; a definition of the model that comes to the same is not told apart."""
    result = {}
    for name, source in sources.items():
        definition, origin = keys.number(name, source)
        doc = model.symbols[name].doc if name in model.symbols else ", ".join(source.keys)
        result[name] = Symbol(name, definition, Scalar(definition, origin), doc)
    return result


def _value(expression: str, known: Symbols) -> object:
    try:
        return exact(size(expression, lambda name: poly(known.values[name]), Origin(COMMAND_LINE)), {})
    except (NotWhole, ZeroDivisionError, KeyError):
        return None


def _bounded(keys: Keys, family: Family, known: Symbols, overrides: MappingOf[str, str]) -> dict[str, Symbol]:
    """Symbols that keep the bundled model's value unless a key says that they must be smaller."""
    result = {}
    for name, sources in family.bounds.items():
        key, value = keys.first(sources)
        most = value.value if isinstance(value, Scalar) else None
        keys.became |= {key: f"bounds {name}"} if value is not None and not keys.became.get(key) else {}
        if not isinstance(most, int) or isinstance(most, bool) or known.values[name] <= most:
            continue
        if name in overrides:
            keys.problems.add(Origin(COMMAND_LINE), f"{name} is {known.values[name]}, above {key} = {most}")
        result[name] = Symbol(name, most, Scalar(most, value.origin if value else keys.document.origin), known.docs[name])
    return result


def _windows(keys: Keys, family: Family, known: Symbols, warnings: list[str], ignored: set[str]) -> None:
    """A window hides nothing from a sequence that is shorter."""
    for name, sources in family.windows.items():
        key, value = keys.first(sources)
        if value is None:
            continue
        width = value.value if isinstance(value, Scalar) else None
        keys.became[key] = f"hides nothing while {name} < {width}"
        if isinstance(width, int) and not isinstance(width, bool) and known.values[name] < width:
            continue
        told = f"{key} is {width}: a window is not described, and at {name} = {known.values[name]} it hides something"
        if key in ignored:
            ignored.discard(key)
            warnings.append(f"{value.origin}: {told}; ignored as asked")
        else:
            keys.problems.add(value.origin, told, f"give a smaller {name}, or --ignore {key} for the memory of full attention")


def _idle(keys: Keys, family: Family) -> tuple[str, ...]:
    every = keys.document.keys()
    nulls = [str(key.value) for key, value in keys.document.entries if isinstance(value, Scalar) and value.value is None]
    return tuple(key for key in every if key in family.unread or (key in nulls and not keys.became.get(key)))


def _leftover(keys: Keys, family: Family) -> list[str]:
    """What is to be told of keys that were not read."""
    told = []
    for key, why in family.told.items():
        value = keys.get(key)
        if value is not None and not (isinstance(value, Scalar) and value.value is False):
            told.append(f"{value.origin}: {key}: {why}")
    return told + [f"{key.origin}: unknown key '{str(key.value)[:60]}': not read" for key in keys.unread(family.unread)]
