"""On which partitions of a cluster a model fits, on how many cards, and the cheapest of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from analyzer.catalogue import Gpu
from analyzer.cluster.partitions import Cluster, Partition, spelled
from analyzer.fit import Asked, fit
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.verdict import CLOSE, FITS, Answer

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
    time: int | None  # minutes that the job wants; None where nobody said
    offers: tuple[Offer, ...]
    recommended: Offer | None

    @property
    def status(self) -> int:
        """0 when one fits, else 3 when one is too close to call, else 1."""
        answers = {offer.answer for offer in self.offers}
        return 0 if FITS in answers else 3 if CLOSE in answers else 1


def submission(asked: Asked, cluster: Cluster, time: int | None, only: Sequence[str] = ()) -> Submission:
    """What the cluster says to a job of so many minutes, in some partitions only where they are named. Raises InvalidConfig."""
    known = {partition.name for partition in cluster.partitions}
    strange = [
        Problem(Origin(COMMAND_LINE), f"no partition '{name}' in {cluster.name}", nearest(name, known))
        for name in only
        if name not in known
    ]
    if strange:
        raise InvalidConfig(*strange)
    wanted = [partition for partition in cluster.partitions if not only or partition.name in only]
    cards = tuple({partition.gpu.name: partition.gpu for partition in wanted if partition.gpu is not None}.values())
    verdicts = _verdicts(asked, cards)
    offers = tuple(_offer(partition, 1, time, verdicts) for partition in wanted)
    fitting = [offer for offer in offers if offer.answer == FITS]
    best = min(fitting, key=lambda offer: (offer.cost, offer.verdict.gpu.capacity if offer.verdict else 0), default=None)
    return Submission(asked.model.path, cluster.name, 1, time, offers, best)


def _verdicts(asked: Asked, cards: tuple[Gpu, ...]) -> Mapping[str, Answer]:
    if not cards:
        return {}
    (row,) = fit([asked], cards, {}, ()).rows
    return {cell.gpu.name: cell for cell in row.cells if isinstance(cell, Answer)}


def _offer(partition: Partition, gpus: int, time: int | None, verdicts: Mapping[str, Answer]) -> Offer:
    verdict = verdicts.get(partition.gpu.name) if partition.gpu is not None else None
    if verdict is None:
        return Offer(partition, gpus, REFUSED, "which card it has is unknown: put its name under gpu:", None)
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
