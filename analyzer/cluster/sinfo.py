"""Partitions from what sinfo prints: its table, with or without a header, and its JSON of Slurm 22.05 and of 23.02 and later.

Slurm 22.05 (plugin openapi/v0.0.38) prints `nodes`, each with the names of its partitions and no limits of time; 23.02 and later
print `sinfo`, one element for nodes that are alike, with `partition.maximums.time` and `partition.tres.billing_weights`
(src/plugins/data_parser/*/parsers.c, SINFO_DATA and PARTITION_INFO).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from analyzer.cluster.partitions import minutes
from analyzer.problems import InvalidConfig, Origin, Problem

FORMAT = "%P|%G|%D|%l|%f|%a"
COMMAND = f'sinfo -o "{FORMAT}"'
ORDER = ("PARTITION", "GRES", "NODES", "TIMELIMIT", "FEATURES", "AVAIL")
FEATURES = ("AVAIL_FEATURES", "ACTIVE_FEATURES", "FEATURES_ACT")
GPUS = re.compile(r"gpu(?::(?P<kind>[^:,()]+(?::[^:,()]+)*?))?:(?P<count>\d+)")
NOTHING = ("", "(null)", "N/A", "null")
LARGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes of one partition that have the same cards."""

    partition: str
    kind: str  # the type of the gres; empty where it has none
    count: int  # cards in each node
    nodes: int
    time: int | None
    features: str
    cost: Fraction | None = None
    up: bool = True  # whether the partition runs jobs
    limited: bool = True  # whether sinfo says how long a job may be


def groups(text: str, name: str) -> list[Group]:
    """The groups of nodes that have GPUs, in the order of the output. Raises InvalidConfig when it is no output of sinfo."""
    if len(text) > LARGEST:
        raise InvalidConfig(Problem(Origin(name), f"more than {LARGEST >> 20} MiB"))
    found = list(_of_json(text, name) if text.lstrip().startswith("{") else _of_table(text, name))
    merged: dict[tuple[object, ...], Group] = {}
    for group in found:
        key = (group.partition, group.kind, group.count, group.time, group.features)
        merged[key] = replace(group, nodes=group.nodes + merged[key].nodes) if key in merged else group
    return list(merged.values())


def _of_table(text: str, name: str) -> Iterator[Group]:
    lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InvalidConfig(Problem(Origin(name), "sinfo printed nothing", f"expected what `{COMMAND}` prints"))
    bars = "|" in lines[0][1]
    heads = [word.strip().upper() for word in (lines[0][1].split("|") if bars else lines[0][1].split())]
    heads = ["FEATURES" if head in FEATURES else head for head in heads]
    titled = "PARTITION" in heads
    columns = heads if titled else list(ORDER)
    missing = [head for head in ORDER[:3] if head not in columns]
    if missing:
        message = f"no column {' and no column '.join(missing)}"
        raise InvalidConfig(Problem(Origin(name, lines[0][0]), message, f"expected what `{COMMAND}` prints"))
    for at, line in lines[titled:]:
        cells = [cell.strip() for cell in line.split("|")] if bars else line.split()
        yield from _of_line(dict(zip(columns, cells)), Origin(name, at))


def _of_line(cells: dict[str, str], origin: Origin) -> Iterator[Group]:
    try:
        partition, gres, nodes = cells["PARTITION"], cells["GRES"], cells["NODES"].split("/")[-1]
        number, time = int(nodes), minutes(cells.get("TIMELIMIT", "infinite"))
    except (KeyError, ValueError):
        raise InvalidConfig(Problem(origin, "no line of a table of partitions", f"expected what `{COMMAND}` prints")) from None
    if gres.count("(") != gres.count(")") or any(entry.startswith("gpu") and not GPUS.fullmatch(entry) for entry in _entries(gres)):
        raise InvalidConfig(
            Problem(origin, f"gres '{gres}' is cut off", "leave the width out of the format, or give a larger one: %G, %200G")
        )
    features = "" if cells.get("FEATURES", "") in NOTHING else cells.get("FEATURES", "")
    for kind, count in cards_of(gres):
        yield Group(
            partition.rstrip("*"), kind, count, number, time, features, None, cells.get("AVAIL", "up") == "up", "TIMELIMIT" in cells
        )


def cards_of(gres: str) -> list[tuple[str, int]]:
    """Type and number of the GPUs in a gres; other resources, and shares of GPUs (mps, shard), are left out."""
    found = (GPUS.fullmatch(entry) for entry in _entries(gres))
    return [(match["kind"] or "", int(match["count"])) for match in found if match and int(match["count"])]


def _entries(gres: str) -> list[str]:
    """The resources of a gres, without the sockets that they are on."""
    return [entry.strip() for entry in re.sub(r"\([^)]*\)", "", gres).split(",")]


def _of_json(text: str, name: str) -> Iterator[Group]:
    try:
        told = json.loads(text)
        if "sinfo" in told:
            return iter([group for row in told["sinfo"] for group in _of_row(row)])
        return iter([group for node in told["nodes"] for group in _of_node(node)])
    except json.JSONDecodeError as error:
        raise InvalidConfig(Problem(Origin(name, error.lineno, error.colno), f"no JSON: {error.msg}")) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        hint = f"expected what `sinfo --json` prints; `{COMMAND}` prints the same as a table"
        raise InvalidConfig(Problem(Origin(name), "no JSON of sinfo", hint)) from None


def _of_row(row: dict[str, Any]) -> Iterable[Group]:
    """An element of `sinfo`."""
    partition = row["partition"]
    limit = partition.get("maximums", {}).get("time", {})
    time = int(limit["number"]) if limit.get("set") and not limit.get("infinite") else None
    weights = str((partition.get("tres") or {}).get("billing_weights") or "")
    for kind, count in cards_of(str(row["gres"]["total"] or "")):
        features = str(row["features"]["total"] or "")
        up = "UP" in (partition.get("partition") or {}).get("state", ["UP"])
        yield Group(str(partition["name"]), kind, count, int(row["nodes"]["total"]), time, features, _weight(weights, kind), up)


def _of_node(node: dict[str, Any]) -> Iterable[Group]:
    """An element of `nodes`."""
    for kind, count in cards_of(str(node["gres"] or "")):
        for partition in node["partitions"]:
            yield Group(str(partition), kind, count, 1, None, str(node.get("features") or ""), limited=False)


def _weight(weights: str, kind: str) -> Fraction | None:
    """The weight of a card in a partition's TRESBillingWeights."""
    told = dict(pair.lower().partition("=")[::2] for pair in weights.split(","))
    found: Sequence[str] = [told[key] for key in (f"gres/gpu:{kind}".lower(), "gres/gpu") if key in told]
    return Fraction(found[0]) if found and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", found[0]) else None
