"""A cluster as values: for every kind of card in a partition, what a job may ask for; and time as Slurm spells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from analyzer.catalogue import Gpu

DAYS = re.compile(r"(\d{1,4})-(\d{1,2})(?::(\d{1,2}))?(?::(\d{1,2}))?")
CLOCK = re.compile(r"\d{1,7}(?::\d{1,2}){0,2}")


@dataclass(frozen=True, slots=True)
class Partition:
    """One kind of card in one partition."""

    name: str
    gpu: Gpu | None  # None where nobody knows which it is
    gpus_per_node: int = 1
    nodes: int = 1
    gres: str = "gpu"
    constraint: str = ""
    time: int | None = None  # minutes of the longest job; None without limit
    max_gpus_per_job: int | None = None
    max_gpus_per_user: int | None = None
    cost: Fraction = Fraction(1)
    account: str = ""
    qos: str = ""

    @property
    def most(self) -> int:
        """Cards that one job may have."""
        allowed = (limit for limit in (self.max_gpus_per_job, self.max_gpus_per_user) if limit is not None)
        return min((self.gpus_per_node * self.nodes, *allowed))


@dataclass(frozen=True, slots=True)
class Cluster:
    """Partitions in file order; a partition with two kinds of cards stands there twice."""

    name: str
    partitions: tuple[Partition, ...]


def minutes(text: str) -> int | None:
    """Minutes of a time in Slurm's spelling, seconds rounded up; None for no limit. Raises ValueError."""
    if text.lower() in ("infinite", "unlimited"):
        return None
    found = DAYS.fullmatch(text)
    if found:
        days, hours, mins, seconds = (int(part or 0) for part in found.groups())
        return (days * 24 + hours) * 60 + mins + (seconds > 0)
    if not CLOCK.fullmatch(text):
        raise ValueError(text)
    parts = [int(part) for part in text.split(":")]
    hours = parts.pop(0) if len(parts) == 3 else 0
    return hours * 60 + parts[0] + (parts[-1] > 0 if len(parts) == 2 else 0)


def spelled(time: int | None) -> str:
    """Minutes as Slurm writes them; infinite for None."""
    if time is None:
        return "infinite"
    days, rest = divmod(time, 24 * 60)
    return f"{f'{days}-' if days else ''}{rest // 60:02}:{rest % 60:02}:00"
