"""Parameter groups: which parameters the optimizer is given, and which it treats together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analyzer.paths import is_named
from analyzer.run.arrays import Leaf
from analyzer.run.settings import Run


def patterns(words: str) -> tuple[str, ...]:
    """Words with commas between them."""
    return tuple(word.strip() for word in words.split(",") if word.strip())


def optimized(run: Run, leaves: Iterable[Leaf]) -> list[Leaf]:
    """The parameters that the optimizer is given."""
    excluded = patterns(run.exclude)
    return [leaf for leaf in leaves if not is_named(excluded, leaf.tensor.name)]


def grouped(run: Run, leaves: Iterable[Leaf]) -> list[tuple[Run, list[Leaf]]]:
    """The optimizer's parameter groups, each with its settings."""
    found: dict[tuple[int, bool], list[Leaf]] = {}
    for leaf in leaves:
        found.setdefault(group(run, leaf.tensor.name), []).append(leaf)
    return [(replace(run, weight_decay=run.weight_decay and not plain), found[i, plain]) for i, plain in sorted(found)]


def group(run: Run, path: str) -> tuple[int, bool]:
    """Which of `run.groups` a parameter is in, 0 for none, and whether it is one without weight decay."""
    listed = run.groups.split(";") if run.groups else []
    number = next((i for i, words in enumerate(listed, 1) if is_named(patterns(words), path)), 0)
    return number, is_named(patterns(run.no_decay), path)
