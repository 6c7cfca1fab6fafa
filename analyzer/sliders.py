"""Where the sliders of a page go, and what was traced to have formulas there: one program until another one is needed.

A program holds while what its trace decided is true. Every slider is followed from the values of the report; of the positions where no
program holds those that differ in the same decisions are together, and the model is traced anew in the midst of the most, then of the
most that are left, then two sliders at a time: as long as there is room for what that adds to the page.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from analyzer.analysis import Analysis, analyze
from analyzer.build.symbols import MAX_SYMBOL
from analyzer.build.trace import bind_symbols
from analyzer.problems import InvalidConfig
from analyzer.validity import Known, Point

FEW, STEPS, ABOVE, BELOW = 256, 160, 16, 64  # all values up to FEW, else STEPS from a part to a multiple of what is given
LEAST = 64  # a slider goes at least up to here
FINEST, PAIRS = 33, 64  # positions of each slider, and positions of two
PROGRAMS = 12  # on a page, unless it is asked for others
TRACES, LIVES = 3, 600  # for each of them: so many are tried, and so many blocks of memory may they have, all together
ALWAYS = 3  # programs that a page may have however many blocks they have
SINGLE = 8  # positions that a batch of 1 counts for
Bound = Callable[[Point], Point | None]
_Position = tuple[Point, Point]  # what was moved, and all symbols there
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class _Reach:
    """The programs so far, and what of the room for them is taken."""

    analysis: Analysis
    overrides: Mapping[str, str]
    most: int
    known: list[Known]
    tries: int = 0
    lives: int = field(init=False)

    def __post_init__(self) -> None:
        self.lives = len(self.analysis.timeline.lives)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another program."""
        full = self.lives >= LIVES * self.most and len(self.known) >= ALWAYS
        return full or len(self.known) >= self.most or self.tries == TRACES * self.most

    def trace(self, moved: Point, symbols: Point) -> Known | None:
        """A new program; None where the config is refused. Of a pipeline whose decisions hold it is another stage, already traced."""
        chosen = {**self.overrides, **_written(moved)}
        there = next((program.analysis for program in self.known if program.decides(symbols)), None)
        self.tries += there is None
        analysis = self.analysis
        try:
            found = Known(there.at(chosen) if there else analyze(analysis.model, chosen, analysis.run, analysis.device))
        except InvalidConfig:
            return None
        self.lives += len(found.analysis.timeline.lives)
        self.known.append(found)
        return found


def reached(analysis: Analysis, overrides: Mapping[str, str], most: int = PROGRAMS, batch: str = "") -> list[Analysis]:
    """The programs of a page, that of the report first, at most so many; `batch` is the symbol of the batch."""
    first, bound = Known(analysis), _binding(analysis, overrides)
    reach = _Reach(analysis, overrides, most, [first])
    lines = _lines(first, bound) if most > 1 else {}
    ways = _ways(lines, first, bound)
    while ways and not reach.is_full:
        way = max(ways, key=lambda way: sum(SINGLE if moved == {batch: 1} else 1 for moved, _ in ways[way]))
        moved, symbols = _amid(ways[way])
        found = reach.trace(moved, symbols)
        left = {way: [p for p in points if p[0] != moved and not (found and _is_known(p[1], [found]))] for way, points in ways.items()}
        ways = {way: points for way, points in left.items() if points}
    for moved in _pairs(lines):
        pair = None if reach.is_full else bound(moved)
        if pair is not None and not _is_known(pair, reach.known):
            reach.trace(moved, pair)
    return [program.analysis for program in reach.known]


def _ways(lines: Mapping[str, list[int]], first: Known, bound: Bound) -> dict[tuple[bool, ...], list[_Position]]:
    """Positions of one slider where the first program does not hold, by the decisions that are others there."""
    found: dict[tuple[bool, ...], list[_Position]] = {}
    for moved in ({name: value} for name, line in lines.items() for value in _inwards(line)):
        symbols = bound(moved)
        if symbols is not None and not _is_known(symbols, [first]):
            found.setdefault(first.way(symbols), []).append((moved, symbols))
    return found


def _is_known(symbols: Point, known: list[Known]) -> bool:
    """Whether there are formulas at these values, or it is known that there are none."""
    return any(program.holds_at(symbols) or program.refuses(symbols) for program in known)


def _amid(points: list[_Position]) -> _Position:
    """The point in the middle of those on the slider that has most of them."""
    by_name: dict[str, list[_Position]] = {}
    for point in points:
        by_name.setdefault(next(iter(point[0])), []).append(point)
    name, line = max(by_name.items(), key=lambda item: len(item[1]))
    return sorted(line, key=lambda point: point[0][name])[len(line) // 2]


def _written(moved: Point) -> dict[str, str]:
    return {name: str(value) for name, value in moved.items()}


def _binding(analysis: Analysis, overrides: Mapping[str, str]) -> Bound:
    """All symbols where some were moved; None where a definition refuses that. What no other symbol follows is put in its place."""
    given, definitions = analysis.symbols.values, analysis.symbols.definitions
    followed = {word for text in definitions.values() for word in _WORD.findall(text)}

    def bound(moved: Point) -> Point | None:
        if followed.isdisjoint(moved):
            return {**given, **moved} if max(moved.values()) <= MAX_SYMBOL else None
        try:
            return bind_symbols(analysis.model, {**overrides, **_written(moved)}).values
        except InvalidConfig:
            return None

    return bound


def _lines(first: Known, bound: Bound) -> dict[str, list[int]]:
    """The values of every slider that meet what ops demand."""
    values = first.analysis.symbols.values

    def taken(name: str, value: int) -> bool:
        symbols = bound({name: value})
        return symbols is not None and first.meets(symbols)

    return {name: [v for v in grid(values[name], _stride(values[name], name, taken)) if taken(name, v)] for name in values}


def _pairs(lines: Mapping[str, list[int]]) -> Iterator[Point]:
    """Two sliders at random, the same ones each time."""
    chosen = random.Random(0)
    names = [name for name, line in lines.items() if line]
    for _ in range(PAIRS if len(names) > 1 else 0):
        yield {name: chosen.choice(lines[name]) for name in chosen.sample(names, 2)}


def grid(given: int, stride: int = 1) -> list[int]:
    """The values of a slider: all where they are few, else evenly by ratio and in steps of a stride."""
    top = max(LEAST, given * ABOVE)
    if top <= FEW:
        return list(range(1, top + 1))
    first = max(1, given // BELOW)
    ratio = (top / first) ** (1 / STEPS)
    return sorted({max(stride, round(first * ratio**i / stride) * stride) for i in range(STEPS + 1)} | {given})


def _stride(given: int, name: str, taken: Callable[[str, int], bool]) -> int:
    """The smallest divisor of a value in whose steps the model goes on to be taken."""
    divisors = [d for d in range(1, min(given, 4096) + 1) if given % d == 0]
    return next((d for d in divisors if taken(name, given + d) and taken(name, given + 2 * d)), 1)


def _inwards(line: list[int]) -> Iterator[int]:
    """The upper end of a line, its middle, the middles of what lies between, then the lower end and so on; few of many."""
    last = len(line) - 1
    places = dict.fromkeys([last] if line else [])
    parts = 2
    while len(places) < min(FINEST, len(line)):
        places |= dict.fromkeys(last * i // parts for i in range(1, parts, 2))
        places |= {0: None} if parts > 2 or last < 2 else {}
        parts *= 2
    yield from (line[place] for place in places)
