"""Sweeps beside the report: the same bytes at random points, or both refuse. `python -m validation.sweeps [POINTS] [SEED] [MODEL...]`

For each bundled model three of its symbols are swept at random values, as an irregular grid; at random points of it the model is
traced anew, and its peak must be the one of the sweep.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from analyzer.analysis import analyze
from analyzer.build.model import Model, read_model
from analyzer.cli import MODELS
from analyzer.evaluate import evaluate
from analyzer.problems import InvalidConfig
from analyzer.run.settings import read_run
from analyzer.sizes import Device
from analyzer.sweep.evaluate import Evaluator, Job
from analyzer.sweep.grid import Grid

SETTINGS: tuple[dict[str, str], ...] = ({}, {"precision": "amp-bf16"}, {"mode": "infer"}, {"optimizer": "SGD", "precision": "bf16"})


def reported(model: Model, point: dict[str, int], settings: dict[str, str]) -> int:
    """The peak of a fresh trace; -1 where the config is refused."""
    run = read_run(model.run, settings, has_loss=bool(model.loss))
    try:
        analysis = analyze(model, {name: str(value) for name, value in point.items()}, run)
    except InvalidConfig:
        return -1
    return max(evaluate(piece.form, analysis.symbols.values) for piece in analysis.pieces)


def random_grid(model: Model, chance: random.Random) -> Grid:
    """Values around those of the config: small ones, odd ones, multiples, and those of other symbols, so that sizes coincide."""
    plain = [name for name, symbol in model.symbols.items() if str(symbol.definition).isdigit()]
    others = [int(str(model.symbols[name].definition)) for name in plain]
    axes = {}
    for name in chance.sample(plain, min(3, len(plain))):
        given = int(str(model.symbols[name].definition))
        near = {given, 1, 2, given * 2, given + 1, max(1, given // 2), *(chance.randint(1, 3 * given) for _ in range(4))}
        near |= {other for other in chance.sample(others, min(2, len(others))) if other <= 3 * given}
        axes[name] = tuple(sorted(near))
    return Grid(axes)


def differences(name: str, points: int, seed: int) -> Iterator[str]:
    """Points of a model at which sweep and report part."""
    chance = random.Random(f"{name} {seed}")
    model = read_model(MODELS / f"{name}.yaml")
    settings = chance.choice(SETTINGS) if model.loss else {}
    grid = random_grid(model, chance)
    run = read_run(model.run, settings, has_loss=bool(model.loss))
    found = Evaluator(Job(model, {}, run, ()), grid, Device()).figures(grid).column("peak")
    for _ in range(points):
        place = tuple(chance.randrange(side) for side in grid.shape)
        here, there = int(found[place]), reported(model, grid.at(place), settings)
        if here != there:
            yield f"{name} {grid.at(place)} {settings}: sweep {here:,}, report {there:,}"


def main() -> None:
    """Print every difference, and how many points were compared."""
    points, seed = (int(word) for word in [*sys.argv[1:3], "20", "1"][:2]) if len(sys.argv) > 2 else (20, 1)
    names = sys.argv[3:] or sorted(path.stem for path in MODELS.glob("*.yaml"))
    wrong = 0
    for name in names:
        for line in differences(name, points, seed):
            wrong += 1
            print(line, flush=True)
    print(f"{points * len(names)} points of {len(names)} models, {wrong} differ")


if __name__ == "__main__":
    main()
