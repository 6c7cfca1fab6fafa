"""The keys of a config.json, as they are read: which were, what they hold, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.build.source import Problems
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.importing.family import From, word
from analyzer.problems import Origin


@dataclass(slots=True)
class Keys:
    """A config.json and the keys of it that were read so far, in order, with what each became."""

    document: Mapping
    problems: Problems
    became: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Value | None:
        """What stands at a key, or at keys within keys (`a.b`); None when it is not there or null. It counts as read."""
        value: Value | None = self.document
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            self.became.setdefault(key, "")
        return None if isinstance(value, Scalar) and value.value is None else value

    def first(self, keys: Iterable[str]) -> tuple[str, Value | None]:
        """The first key that is there, and what stands there."""
        every = tuple(keys)
        found = [(key, value) for key in every if (value := self.get(key)) is not None]
        return found[0] if found else (every[0] if every else "", None)

    def unread(self, known: Iterable[str]) -> list[Scalar]:
        """The keys, each with its place, that were neither read nor are known to make no difference."""
        seen = {key.partition(".")[0] for key in self.became} | set(known)
        seen |= {str(key.value) for key, value in self.document.entries if isinstance(value, Scalar) and value.value is None}
        return [key for key, _ in self.document.entries if key.value not in seen]

    def number(self, symbol: str, source: From) -> tuple[str | int | None, Origin]:
        """The definition of a symbol and where it stands; None with a problem when there is none."""
        if source.value:
            return source.value, self.document.origin
        key, value = self.first(source.keys)
        if value is None and source.default:
            return source.default, self.document.origin
        if value is None:
            self.problems.add(self.document.origin, f"no '{key}'", "it must be a whole number above 0")
            return None, self.document.origin
        found = self._whole(value, source.count)
        if found is None:
            shown = f"is {word(value.value)[:40]}" if isinstance(value, Scalar) else "is no number"
            self.problems.add(value.origin, f"'{key}' {shown}", "expected a whole number above 0")
        self.became[key] = f"{symbol} = {found}"
        return found, value.origin

    def _whole(self, value: Value, count: bool) -> int | None:
        if count and isinstance(value, (Mapping, Sequence)):
            return len(value.entries if isinstance(value, Mapping) else value.items) or None
        number = value.value if isinstance(value, Scalar) else None
        return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None
