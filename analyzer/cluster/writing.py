"""A cluster file from groups of nodes: with the card of each, and what its reader must complete."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.catalogue import GIB, Gpu
from analyzer.cluster.matching import candidates
from analyzer.cluster.partitions import spelled
from analyzer.cluster.reading import UNKNOWN
from analyzer.cluster.sinfo import COMMAND, Group

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
HEAD = """\
# The cards of a cluster by partition, from sinfo. Complete what sinfo does not say:
#   gpu: a name of `peakform gpus`            cost: weight of a card for an hour (1 when it is not said)
#   max_gpus_per_job, max_gpus_per_user      account, qos: where jobs need them
"""


@dataclass(frozen=True, slots=True)
class Written:
    """The text of the file, and what was not certain, a sentence each."""

    text: str
    doubts: tuple[str, ...]


def as_yaml(found: Sequence[Group], cards: tuple[Gpu, ...], name: str) -> Written:
    """The cluster file of groups of nodes; partitions that run no jobs are left out."""
    lines, doubts = [f"{HEAD}name: {_quoted(name)}\npartitions:\n"], []
    for group in found:
        if not group.up:
            doubts.append(f"{group.partition}: left out, it is not up")
            continue
        alike = candidates(group.kind, group.features, cards)
        lines.append(_row(group, alike, _constraint(group, found)))
        doubts += _doubts(group, alike)
    if not all(group.limited for group in found):
        doubts.append(f"this output has no limits of time: add them under time:, or use `{COMMAND}`")
    return Written("".join(lines), tuple(dict.fromkeys(doubts)))


def _row(group: Group, alike: Sequence[Gpu], constraint: str) -> str:
    told = {"gres": _quoted(_gres(group)), "constraint": _quoted(constraint) if constraint else ""}
    told["time"] = _quoted(spelled(group.time)) if group.limited else ""
    told["cost"] = f"{float(group.cost):g}" if group.cost is not None else ""
    said = ", ".join(f"{key}: {value}" for key, value in told.items() if value)
    lead = f"name: {_quoted(group.partition)}, gpu: {alike[0].name if alike else UNKNOWN}"
    remark = "; ".join(filter(None, (_printable(group.features), f"or {', '.join(card.name for card in alike[1:])}" if alike[1:] else "")))
    comment = f"  # {remark}" if remark else ""
    return f"  - {{{lead}, gpus_per_node: {group.count}, nodes: {group.nodes},{comment}\n     {said}}}\n"


def _doubts(group: Group, alike: Sequence[Gpu]) -> list[str]:
    what = f"{_printable(group.partition)}: {_printable(_gres(group))}"
    if not alike:
        return [f"{what} is an unknown card: put a name of `peakform gpus` under gpu:, or add the card to a file for --gpus-file"]
    if not group.kind:
        return [f"{what} has no type: taken for {alike[0].name}, which the features name"]
    if alike[-1].capacity > alike[0].capacity * 1.02:
        names = " or ".join(f"{card.name} ({card.capacity / GIB:.0f} GiB)" for card in alike)
        return [f"{what} may be {names}: taken for the smallest; change gpu: if it is another"]
    return []


def _gres(group: Group) -> str:
    return f"gpu:{group.kind}" if group.kind else "gpu"


def _constraint(group: Group, found: Sequence[Group]) -> str:
    """A feature that only these nodes have, where others of the partition have the same gres; empty where none is needed."""
    rivals = [
        g for g in found if g is not group and (g.partition, g.kind) == (group.partition, group.kind) and g.features != group.features
    ]
    theirs = {feature for rival in rivals for feature in rival.features.split(",")}
    return next((feature for feature in group.features.split(",") if feature not in theirs), "") if rivals else ""


def _quoted(word: str) -> str:
    return word if PLAIN.fullmatch(word) and word not in ("null", "true", "false") else json.dumps(word)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
