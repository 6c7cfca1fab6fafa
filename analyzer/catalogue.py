"""Cards and cloud instances as checked values, from configs/gpus.yaml, configs/instances.yaml and the user's own files."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from analyzer.document import Mapping, Scalar, Sequence, Value, load
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

CONFIGS = Path(__file__).resolve().parent / "configs"
CATALOGUE, INSTANCES = CONFIGS / "gpus.yaml", CONFIGS / "instances.yaml"
GIB, MIB = 1 << 30, 1 << 20
KEYS = (
    "name", "like", "aliases", "architecture", "capability", "sms", "threads_per_sm", "capacity_mib", "capacity_gib",
    "context_mib", "bandwidth_gbs", "cache_mib", "speeds", "tflops", "derived", "source", "note", "default",
)  # fmt: skip
NEEDED = ("capability", "sms", "threads_per_sm", "capacity", "context")
DTYPES = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8")
DERIVABLE = ("capacity", "context", "speeds")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card or a part of one: what the driver reports as its memory, what kernels ask of it, and its published speeds."""

    name: str
    aliases: tuple[str, ...]
    capacity: int  # bytes; the smallest value that was reported
    context: int  # bytes that CUDA itself takes of a process
    capability: int  # 80 for 8.0
    sms: int
    threads_per_sm: int
    source: str = ""
    default: bool = False
    largest_capacity: int = 0  # bytes; the largest value that was reported
    architecture: str = ""
    bandwidth: int = 0  # bytes per second
    cache: int = 0  # bytes of the last cache before memory
    flops: MappingOf[str, int] = field(default_factory=dict)  # per second, dense, a multiply-add is two
    derived: frozenset[str] = frozenset()  # which of capacity, context and speeds are from no report
    note: str = ""
    speeds: str = ""  # where bandwidth and FLOP/s are from


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine that a cloud rents out: its cards and how many."""

    name: str
    cloud: str
    gpu: str
    count: int
    source: str = ""  # empty where nobody has confirmed it


@cache
def read_gpus(*more: Path) -> tuple[Gpu, ...]:
    """The catalogue in file order, then the cards of further files; a card of a known name replaces it. Raises InvalidConfig."""
    cards: dict[str, Gpu] = {}
    for path in (CATALOGUE, *more):
        problems: list[Problem] = []
        for row in _rows(path, "gpus", problems):
            card = _card(row, cards, problems)
            if card is not None:
                cards[card.name] = card
        if problems:
            raise InvalidConfig(*problems)
    return tuple(cards.values())


def read_instances() -> tuple[Instance, ...]:
    """The cloud instances in file order."""
    rows = _rows(INSTANCES, "instances", [])
    read = [{str(k.value): v.value for k, v in row.entries if isinstance(v, Scalar)} for row in rows]
    return tuple(Instance(str(r["name"]), str(r["cloud"]), str(r["gpu"]), int(str(r["count"])), str(r.get("source", ""))) for r in read)


def _rows(path: Path, section: str, problems: list[Problem]) -> list[Mapping]:
    document = load(path, str(path) if path.parent != CONFIGS else path.name)
    rows = document.get(section)
    if not isinstance(rows, Sequence):
        raise InvalidConfig(Problem(document.origin, f"expected a list under '{section}'"))
    problems += [
        Problem(row.origin, "a card is a mapping", "{name: ..., like: A100-80GB}") for row in rows.items if not isinstance(row, Mapping)
    ]
    return [row for row in rows.items if isinstance(row, Mapping)]


def _card(row: Mapping, known: MappingOf[str, Gpu], problems: list[Problem]) -> Gpu | None:
    """A card, or None after a problem; `like` gives what the row does not say."""
    reader = _Row(row)
    told = reader.told()
    like = reader.word("like")
    if like and like not in known:
        reader.add("like", f"no card '{like}' above this one", nearest(like, known))
    missing = [] if like else [key for key in NEEDED if key not in told and not reader.tried(key)]
    for key in missing:
        spelled = {"capacity": "capacity_mib", "context": "context_mib"}.get(key, key)
        reader.problems.append(
            Problem(row.origin, f"a card needs '{spelled}'", "or say 'like: A100-80GB' to take what is not said from that card")
        )
    if not reader.word("name"):
        reader.problems.append(Problem(row.origin, "a card needs 'name'"))
    problems += reader.problems
    if reader.problems:
        return None
    if like:
        derived = known[like].derived - told.keys() | told.pop("derived", frozenset())
        plain = {"aliases": (), "default": False, "note": ""}
        return replace(known[like], **{**plain, **told, "derived": derived})
    return Gpu(**{"aliases": (), **told})


class _Row:
    """The fields of one row, and what is wrong with them."""

    def __init__(self, row: Mapping) -> None:
        self.values: dict[str, Value] = {str(key.value): value for key, value in row.entries}
        self.problems = [
            Problem(k.origin, f"unknown key '{k.value}' of a card", nearest(str(k.value), KEYS))
            for k, _ in row.entries
            if k.value not in KEYS
        ]
        self.origin = row.origin

    def told(self) -> dict[str, Any]:
        """What the row says, by the names of Gpu's fields."""
        capacity = self.range("capacity_mib", MIB) or self.range("capacity_gib", GIB)
        context = self.range("context_mib", MIB)
        capability, bandwidth, cache = (self.number(key) for key in ("capability", "bandwidth_gbs", "cache_mib"))
        said: dict[str, Any] = {
            "name": self.word("name"), "source": self.word("source"), "note": self.word("note"),
            "speeds": self.word("speeds"),
            "architecture": self.word("architecture"), "sms": self.whole("sms"), "threads_per_sm": self.whole("threads_per_sm"),
            "aliases": self.words("aliases"), "derived": frozenset(self.words("derived", DERIVABLE)),
            "flops": {name: int(value * 10**12) for name, value in self.numbers("tflops", DTYPES).items()},
            "capability": None if capability is None else int(capability * 10),
            "bandwidth": None if bandwidth is None else int(bandwidth * 10**9),
            "cache": None if cache is None else int(cache * MIB),
            "context": context[1] if context else None,
            "capacity": capacity[0] // 512 * 512 if capacity else None,
            "largest_capacity": capacity[1] // 512 * 512 if capacity else None,
            "default": self.flag("default"),
        }  # fmt: skip
        assert said.keys() <= {f.name for f in fields(Gpu)}
        return {key: value for key, value in said.items() if value not in (None, "", {}, False)}

    def tried(self, key: str) -> bool:
        """Whether a field was given, be it wrongly."""
        return any(name.startswith(key) for name in self.values)

    def add(self, key: str, message: str, hint: str = "") -> None:
        """Remember what is wrong with a field."""
        self.problems.append(Problem(self.values[key].origin, message, hint))

    def word(self, key: str) -> str:
        """A text; empty when it is not there."""
        value = self.values.get(key)
        if value is None:
            return ""
        if isinstance(value, Scalar) and isinstance(value.value, (str, int)) and not isinstance(value.value, bool):
            return str(value.value)
        self.add(key, f"'{key}' must be a word")
        return ""

    def words(self, key: str, allowed: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of words."""
        value = self.values.get(key)
        if value is None:
            return ()
        items = value.items if isinstance(value, Sequence) else ()
        found = tuple(str(i.value) for i in items if isinstance(i, Scalar))
        if not isinstance(value, Sequence) or len(found) < len(items):
            self.add(key, f"'{key}' must be a list of words")
        for word in found:
            if allowed and word not in allowed:
                self.add(key, f"'{word}' cannot stand in '{key}'", nearest(word, allowed))
        return found

    def number(self, key: str) -> Fraction | None:
        """A positive number."""
        value = self.values.get(key)
        return None if value is None else self._positive(key, value)

    def whole(self, key: str) -> int | None:
        """A positive whole number."""
        number = self.number(key)
        if number is not None and number.denominator != 1:
            self.add(key, f"'{key}' must be a whole number")
            return None
        return None if number is None else int(number)

    def range(self, key: str, unit: int) -> tuple[int, int] | None:
        """A number, or the smallest and the largest one, in bytes."""
        value = self.values.get(key)
        if value is None:
            return None
        items = value.items if isinstance(value, Sequence) else (value,)
        found = [self._positive(key, item) for item in items]
        if any(number is None for number in found):
            return None
        ends = [int(number * unit) for number in found if number is not None]
        if len(ends) not in (1, 2) or ends != sorted(ends):
            self.add(key, f"'{key}' is one number, or the smallest and the largest")
            return None
        return ends[0], ends[-1]

    def numbers(self, key: str, allowed: tuple[str, ...]) -> dict[str, Fraction]:
        """Positive numbers by name."""
        value = self.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.add(key, f"'{key}' must be a mapping of dtypes to numbers")
            return {}
        unknown: Iterable[Scalar] = (k for k, _ in value.entries if k.value not in allowed)
        self.problems += [Problem(k.origin, f"unknown dtype '{k.value}'", nearest(str(k.value), allowed)) for k in unknown]
        read = {str(k.value): self._positive(key, v) for k, v in value.entries}
        return {name: number for name, number in read.items() if number is not None}

    def flag(self, key: str) -> bool:
        """true or false."""
        value = self.values.get(key)
        return isinstance(value, Scalar) and value.value is True

    def _positive(self, key: str, value: Value) -> Fraction | None:
        number = value.value if isinstance(value, Scalar) else None
        if isinstance(number, (int, Fraction)) and not isinstance(number, bool) and number > 0:
            return Fraction(number)
        origin: Origin = value.origin
        self.problems.append(Problem(origin, f"'{key}' must be a number above 0"))
        return None
