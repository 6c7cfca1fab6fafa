"""A cluster from its file: partitions with what was said of each, and every problem with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from analyzer.catalogue import CONFIGS, Gpu
from analyzer.cluster.partitions import Cluster, Partition, minutes
from analyzer.document import Mapping, Scalar, Sequence, Value, load
from analyzer.gpus import named
from analyzer.problems import InvalidConfig, Problem, nearest

UNKNOWN = "unknown"
WORD = re.compile(r"[^\s'\"`$;]{1,200}")  # it goes into a line of a job script
EXAMPLE = "partitions: [{name: gpu, gpu: a100-80gb, gpus_per_node: 4, nodes: 10, gres: gpu:a100}]"
SECTIONS = ("name", "partitions")


def read_cluster(path: Path, cards: tuple[Gpu, ...]) -> Cluster:
    """The cluster of a file. Raises InvalidConfig with every problem."""
    document = load(path)
    problems = _strangers(document, SECTIONS, "a cluster")
    rows = document.get("partitions")
    if not isinstance(rows, Sequence) or not rows.items:
        origin = document.origin if rows is None else rows.origin
        raise InvalidConfig(*problems, Problem(origin, "expected a list under 'partitions'", EXAMPLE))
    reader = _Reader(cards, problems)
    found = [reader.partition(row) for row in rows.items]
    if problems:
        raise InvalidConfig(*problems)
    name = document.get("name")
    return Cluster(str(name.value) if isinstance(name, Scalar) else path.stem, tuple(p for p in found if p is not None))


def bundled(path: str) -> Path:
    """A file, or the example that is called so."""
    example = CONFIGS / "clusters" / f"{path}.yaml"
    return example if path.isidentifier() and not Path(path).exists() and example.is_file() else Path(path)


def _strangers(of: Mapping, known: tuple[str, ...], what: str) -> list[Problem]:
    unknown = (key for key, _ in of.entries if key.value not in known)
    return [Problem(key.origin, f"unknown key '{key.value}' of {what}", nearest(str(key.value), known)) for key in unknown]


class _Wrong(Exception):
    """What is wrong with a value, and what was expected."""


@dataclass(frozen=True)
class _Reader:
    cards: tuple[Gpu, ...]
    problems: list[Problem]
    keys: dict[str, Callable[[Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        keys: dict[str, Callable[[Any], Any]] = dict.fromkeys(("name", "gres", "constraint", "account", "qos"), _word)
        keys |= dict.fromkeys(("gpus_per_node", "nodes", "max_gpus_per_job", "max_gpus_per_user"), _whole)
        object.__setattr__(self, "keys", keys | {"gpu": self._card, "time": _time, "cost": _cost})

    def partition(self, row: Value) -> Partition | None:
        """One row; None after a problem."""
        if not isinstance(row, Mapping):
            self.problems.append(Problem(row.origin, "a partition is a mapping", EXAMPLE))
            return None
        problems = _strangers(row, tuple(self.keys), "a partition")
        problems += [Problem(row.origin, f"a partition needs '{key}'", EXAMPLE) for key in ("name", "gpu") if row.get(key) is None]
        said: dict[str, Any] = {}
        for key, value in row.entries:
            try:
                if key.value in self.keys:
                    said[str(key.value)] = self.keys[str(key.value)](value.value if isinstance(value, Scalar) else None)
            except _Wrong as wrong:
                message, hint = wrong.args
                problems.append(Problem(value.origin, f"'{key.value}' {message}", hint))
        self.problems.extend(problems)
        return None if problems else Partition(**said)

    def _card(self, value: Any) -> Gpu | None:
        if value == UNKNOWN:
            return None
        try:
            return named(self.cards, (str(value),))[0]
        except InvalidConfig as error:
            hint = error.problems[0].hint or "`peakform gpus` lists what is known; --gpus-file adds cards of your own"
            raise _Wrong(f"is no known GPU: {value}" if value is not None else "must be the name of a GPU", hint) from None


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool) or not WORD.fullmatch(str(value)):
        raise _Wrong("must be one word", "it goes into a job script as it stands: no blanks, quotes, $ or ;")
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**6:
        raise _Wrong("must be a whole number above 0", "")
    return value


def _cost(value: Any) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, (int, Fraction)) or value < 0:
        raise _Wrong("must be a number, 0 or above", "the weight of a card for an hour, in any unit")
    return Fraction(value)


def _time(value: Any) -> int | None:
    try:
        return minutes(str(value))
    except ValueError:
        raise _Wrong(f"is no time: {value}", "as Slurm writes it: 90 (minutes), 12:00:00, 2-00:00:00, infinite") from None
