"""The `variants:` section: other ways to compute the same, which `peakform advise` may propose."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from analyzer.build.source import NAME, Problems, as_mapping, check_keys, is_name
from analyzer.build.symbols import Symbol
from analyzer.document import Mapping, Scalar, Value
from analyzer.problems import Origin, nearest

KEYS = ("config", "symbols", "doc", "cost", "numerics")
NUMERICS = ("same", "rounding", "changed")


@dataclass(frozen=True, slots=True)
class Variant:
    """Another config beside this one, or other values of symbols; what it costs, and whether numbers come out the same."""

    name: str
    config: str
    symbols: MappingOf[str, str]
    doc: str
    cost: str
    numerics: str
    origin: Origin


def read_variants(value: Value | None, symbols: MappingOf[str, Symbol], problems: Problems) -> tuple[Variant, ...]:
    """The variants of a config, in order."""
    mapping = as_mapping(value, "variants", problems)
    found = []
    for key, body in mapping.entries if mapping else ():
        entry = as_mapping(body, f"variant '{key.value}'", problems)
        if entry is not None:
            check_keys(entry, KEYS, f"variant '{key.value}'", problems)
            found.append(_variant(str(key.value), entry, symbols, problems))
    return tuple(found)


def _variant(name: str, entry: Mapping, symbols: MappingOf[str, Symbol], problems: Problems) -> Variant:
    words = {key: str(v.value) for key in KEYS if isinstance(v := entry.get(key), Scalar)}
    config, numerics = words.get("config", ""), words.get("numerics", "rounding")
    if config and not is_name(config.replace("-", "_").replace(".", "_")):
        problems.add(_place(entry, "config"), f"'{config}' is no name of a config beside this one", NAME)
    if numerics not in NUMERICS:
        problems.add(_place(entry, "numerics"), f"numerics cannot be '{numerics}'", f"one of: {', '.join(NUMERICS)}")
    given = as_mapping(entry.get("symbols"), "symbols", problems)
    values = {str(k.value): str(v.value) for k, v in (given.entries if given else ()) if isinstance(v, Scalar)}
    for key, _ in given.entries if given and not config else ():
        if key.value not in symbols:
            problems.add(key.origin, f"no symbol '{key.value}' to change", nearest(str(key.value), symbols))
    if not config and not values:
        problems.add(entry.origin, f"variant '{name}' changes nothing", "config: NAME, or symbols: {k: 8}")
    return Variant(name, config, values, words.get("doc", ""), words.get("cost", ""), numerics, entry.origin)


def _place(entry: Mapping, key: str) -> Origin:
    value = entry.get(key)
    return value.origin if value is not None else entry.origin
