"""Random cards around the least that programs need, random sizes around what cards hold, and what PyTorch did there. Without torch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from analyzer.build.model import LIBRARY
from analyzer.catalogue import Gpu, read_gpus
from analyzer.gpus import named
from analyzer.problems import InvalidConfig
from analyzer.programs import Case, Programs
from analyzer.replay import Replay
from analyzer.sizes import Device
from analyzer.solve import Solver
from analyzer.verdict import ABSOLUTE, RELATIVE
from validation.rows import analysis_of, cases

RESULTS = Path(__file__).parent / "results" / "verdicts.json"
FAR, SEGMENT = 3, 2 << 20  # how many bands from the least room a card is drawn, and what rooms are multiples of
CARDS = (
    "T4", "RTX 2080 Ti", "V100-16GB", "V100-32GB", "RTX 3090", "RTX 4090", "L4", "A100-40GB", "A100-80GB", "L40S", "H100-80GB", "H200",
)  # fmt: skip
PRECISIONS, OPTIMIZERS = ("fp32", "amp-bf16", "amp-fp16", "bf16"), ("AdamW", "SGD", "Adam")


@dataclass(frozen=True, slots=True)
class Point:
    """One program on one card: the bytes that segments may take, and what it ended as."""

    model: str
    symbols: str
    run: str
    card: str  # whose capacity it is; empty for one drawn around the least that the program needs
    room: int
    answer: str = ""  # the verdict
    replay: bool = False  # whether the replay runs to the end
    torch: bool = False  # whether PyTorch does


def points(number: int, seed: int, device: Device, most: int) -> Iterator[Point]:
    """Points of both kinds in turn, on cards with at most so many bytes."""
    draw = Random(seed)
    rows = list(cases([]))
    zoo = sorted(path.stem for path in (LIBRARY / "models").glob("*.yaml"))
    made = 0
    while made < number:
        point = _around_the_least(draw, rows, device) if made % 2 else _around_a_size(draw, zoo, device)
        if point is not None and point.room < most:
            made += 1
            yield point


def case_of(point: Point, device: Device) -> Case:
    """The program of a point. Raises InvalidConfig."""
    analysis = analysis_of(point.model, point.symbols, point.run, device)
    return Programs(analysis, dict(pair.split("=", 1) for pair in point.symbols.split())).case({})


def card_of(room: int) -> Gpu:
    """A card that gives so many bytes to segments."""
    like = _named("A100-80GB")
    return replace(like, capacity=room + like.context, largest_capacity=room + like.context)


def least_room(case: Case) -> int:
    """The least room, in whole segments, in which the replay runs."""
    free = case.replayed()
    assert isinstance(free, Replay)
    low, high = free.allocated // SEGMENT - 1, -(-free.reserved // SEGMENT)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if isinstance(case.replayed(middle * SEGMENT), Replay) else (middle, high)
    return high * SEGMENT


def read(path: Path = RESULTS) -> tuple[Device, list[Point]]:
    """The committed points, and the device they were measured on."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Device(**found["device"]), [Point(**row) for row in found["points"]]


def write(measured: Iterable[Point], device: Device, torch: str, seed: int, path: Path = RESULTS) -> None:
    """Points to a file, one a line."""
    rows = ",\n".join(json.dumps(asdict(point)) for point in measured)
    head = json.dumps({"torch": torch, "seed": seed, "device": asdict(device)})
    path.write_text(f'{head[:-1]}, "points": [\n{rows}\n]}}\n', encoding="utf-8")


def _around_the_least(draw: Random, rows: list[tuple[str, str, str]], device: Device) -> Point | None:
    """A model of the table on a card with a little more or less than it needs."""
    model, symbols, run = draw.choice(rows)
    point = Point(model, symbols, run, "", 0)
    least = least_room(case_of(point, device))
    width = max(ABSOLUTE, round(least * RELATIVE))
    near = draw.choice((-1, 0, 1)) * SEGMENT if draw.random() < 0.3 else round(draw.uniform(-FAR, FAR) * width / SEGMENT) * SEGMENT
    return replace(point, room=max(SEGMENT, least + near))


def _around_a_size(draw: Random, zoo: list[str], device: Device) -> Point | None:
    """A bundled model on a card of the catalogue, at a batch size near one at which the verdict changes."""
    model, card, mode = draw.choice(zoo), _named(draw.choice(CARDS)), draw.choice(("train", "train", "infer"))
    run = f"mode={mode} precision={draw.choice(PRECISIONS)} optimizer={draw.choice(OPTIMIZERS)}"
    room = card.capacity - card.context
    try:
        programs = Programs(analysis_of(model, "", run, device), {})
        if programs.case({}).estimated:
            return None
        solved = Solver(programs, "B").solve(card_of(room))
        edge = draw.choice((solved.fits, solved.runs, solved.close))
        size = edge + draw.choice((-1, 0, 1, 1, round(draw.uniform(-0.05, 0.05) * edge)))
        if solved.close < 1 or size < 1 or not programs.taken({"B": size}):
            return None
    except InvalidConfig:
        return None
    return Point(model, f"B={size}", run, card.name, room)


@cache
def _named(card: str) -> Gpu:
    return named(read_gpus(), (card,))[0]
