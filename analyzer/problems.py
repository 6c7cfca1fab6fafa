"""Where a value stands in a file, what is wrong with it, and the exception that carries every problem found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

COMMAND_LINE = "command line"
LONGEST = 60
OVERLONG = re.compile(r"\S{200,}")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a text file; lines and columns count from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return self.path if self.path == COMMAND_LINE else f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong at a place, and what was expected there."""

    origin: Origin
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = "".join(f"\n    {_printable(line)}" for line in self.hint.splitlines())
        return f"{self.origin}: {_printable(self.message)}{hint}"


def _printable(text: str) -> str:
    """Text of one line: overlong words cut, control characters escaped."""
    cut = OVERLONG.sub(lambda word: word[0][: LONGEST - 3] + "...", text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


class InvalidConfig(Exception):
    """A description that is refused; `problems` is in file order and never empty."""

    def __init__(self, *problems: Problem) -> None:
        told: dict[tuple[Origin, str], Problem] = {}
        for problem in problems:
            told.setdefault((problem.origin, problem.message), problem)
        self.problems = tuple(sorted(told.values()))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word closest to `word`, or lists the known ones when they are few."""
    words = sorted({w for w in known if len(w) <= LONGEST})
    folded = difflib.get_close_matches(word.lower(), {w.lower() for w in words}, n=1, cutoff=0.6) if len(word) <= LONGEST else []
    if folded:
        alike = [w for w in words if w.lower() == folded[0]]
        return f"did you mean '{max(alike, key=lambda w: difflib.SequenceMatcher(None, word, w).ratio())}'?"
    return f"known: {', '.join(words)}" if 0 < len(words) <= 12 else ""
