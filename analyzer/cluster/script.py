"""What a job script asks of Slurm in its #SBATCH lines."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analyzer.cluster.partitions import minutes
from analyzer.cluster.sinfo import cards_of
from analyzer.problems import InvalidConfig, Origin, Problem

LARGEST = 1 << 20
LINE = re.compile(r"#SBATCH\s+(.*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job asks for; what it does not say is empty or None."""

    partitions: tuple[str, ...] = ()
    time: int | None = None  # minutes
    gres: str = ""  # gpu:a100
    gpus: int | None = None
    constraint: str = ""
    script: str = ""  # its path; empty where nothing is a script's


def read_script(path: Path) -> Wanted:
    """What the #SBATCH lines of a job script ask for. Raises InvalidConfig."""
    try:
        if path.stat().st_size > LARGEST:
            raise InvalidConfig(Problem(Origin(str(path)), f"file is larger than {LARGEST >> 20} MiB"))
        lines = list(_lines(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InvalidConfig(Problem(Origin(str(path)), f"cannot read the file: {reason}")) from None
    if not lines:
        raise InvalidConfig(Problem(Origin(str(path)), "no #SBATCH line before the first command", "#SBATCH --partition=gpu --gres=gpu:1"))
    said: dict[str, str] = {}
    for at, line in lines:
        said |= _options(line, Origin(str(path), at))
    return _wanted(said, Origin(str(path)))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The #SBATCH lines with their numbers; Slurm reads those before the first command."""
    for at, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            return
        found = LINE.match(line)
        if found:
            yield at, found[1]


def _options(line: str, origin: Origin) -> dict[str, str]:
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    for names in (
        ("-p", "--partition"),
        ("-t", "--time"),
        ("--gres",),
        ("-G", "--gpus"),
        ("--gpus-per-node",),
        ("-N", "--nodes"),
        ("-C", "--constraint"),
    ):
        parser.add_argument(*names)
    try:
        found, _ = parser.parse_known_args(shlex.split(line, comments=True))
    except (argparse.ArgumentError, ValueError) as error:
        raise InvalidConfig(Problem(origin, f"cannot read '#SBATCH {line}'", str(error))) from None
    return {key: value for key, value in vars(found).items() if value is not None}


def _wanted(said: dict[str, str], origin: Origin) -> Wanted:
    try:
        time = minutes(said["time"]) if "time" in said else None
        nodes = int(said.get("nodes", "1").split("-")[0])
    except ValueError:
        raise InvalidConfig(Problem(origin, "cannot read --time or --nodes", "--time=12:00:00 --nodes=1")) from None
    per_node = said.get("gres") or (f"gpu:{said['gpus_per_node']}" if "gpus_per_node" in said else "")
    entries = per_node or (f"gpu:{said['gpus']}" if "gpus" in said else "")
    cards = cards_of(",".join(f"{entry}:1" if not entry.rpartition(":")[2].isdigit() else entry for entry in entries.split(",") if entry))
    if not cards:
        raise InvalidConfig(Problem(origin, "it asks for no GPU", "#SBATCH --gres=gpu:a100:1"))
    kind, number = cards[0]
    partitions = tuple(name for name in said.get("partition", "").split(",") if name)
    gres = f"gpu:{kind}" if kind else ""
    return Wanted(partitions, time, gres, number * (nodes if per_node else 1), said.get("constraint", ""), origin.path)
