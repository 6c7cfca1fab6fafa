"""The summary of `peakform sweep`: for a terminal of 80 columns, and as JSON."""

from __future__ import annotations

import json

from rich.console import Console

from analyzer.render.grids import grid, show, written
from analyzer.render.units import binary, count
from analyzer.sweep.summary import Summary
from analyzer.verdict import CLOSE, FITS, UNFIT

REASONS = 5


def as_text(summary: Summary, seconds: float, output: str, width: int | None = None, color: bool = False) -> str:
    """What a sweep comes to."""

    def draw(console: Console) -> None:
        speed = f"{count(int(summary.points / max(seconds, 1e-9)))} a second"
        console.print(f"{count(summary.points)} points in {seconds:.2f} s ({speed}), {count(summary.programs)} traces", markup=False)
        for word, found in (("least", summary.least), ("most", summary.most)):
            if found:
                where = " ".join(f"{name}={value}" for name, value in found[1].items())
                console.print(f"  {word:<6} {binary(found[0]):>12}   {where}", markup=False)
        if summary.answers:
            table = grid("", ("GPU", "left"), *((name, "right") for name in (FITS, CLOSE, UNFIT)))
            for gpu, answers in summary.answers.items():
                table.add_row(gpu, *(count(answers[name]) for name in (FITS, CLOSE, UNFIT)))
            show(console, table)
            console.print("By the closed form with a band of 10 %; `peakform fit` replays a single point.", markup=False)
        for reason, number in summary.refused.most_common(REASONS):
            console.print(f"refused: {count(number)} points, {summary.places[reason]}: {reason}", markup=False)
        if len(summary.refused) > REASONS:
            console.print(f"and {count(len(summary.refused) - REASONS)} more reasons", markup=False)
        if output:
            console.print(f"written to {output}", markup=False)

    return written(draw, width, color)


def as_json(summary: Summary, seconds: float, output: str) -> str:
    """The same for a script."""
    ends = {
        name: None if found is None else {"bytes": found[0], "symbols": found[1]}
        for name, found in (("least", summary.least), ("most", summary.most))
    }
    plain = {
        "points": summary.points, "seconds": seconds, "programs": summary.programs, **ends,
        "answers": {gpu: dict(answers) for gpu, answers in summary.answers.items()},
        "refused": dict(summary.refused), "output": output or None,
    }  # fmt: skip
    return json.dumps(plain, indent=2) + "\n"
