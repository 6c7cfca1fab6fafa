"""JSON text as values that know their line and column, within limits on size, depth and number of values."""

from __future__ import annotations

import re
from bisect import bisect_right
from fractions import Fraction
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import NoReturn

from analyzer.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES, Mapping, Scalar, Sequence, Value
from analyzer.problems import InvalidConfig, Origin, Problem

SPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]{0,30}))(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?(?![\w.])")
WORD = re.compile(r"-?\w+")
WORDS = {"true": True, "false": False, "null": None}


def load_json(path: Path, shown: str | None = None) -> Mapping:
    """The object in a JSON file. Raises InvalidConfig when it cannot be read, is too large or no object."""
    name = shown or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidConfig(Problem(Origin(name), f"file is larger than {MAX_BYTES >> 20} MiB"))
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InvalidConfig(Problem(Origin(name), f"cannot read the file: {reason}")) from None
    return loads_json(content, name)


def loads_json(content: str, name: str) -> Mapping:
    """The object in JSON text; `name` stands for its path in messages. Raises InvalidConfig."""
    reader = _Reader(content, name)
    value = reader.value(0)
    reader.space()
    if reader.at < len(content):
        reader.refuse("expected the end of the file")
    if not isinstance(value, Mapping):
        raise InvalidConfig(Problem(value.origin, "expected an object", "a config.json starts with '{'"))
    return value


class _Reader:
    """A place in JSON text, and how many values were read before it."""

    def __init__(self, content: str, name: str) -> None:
        self.content, self.name, self.at, self.count = content, name, 0, 0
        self.lines = [0, *(m.end() for m in re.finditer("\n", content))]

    def origin(self, at: int | None = None) -> Origin:
        """The line and column of a place; where the reader is when left out."""
        place = self.at if at is None else at
        line = bisect_right(self.lines, place)
        return Origin(self.name, line, place - self.lines[line - 1] + 1)

    def refuse(self, message: str, hint: str = "", at: int | None = None) -> NoReturn:
        """Raise InvalidConfig at a place."""
        raise InvalidConfig(Problem(self.origin(at), f"not JSON: {message}", hint))

    def space(self) -> None:
        """Skip white space."""
        self.at = SPACE.match(self.content, self.at).end()  # type: ignore[union-attr]

    def take(self, character: str) -> bool:
        """Whether a character comes next, after white space; it is skipped."""
        self.space()
        found = self.content.startswith(character, self.at)
        self.at += found
        return found

    def value(self, depth: int) -> Value:
        """The value that comes next."""
        self.space()
        origin, self.count = self.origin(), self.count + 1
        if depth > MAX_DEPTH:
            raise InvalidConfig(Problem(origin, f"nested more than {MAX_DEPTH} levels deep"))
        if self.count > MAX_VALUES:
            raise InvalidConfig(Problem(origin, f"more than {MAX_VALUES} values"))
        if self.take("{"):
            return self._object(depth, origin)
        if self.take("["):
            return self._array(depth, origin)
        if self.content.startswith('"', self.at):
            return Scalar(self._string(), origin, Origin(origin.path, origin.line, origin.column + 1))
        return Scalar(self._word(), origin, origin)

    def _object(self, depth: int, origin: Origin) -> Mapping:
        entries: list[tuple[Scalar, Value]] = []
        seen: dict[str, Origin] = {}
        while not (not entries and self.take("}")):
            self.space()
            place = self.origin()
            if not self.content.startswith('"', self.at):
                self.refuse("expected a key in double quotes")
            key = self._string()
            if key in seen:
                raise InvalidConfig(Problem(place, f"duplicate key '{key}'", f"first at line {seen[key].line}"))
            seen[key] = place
            if not self.take(":"):
                self.refuse(f"expected ':' after key '{key}'")
            entries.append((Scalar(key, place), self.value(depth + 1)))
            if self.take("}"):
                break
            if not self.take(","):
                self.refuse("expected ',' or '}'")
        return Mapping(tuple(entries), origin)

    def _array(self, depth: int, origin: Origin) -> Sequence:
        items: list[Value] = []
        while not (not items and self.take("]")):
            items.append(self.value(depth + 1))
            if self.take("]"):
                break
            if not self.take(","):
                self.refuse("expected ',' or ']'")
        return Sequence(tuple(items), origin)

    def _string(self) -> str:
        try:
            text, self.at = scanstring(self.content, self.at + 1, True)
        except JSONDecodeError as error:
            self.refuse(error.msg[0].lower() + error.msg[1:].removesuffix(" at"), at=min(error.pos, len(self.content)))
        return str(text)

    def _word(self) -> int | Fraction | bool | None:
        number = NUMBER.match(self.content, self.at)
        if number:
            self.at = number.end()
            return Fraction(number[0]) if number[2] or number[3] else int(number[0])
        word = WORD.match(self.content, self.at)
        if word is None or word[0] not in WORDS:
            told = f"'{word[0][:40]}'" if word else f"'{self.content[self.at]}'" if self.at < len(self.content) else "the end of the file"
            self.refuse(f"{told} where a value is expected", "an object, a list, text in double quotes, a number, true, false or null")
        self.at = word.end()
        return WORDS[word[0]]
