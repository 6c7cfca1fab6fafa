"""What a cluster says to a job: for a terminal of 80 columns, as JSON, as lines of a job script."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from analyzer.cluster.partitions import spelled
from analyzer.cluster.submission import Offer, Submission, sbatch_lines
from analyzer.render.grids import grid, show, written
from analyzer.render.units import binary
from analyzer.verdict import CLOSE, FITS

STYLES = {FITS: "green", CLOSE: "yellow"}


def as_text(found: Submission, width: int | None = None, color: bool = False) -> str:
    """A row for every offer, why those that do not fit do not, and the lines for the recommended one."""

    def draw(console: Console) -> None:
        console.print(Text(f"{found.config} on {found.cluster}", style="bold"))
        columns = (("partition", "left"), ("GPUs", "left"), ("needed", "right"), ("capacity", "right"), ("", "left"), ("cost", "right"))
        table = grid("", *columns)
        for offer in found.offers:
            table.add_row(*_row(offer))
        show(console, table)
        for offer in found.offers:
            if offer.answer != FITS:
                console.print(f"{_called(offer)}: {offer.answer}: {offer.reason}.", markup=False)
        if found.recommended is None:
            console.print("Nothing to recommend: `peakform fit --solve B` finds the largest batch for a card.", markup=False)
            return
        if found.wanted.script:
            return
        console.print(f"\nRecommended: {_called(found.recommended)}, the cheapest that fits.\n", markup=False)
        console.print("\n".join(sbatch_lines(found.recommended, found.wanted.time)), markup=False, soft_wrap=True)

    return written(draw, width, color)


def _called(offer: Offer) -> str:
    return f"{offer.partition.name} ({offer.partition.gpu.name if offer.partition.gpu else offer.partition.gres})"


def _row(offer: Offer) -> tuple[str | Text, ...]:
    card = offer.partition.gpu.name if offer.partition.gpu else offer.partition.gres
    verdict = offer.verdict
    sizes = (binary(verdict.needed), binary(verdict.gpu.capacity)) if verdict else ("", "")
    return (
        offer.partition.name,
        f"{offer.gpus} x {card}",
        *sizes,
        Text(offer.answer, style=STYLES.get(offer.answer, "red")),
        f"{float(offer.cost):g}",
    )


def as_sbatch(found: Submission) -> str:
    """The lines of the recommended offer; nothing where none fits."""
    return "".join(f"{line}\n" for line in sbatch_lines(found.recommended, found.wanted.time)) if found.recommended else ""


def as_json(found: Submission) -> str:
    """Every figure for a script; bytes are whole numbers."""
    offers = [_plain(offer, found) for offer in found.offers]
    chosen = found.offers.index(found.recommended) if found.recommended else None
    told = {
        "config": found.config,
        "cluster": found.cluster,
        "status": found.status,
        "gpus": found.gpus,
        "recommended": chosen,
        "offers": offers,
    }
    return json.dumps(told, indent=2) + "\n"


def _plain(offer: Offer, found: Submission) -> dict[str, Any]:
    verdict, partition = offer.verdict, offer.partition
    sizes = (verdict.needed, verdict.gpu.capacity) if verdict else (None, None)
    return {
        "partition": partition.name, "gpu": partition.gpu.name if partition.gpu else None, "gpus": offer.gpus, "answer": offer.answer,
        "reason": offer.reason, "needed_bytes": sizes[0], "capacity_bytes": sizes[1], "cost": float(offer.cost),
        "longest": spelled(partition.time), "sbatch": sbatch_lines(offer, found.wanted.time),
    }  # fmt: skip
