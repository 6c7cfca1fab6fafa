"""Paths of modules and parameters, and patterns that name them."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def without_counters(path: str) -> str:
    """A path without the counters of loops: what all iterations have in common."""
    return ".".join(part for part in path.split(".") if not part.isdigit())


def is_named(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns is a parameter's path, or that of a module around it; `*` stands for any letters.

    A pattern may leave out the counters of loops.
    """
    return any(fnmatchcase(name, p) or fnmatchcase(name, f"{p}.*") for p in patterns for name in (path, without_counters(path)))
