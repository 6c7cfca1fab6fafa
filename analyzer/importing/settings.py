"""What the settings of a config.json change in the bundled model, and what of them it cannot say."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from fractions import Fraction

from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.importing.family import Family, Setting, word
from analyzer.importing.keys import Keys


@dataclass(slots=True)
class Changes:
    """Sections of the model to change, and what is to be told."""

    sections: dict[str, dict[str, Value]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    unused: set[str] = field(default_factory=set)  # keys to ignore that nothing was to be said of

    def add(self, sections: Mapping | None) -> None:
        """Merge the sections of a case; ties take each other's place."""
        for key, body in sections.entries if sections else ():
            entries = {str(k.value): v for k, v in body.entries} if isinstance(body, Mapping) else {}
            self.sections[str(key.value)] = entries if key.value == "tie" else self.sections.get(str(key.value), {}) | entries


def changes(keys: Keys, family: Family, symbols: MappingOf[str, object], ignored: Collection[str]) -> Changes:
    """What the settings change; a problem for each that cannot be said, unless its key is ignored."""
    found = Changes(unused=set(ignored))
    for setting in family.settings:
        _apply(setting, keys, family, symbols, found)
    _dropout(keys, family, found)
    return found


def _apply(setting: Setting, keys: Keys, family: Family, symbols: MappingOf[str, object], found: Changes) -> None:
    value = keys.get(setting.key)
    if value is None:
        default = None if setting.default is None else word(setting.default.value)
        if default is not None and default not in setting.cases:
            told = f"{setting.key} is not given, which means {default}: {family.described} is described only with"
            _refuse(setting.key, keys.document, told, list(setting.cases), setting.why, keys, found)
        elif default is not None:
            found.add(setting.cases[default])
        return
    told = word(value.value) if isinstance(value, Scalar) else "[...]" if isinstance(value, Sequence) else "{...}"
    if isinstance(value, Scalar) and told in setting.cases:
        keys.became[setting.key] = "as described"
        found.add(setting.cases[told])
    elif setting.equals and isinstance(value, Scalar) and value.value == symbols.get(setting.equals):
        keys.became[setting.key] = f"= {setting.equals}"
    elif isinstance(setting.otherwise, Mapping) and isinstance(value, Scalar):
        keys.became[setting.key] = "as described"
        found.add(setting.otherwise)
    else:
        wanted = [*setting.cases, *([f"{setting.equals} = {symbols.get(setting.equals)}"] if setting.equals else [])]
        _refuse(
            setting.key, value, f"{setting.key} is {told[:60]}: {family.described} is described only with", wanted, setting.why, keys, found
        )


def _refuse(key: str, value: Value, message: str, wanted: list[str], why: str, keys: Keys, found: Changes) -> None:
    described = f"{message} {' or '.join(wanted)}" if wanted else f"{message}out it"
    if key in found.unused:
        found.unused.discard(key)
        found.warnings.append(f"{value.origin}: {described}; ignored as asked")
        keys.became[key] = "ignored"
        return
    hint = f"--ignore {key} describes the model without it"
    keys.problems.add(value.origin, described, f"{why}\n{hint}" if why else hint)


def _dropout(keys: Keys, family: Family, found: Changes) -> None:
    """Masks of dropout are kept for backward unless the probability is 0, whatever it is."""
    given = {key: keys.get(key) for key in family.dropout}
    values: dict[str, Fraction] = {}
    for key, default in family.dropout.items():
        value = given[key] if given[key] is not None else default
        number = value.value if isinstance(value, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, (int, Fraction)) or not 0 <= number < 1:
            keys.problems.add(value.origin if value else default.origin, f"'{key}' is no probability", "expected a number from 0, below 1")
            continue
        values[key] = Fraction(number)
        if given[key] is not None:
            keys.became[key] = "dropout" if number else "no dropout"
    if family.undropped is not None and not any(values.values()):
        found.add(family.undropped)
    elif not all(values.values()):
        key = next(k for k, v in values.items() if not v)
        place = given[key] or family.dropout[key]
        _refuse(key, place, f"{key} is 0: dropout is described", ["everywhere", "nowhere"], "", keys, found)
