"""Families of configs.json files out of configs/imports: which keys are symbols, which settings change what."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from analyzer.build.source import Problems, as_items, as_mapping, check_keys
from analyzer.document import Mapping, Scalar, Sequence, Value, load

FOLDER = Path(__file__).resolve().parent.parent / "configs" / "imports"
COMMON = "common"  # the file of what every family's config.json may have
KEYS = (
    "doc", "source", "model_type", "class", "models", "symbols", "settings", "dropout", "bounds", "windows", "unread", "told",
)  # fmt: skip
SECTIONS = ("symbols", "blocks", "tie", "run")


@dataclass(frozen=True, slots=True)
class From:
    """Where a symbol's number comes from: one of some keys, the count of what stands there, or an expression."""

    keys: tuple[str, ...]
    count: bool = False
    default: str = ""  # an expression over symbols; empty when the key must be there
    value: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key may be; each case has the sections of the model that it changes."""

    key: str
    default: Scalar | None
    cases: MappingOf[str, Mapping | None]
    equals: str = ""
    otherwise: Value | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Everything that a file of configs/imports says."""

    name: str
    source: str
    types: tuple[str, ...]
    described: str  # the class
    models: MappingOf[str, str]
    symbols: MappingOf[str, From]
    settings: tuple[Setting, ...]
    dropout: MappingOf[str, Scalar]
    undropped: Mapping | None
    bounds: MappingOf[str, tuple[str, ...]]
    windows: MappingOf[str, tuple[str, ...]]
    unread: tuple[str, ...]
    told: MappingOf[str, str]


def families(folder: Path = FOLDER) -> tuple[Family, ...]:
    """The families of a folder, each with what is common to all. Raises InvalidConfig."""
    common = read_family(folder / f"{COMMON}.yaml")
    own = (read_family(path) for path in sorted(folder.glob("*.yaml")) if path.stem != COMMON)
    return tuple(_joined(family, common) for family in own)


def read_family(path: Path) -> Family:
    """The family in a file. Raises InvalidConfig."""
    document, problems = load(path, path.name), Problems()
    check_keys(document, KEYS, "an import", problems)
    dropout = as_mapping(document.get("dropout"), "dropout", problems)
    family = Family(
        path.stem,
        _text(document.get("source")),
        tuple(_texts(document.get("model_type"), problems)),
        _text(document.get("class")),
        {k: _text(v) for k, v in _entries(document.get("models"), problems)},
        {k: read_from(v, problems) for k, v in _entries(document.get("symbols"), problems)},
        tuple(_setting(k, v, problems) for k, v in _entries(document.get("settings"), problems)),
        {k: v for k, v in _entries(dropout.get("keys") if dropout else None, problems) if isinstance(v, Scalar)},
        as_mapping(dropout.get("none") if dropout else None, "none", problems),
        {k: tuple(_texts(v, problems)) for k, v in _entries(document.get("bounds"), problems)},
        {k: tuple(_texts(v, problems)) for k, v in _entries(document.get("windows"), problems)},
        tuple(_texts(document.get("unread"), problems)),
        {k: _text(v) for k, v in _entries(document.get("told"), problems)},
    )
    problems.raise_any()
    return family


def read_from(value: Value, problems: Problems) -> From:
    """Where a symbol's number comes from: the name of a key, or a mapping."""
    if not isinstance(value, Mapping):
        return From(tuple(_texts(value, problems)))
    check_keys(value, ("from", "count", "default", "value"), "a symbol of an import", problems)
    counted = value.get("count")
    keys = tuple(_texts(value.get("from") if counted is None else counted, problems))
    return From(keys, counted is not None, _text(value.get("default")), _text(value.get("value")))


def _setting(key: str, value: Value, problems: Problems) -> Setting:
    if isinstance(value, Scalar):
        return Setting(key, value, {_text(value): None})
    mapping = as_mapping(value, f"setting '{key}'", problems) or Mapping((), value.origin)
    check_keys(mapping, ("default", "cases", "equals", "else", "why"), f"setting '{key}'", problems)
    cases = mapping.get("cases")
    if isinstance(cases, Sequence):
        read: dict[str, Mapping | None] = {_text(item): None for item in cases.items}
    else:
        read = {k: as_mapping(v, "sections", problems) for k, v in _entries(cases, problems)}
    for sections in (*read.values(), mapping.get("else")):
        if isinstance(sections, Mapping):
            check_keys(sections, SECTIONS, "a case", problems)
    default = mapping.get("default")
    given = default if isinstance(default, Scalar) else None
    return Setting(key, given, read, _text(mapping.get("equals")), mapping.get("else"), _text(mapping.get("why")))


def _joined(family: Family, common: Family) -> Family:
    """A family with what is common to all, where it does not say otherwise itself."""
    own = {setting.key for setting in family.settings}
    return Family(
        family.name, family.source, family.types, family.described, family.models,
        family.symbols, (*family.settings, *(s for s in common.settings if s.key not in own)), family.dropout, family.undropped,
        family.bounds, family.windows, family.unread + common.unread, {**common.told, **family.told},
    )  # fmt: skip


def _entries(value: Value | None, problems: Problems) -> list[tuple[str, Value]]:
    mapping = as_mapping(value, "this", problems)
    return [(str(key.value), item) for key, item in mapping.entries] if mapping else []


def _texts(value: Value | None, problems: Problems) -> list[str]:
    return [_text(item) for item in as_items(value, "this", problems)]


def _text(value: Value | None) -> str:
    """A word or a number as it is written; empty when there is none."""
    return word(value.value) if isinstance(value, Scalar) and value.value is not None else ""


def word(value: object) -> str:
    """A plain value as JSON writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(float(value)) if isinstance(value, Fraction) and value.denominator > 1 else str(value)
