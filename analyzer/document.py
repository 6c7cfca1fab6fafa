"""YAML text as values that know their line and column. The only file that reads YAML.

Read from the event stream, with its own limits on size, depth and number of values, so that a hostile file is refused
before it costs anything. Numbers follow YAML 1.2: `1e-5` is a number, `on` and `yes` are words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Union

import yaml

from analyzer.problems import InvalidConfig, Origin, Problem

MAX_BYTES, MAX_DEPTH, MAX_VALUES = 1 << 20, 40, 50_000
INTEGER = re.compile(r"[-+]?[0-9][0-9_]*\Z")
FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?\Z")
UNREADABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.2, 5.1
WORDS: dict[str, bool | None] = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word, a number, true, false or null; `text` is where its characters begin, if they stand in one line unescaped."""

    value: str | int | Fraction | bool | None
    origin: Origin
    text: Origin | None = None

    def at(self, name: str) -> Origin:
        """Where a name stands inside the value."""
        found = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", str(self.value)) if self.text else None
        return Origin(self.text.path, self.text.line, self.text.column + found.start()) if found and self.text else self.origin


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Value, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in file order; keys are words and stand once each."""

    entries: tuple[tuple[Scalar, Value], ...]
    origin: Origin

    def get(self, key: str) -> Value | None:
        """The value of a key, or None."""
        return next((value for name, value in self.entries if name.value == key), None)

    def keys(self) -> list[str]:
        """The keys as words, in file order."""
        return [str(name.value) for name, _ in self.entries]


Value = Union[Scalar, Sequence, Mapping]


def load(path: Path, shown: str | None = None) -> Mapping:
    """The mapping in a YAML file. Raises InvalidConfig when it cannot be read or is no mapping."""
    mapping, problems = read(path, shown)
    if problems:
        raise InvalidConfig(*problems)
    return mapping


def read(path: Path, shown: str | None = None) -> tuple[Mapping, list[Problem]]:
    """The mapping in a YAML file, and what is wrong with its keys. Raises InvalidConfig when it cannot be read."""
    name = shown or str(path)
    start = Origin(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidConfig(Problem(start, f"file is larger than {MAX_BYTES >> 20} MiB"))
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InvalidConfig(Problem(start, f"cannot read the file: {reason}")) from None
    return reads(content, name)


def loads(content: str, name: str) -> Mapping:
    """The mapping in YAML text; `name` stands for its path in messages. Raises InvalidConfig."""
    mapping, problems = reads(content, name)
    if problems:
        raise InvalidConfig(*problems)
    return mapping


def reads(content: str, name: str) -> tuple[Mapping, list[Problem]]:
    """The mapping in YAML text, and what is wrong with its keys. Raises InvalidConfig when it is no mapping."""
    if len(content) > MAX_BYTES:
        raise InvalidConfig(Problem(Origin(name), f"file is larger than {MAX_BYTES >> 20} MiB"))
    unreadable = UNREADABLE.search(content)
    if unreadable:
        line, column = content.count("\n", 0, unreadable.start()) + 1, unreadable.start() - content.rfind("\n", 0, unreadable.start())
        raise InvalidConfig(Problem(Origin(name, line, column), f"not text: character {ord(unreadable[0]):#04x}"))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(content)
    reader = _Reader(loader, name)
    try:
        value = reader.document()
    except yaml.YAMLError as error:
        raise InvalidConfig(_syntax_problem(error, content, name)) from None
    finally:
        loader.dispose()
    if not isinstance(value, Mapping):
        raise InvalidConfig(Problem(value.origin, "expected a mapping of keys to values", "a model starts with 'name:'"))
    return value, reader.problems


def _syntax_problem(error: yaml.YAMLError, content: str, name: str) -> Problem:
    mark, begun, doing = (getattr(error, name, None) for name in ("problem_mark", "context_mark", "context"))
    origin = Origin(name, mark.line + 1, mark.column + 1) if mark else Origin(name)
    line = content.splitlines()[mark.line] if mark and mark.line < content.count("\n") else ""
    if "\t" in line[: mark.column + 1 if mark else 0]:
        return Problem(origin, "not YAML: a tab in the indentation", "indent with spaces")
    if "nesting depth" in str(getattr(error, "problem", "")):  # libyaml's own limit, of 1,000 levels
        return Problem(origin, f"nested more than {MAX_DEPTH} levels deep")
    hint = f"{doing}, which starts at line {begun.line + 1}" if begun and mark and begun.line != mark.line else ""
    return Problem(origin, f"not YAML: {getattr(error, 'problem', None) or 'unreadable'}", hint)


class _Reader:
    """Builds values from YAML events, counting them."""

    def __init__(self, loader: Any, name: str) -> None:
        self.loader, self.name, self.count = loader, name, 0
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.problems: list[Problem] = []

    def document(self) -> Value:
        self.loader.get_event()  # stream start
        if self.loader.check_event(yaml.StreamEndEvent):
            raise InvalidConfig(Problem(Origin(self.name), "the file is empty"))
        self.loader.get_event()  # document start
        value = self._value(0)
        self.loader.get_event()  # document end
        if not self.loader.check_event(yaml.StreamEndEvent):
            raise InvalidConfig(Problem(self._origin(self.loader.peek_event()), "expected one document in the file"))
        return value

    def _origin(self, event: Any) -> Origin:
        return Origin(self.name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _value(self, depth: int) -> Value:
        event = self.loader.get_event()
        origin = self._origin(event)
        before, self.count = self.count, self.count + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), origin)
        if event.tag is not None:
            self.problems.append(Problem(origin, f"a tag means nothing here: {event.tag}", "numbers and words stand for themselves"))
        if depth > MAX_DEPTH:
            raise InvalidConfig(Problem(origin, f"nested more than {MAX_DEPTH} levels deep"))
        if self.count > MAX_VALUES:
            raise InvalidConfig(Problem(origin, f"more than {MAX_VALUES} values"))
        if isinstance(event, yaml.ScalarEvent):
            value: Value = _scalar(event, origin)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(depth, origin)
        else:
            value = self._mapping(depth, origin)
        if event.anchor:
            self.anchors[event.anchor] = (value, self.count - before)
        return value

    def _alias(self, anchor: str, origin: Origin) -> Value:
        if anchor not in self.anchors:
            raise InvalidConfig(Problem(origin, f"'*{anchor}' stands for nothing before it", f"&{anchor} marks a value"))
        value, cost = self.anchors[anchor]
        self.count += cost
        if self.count > MAX_VALUES:
            raise InvalidConfig(Problem(origin, f"aliases expand to more than {MAX_VALUES} values"))
        return value

    def _sequence(self, depth: int, origin: Origin) -> Sequence:
        items = []
        while not self.loader.check_event(yaml.SequenceEndEvent):
            items.append(self._value(depth + 1))
        self.loader.get_event()
        return Sequence(tuple(items), origin)

    def _mapping(self, depth: int, origin: Origin) -> Mapping:
        entries: list[tuple[Scalar, Value]] = []
        seen: dict[str, Origin] = {}
        while not self.loader.check_event(yaml.MappingEndEvent):
            key, value = self._value(depth + 1), self._value(depth + 1)
            if not isinstance(key, Scalar) or key.value is None:
                self.problems.append(Problem(key.origin, "expected a word as key"))
                continue
            word = "true" if key.value is True else "false" if key.value is False else str(key.value)
            if word in seen:
                self.problems.append(Problem(key.origin, f"duplicate key '{word}'", f"first at line {seen[word].line}"))
                continue
            seen[word] = key.origin
            entries.append((Scalar(word, key.origin), value))
        self.loader.get_event()
        return Mapping(tuple(entries), origin)


def _scalar(event: Any, origin: Origin) -> Scalar:
    quotes = 2 if event.style in ("'", '"') else 0
    start, end = event.start_mark, event.end_mark
    verbatim = start.line == end.line and end.column - start.column == len(event.value) + quotes
    text = Origin(origin.path, origin.line, origin.column + quotes // 2) if verbatim else None
    return Scalar(str(event.value) if event.style else _resolved(str(event.value)), origin, text)


def _resolved(word: str) -> str | int | Fraction | bool | None:
    """What a word without quotes means."""
    if word in WORDS:
        return WORDS[word]
    if INTEGER.match(word) and len(word) <= 20:
        return int(word.replace("_", ""))
    if FLOAT.match(word) and len(word) <= 40:
        return Fraction(word.replace("_", ""))
    return word


def plain(value: Value) -> object:
    """The value as dicts, lists and numbers, for a JSON Schema."""
    if isinstance(value, Mapping):
        return {str(key.value): plain(item) for key, item in value.entries}
    if isinstance(value, Sequence):
        return [plain(item) for item in value.items]
    return float(value.value) if isinstance(value.value, Fraction) else value.value
