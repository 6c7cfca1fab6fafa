"""On which partitions of a cluster a model fits, on how many cards, and the cheapest of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from analyzer.build.ranks import RANKS, with_ranks
from analyzer.build.trace import bind_symbols
from analyzer.catalogue import Gpu
from analyzer.cluster.partitions import Cluster, Partition, spelled
from analyzer.cluster.script import Wanted
from analyzer.fit import Asked, fit
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.verdict import CLOSE, FITS, UNFIT, Answer

REFUSED = "not allowed"


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of card in one partition, and what it says to the job."""

    partition: Partition
    gpus: int
    answer: str  # fits, too close to call, does not fit, not allowed
    reason: str
    verdict: Answer | None

    @property
    def cost(self) -> Fraction:
        """The weight of the job's cards for an hour."""
        return self.partition.cost * self.gpus


@dataclass(frozen=True, slots=True)
class Submission:
    """Every offer of a cluster in its order, and the cheapest that fits."""

    config: str
    cluster: str
    gpus: int
    wanted: Wanted
    offers: tuple[Offer, ...]
    recommended: Offer | None

    @property
    def status(self) -> int:
        """0 when one fits, else 3 when one is too close to call, else 1. A script's job may get any of its offers: the worst counts."""
        answers = {offer.answer for offer in self.offers}
        if self.wanted.script:
            return 1 if answers & {UNFIT, REFUSED} else 3 if CLOSE in answers else 0
        return 0 if FITS in answers else 3 if CLOSE in answers else 1


def submission(asked: Asked, cluster: Cluster, wanted: Wanted) -> Submission:
    """What the cluster says to a job that asks for so much. Raises InvalidConfig."""
    known = {partition.name for partition in cluster.partitions}
    origin = Origin(wanted.script or COMMAND_LINE)
    strange = [Problem(origin, f"no partition '{n}' in {cluster.name}", nearest(n, known)) for n in wanted.partitions if n not in known]
    if strange:
        raise InvalidConfig(*strange)
    asked_for = [partition for partition in cluster.partitions if _meant(partition, wanted)]
    if not asked_for:
        told = " ".join(filter(None, (", ".join(wanted.partitions), wanted.gres, wanted.constraint)))
        raise InvalidConfig(Problem(origin, f"nothing in {cluster.name} is {told}", "see the gres and constraint of its partitions"))
    cards = tuple({partition.gpu.name: partition.gpu for partition in asked_for if partition.gpu is not None}.values())
    verdicts, gpus = _verdicts(asked, cards), ranks(asked)
    offers = tuple(_offer(partition, gpus, wanted, verdicts) for partition in asked_for)
    fitting = [offer for offer in offers if offer.answer == FITS]
    best = min(fitting, key=lambda offer: (offer.cost, offer.verdict.gpu.capacity if offer.verdict else 0), default=None)
    return Submission(asked.model.path, cluster.name, gpus, wanted, offers, best)


def ranks(asked: Asked) -> int:
    """GPUs that share the work, as the run says. Raises InvalidConfig."""
    return bind_symbols(with_ranks(asked.model, asked.run), asked.overrides).values[RANKS] if asked.run.parallel != "none" else 1


def _meant(partition: Partition, wanted: Wanted) -> bool:
    """Whether a job that asks for this may get the partition's cards."""
    return (
        (not wanted.partitions or partition.name in wanted.partitions)
        and wanted.gres in ("", partition.gres)
        and (not wanted.constraint or not partition.constraint or partition.constraint in re.split(r"[&|,]", wanted.constraint))
    )


def _verdicts(asked: Asked, cards: tuple[Gpu, ...]) -> Mapping[str, Answer]:
    if not cards:
        return {}
    (row,) = fit([asked], cards, {}, ()).rows
    return {cell.gpu.name: cell for cell in row.cells if isinstance(cell, Answer)}


def _offer(partition: Partition, gpus: int, wanted: Wanted, verdicts: Mapping[str, Answer]) -> Offer:
    time, verdict = wanted.time, verdicts.get(partition.gpu.name) if partition.gpu is not None else None
    if verdict is None:
        return Offer(partition, gpus, REFUSED, "which card it has is unknown: put its name under gpu:", None)
    if wanted.gpus is not None and wanted.gpus < gpus:
        return Offer(partition, gpus, REFUSED, f"{wanted.script} asks for {wanted.gpus}", verdict)
    if gpus > partition.most:
        return Offer(partition, gpus, REFUSED, f"a job gets at most {partition.most} of its cards", verdict)
    if time is not None and partition.time is not None and time > partition.time:
        return Offer(partition, gpus, REFUSED, f"a job runs {spelled(partition.time)} at most", verdict)
    return Offer(partition, gpus, verdict.answer, verdict.reason, verdict)


def sbatch_lines(offer: Offer, time: int | None) -> list[str]:
    """What a job script says to get the cards of an offer."""
    partition = offer.partition
    nodes = -(-offer.gpus // partition.gpus_per_node)
    said = {
        "partition": partition.name, "nodes": nodes, "gres": f"{partition.gres}:{-(-offer.gpus // nodes)}",
        "constraint": partition.constraint, "account": partition.account, "qos": partition.qos,
        "time": spelled(time) if time is not None else "",
    }  # fmt: skip
    return [f"#SBATCH --{key}={value}" for key, value in said.items() if value]
