"""Does the solved batch size of every bundled model fit on every card, and the next one not?

    python -m validation.boundaries [CONFIG]... [--write]

For each bundled model with a symbol B and each of 12 cards, `peakform fit --solve B`, and then one verdict for each of the 8 values
on both sides of the largest that fits and of the largest that is not ruled out: up to the first all must fit, above it none, but
for those that the solution names. --write puts the solutions into validation/results/boundaries.json, beside those of other
configs that stand there. Exit status: 0 all agree, 1 not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analyzer.analysis import analyze
from analyzer.bisection import LARGEST
from analyzer.build.model import LIBRARY, read_model
from analyzer.catalogue import Gpu, read_gpus
from analyzer.gpus import device_of, named
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs
from analyzer.run.settings import read_run
from analyzer.solve import NEAR, Solution, Solver
from analyzer.verdict import FITS, judge
from validation.verdict_points import CARDS

RESULTS = Path(__file__).parent / "results" / "boundaries.json"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The solution of one model on one card, and the values around it whose verdict is another than it says."""

    config: str
    card: str
    fits: int
    close: int
    following: int
    gaps: tuple[int, ...]
    again: tuple[int, ...]
    checked: int  # verdicts around the boundary
    wrong: tuple[int, ...]


def main(arguments: Sequence[str]) -> int:
    """Check every boundary."""
    only = [word for word in arguments if word != "--write"]
    found = []
    for config in only or sorted(path.stem for path in (LIBRARY / "models").glob("*.yaml")):
        for boundary in boundaries(config):
            found.append(boundary)
        print(f"{config}: {', '.join(f'{b.card} {b.fits}' for b in found if b.config == config) or 'no symbol B'}", flush=True)
        if "--write" in arguments:
            write(found)
    wrong = [boundary for boundary in found if boundary.wrong]
    print(summary(found), *(f"WRONG {boundary}" for boundary in wrong), sep="\n")
    return 1 if wrong else 0


def read() -> list[Boundary]:
    """The committed boundaries."""
    rows: list[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    lists = ("gaps", "again", "wrong")
    return [Boundary(**(row | {name: tuple(row[name]) for name in lists})) for row in rows]


def write(found: Sequence[Boundary]) -> None:
    """Put boundaries beside the committed ones of other configs."""
    new = {boundary.config for boundary in found}
    every = sorted([*found, *(b for b in read() if b.config not in new)], key=lambda b: (b.config, CARDS.index(b.card)))
    rows = ",\n".join(json.dumps(asdict(boundary)) for boundary in every)
    RESULTS.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


def summary(found: Sequence[Boundary]) -> str:
    """How many were checked, and how many are not monotonous."""
    rough, none = sum(bool(b.gaps or b.again) for b in found), sum(not b.fits for b in found)
    configs, checked, wrong = len({b.config for b in found}), sum(b.checked for b in found), sum(bool(b.wrong) for b in found)
    return (
        f"{len(found)} boundaries of {configs} configs, {checked} verdicts around them: {wrong} wrong, {rough} not monotonous, {none} at 0"
    )


def boundaries(config: str, cards: Sequence[str] = CARDS) -> Iterator[Boundary]:
    """The boundaries of a bundled model in B on the cards; none where it has no B."""
    model = read_model(LIBRARY / "models" / f"{config}.yaml")
    if "B" not in model.symbols or not model.layers:
        return
    run = read_run(model.run, {}, has_loss=bool(model.loss))
    for gpu in named(read_gpus(), tuple(cards)):
        programs = Programs(analyze(model, {}, run, device_of((gpu,))), {})
        yield boundary(config, programs, gpu)


def boundary(config: str, programs: Programs, gpu: Gpu) -> Boundary:
    """The solution on one card beside a verdict for every value near it."""
    solved = Solver(programs, "B").solve(gpu)
    around = {value + step for value in (solved.fits, solved.close) if value < LARGEST for step in range(-NEAR, NEAR + 1)}
    values = [value for value in sorted(around) if value > 0 and programs.refusal({"B": value}) is None]
    wrong = tuple(value for value in values if (judge(programs.case({"B": value}), gpu).answer == FITS) != expected(solved, value))
    return Boundary(config, gpu.name, solved.fits, solved.close, solved.following, solved.gaps, solved.again, len(values), wrong)


def expected(solved: Solution, value: int) -> bool:
    """Whether a value fits by the solution."""
    return value not in solved.gaps if value <= solved.fits else value in solved.again


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except InvalidConfig as error:
        sys.exit(str(error))
