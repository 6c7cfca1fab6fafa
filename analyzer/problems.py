"""Where a value stands in a file, what is wrong with it, and the exception that carries every problem found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in a text file; lines and columns count from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong at a place, and what was expected there."""

    origin: Origin
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = "".join(f"\n    {line}" for line in self.hint.splitlines())
        return f"{self.origin}: {self.message}{hint}"


class InvalidConfig(Exception):
    """A description that is refused; `problems` is in file order and never empty."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word closest to `word`, or lists the known ones when they are few."""
    words = sorted(set(known))
    folded = {w.lower(): w for w in words}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{folded[close[0]]}'?"
    return f"known: {', '.join(words)}" if 0 < len(words) <= 12 else ""
