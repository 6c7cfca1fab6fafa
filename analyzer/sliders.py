"""Where the sliders of a page go, and what was traced to have formulas there: one program until another one is needed.

A program holds while what its trace decided is true. From the values of the report each slider is followed, at few values first, then
ever finer between them, then two sliders at a time; where no known program holds the model is traced anew, as long as
there is room for what that adds to the page.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from analyzer.analysis import Analysis, analyze
from analyzer.assumptions import Assumption
from analyzer.build.symbols import MAX_SYMBOL
from analyzer.build.trace import bind_symbols
from analyzer.evaluate import NotWhole, evaluate
from analyzer.peaks import contenders
from analyzer.polynomial import ONE, Poly
from analyzer.problems import InvalidConfig
from analyzer.programs import sizes_of

FEW, STEPS, ABOVE, BELOW = 256, 160, 16, 64  # all values up to FEW, else STEPS from a part to a multiple of what is given
LEAST = 64  # a slider goes at least up to here
FINEST, PAIRS = 33, 64  # positions of each slider, and positions of two
PROGRAMS = 12  # on a page, unless it is asked for others
TRACES, LIVES = 3, 500  # for each of them: so many are tried, and so many blocks of memory may they have, all together
Point = Mapping[str, int]
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Rivals:
    """Peaks of the stages of a pipeline: of the one that is meant, and of those before and behind it, which must not have more."""

    own: tuple[Poly, ...]
    before: tuple[Poly, ...]
    behind: tuple[Poly, ...]

    def lose(self, symbols: Point) -> bool:
        """Whether the stage that is meant is still the first of those that have most."""
        own, before, behind = (max((evaluate(form, symbols) for form in forms), default=0) for forms in (self.own, self.before, self.behind))
        return before < own >= behind


def rivals(analysis: Analysis) -> Rivals | None:
    """The stages beside the one that has most; None where no stage was chosen."""
    if not analysis.stages:
        return None
    place = next(i for i, stage in enumerate(analysis.stages) if stage.timeline is analysis.timeline)
    parts = (analysis,), analysis.stages[:place], analysis.stages[place + 1 :]
    return Rivals(*(tuple(p.form for p in contenders(p for stage in stages for p in stage.pieces)) for stages in parts))


class Known:
    """A program that was traced, and the conditions under which it holds, the one that failed last first."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.decisions = [a for a in analysis.assumptions if not a.demanded]
        self.demands = demands(analysis)
        self.rivals = rivals(analysis)

    def holds_at(self, symbols: Point) -> bool:
        """Whether the formulas are right at these values."""
        return self.decides(symbols) and (self.rivals is None or self.rivals.lose(symbols))

    def decides(self, symbols: Point) -> bool:
        """Whether a trace takes the same way; of a pipeline another stage may have most."""
        known: dict[Poly, int] = {}
        return _all(self.decisions, symbols, known) and _all(self.demands, symbols, known)

    def refuses(self, symbols: Point) -> bool:
        """Whether a trace takes the same way and is refused."""
        return not _all(self.demands, symbols, {}) and _all(self.decisions, symbols, {})


def demands(analysis: Analysis) -> list[Assumption]:
    """What ops ask of the values: their own conditions, and that sizes in which a symbol divides are whole."""
    divided = [size for size in sizes_of(analysis) if any(e < 0 for monomial in size.terms for _, e in monomial)]
    return [*(a for a in analysis.assumptions if a.demanded), *(Assumption(size, ">=", ONE, demanded=True) for size in divided)]


def _all(conditions: list[Assumption], symbols: Point, known: dict[Poly, int]) -> bool:
    """Whether all hold; one that does not is the first to be asked the next time."""
    for place, condition in enumerate(conditions):
        if not _holds(condition, symbols, known):
            conditions.insert(0, conditions.pop(place))
            return False
    return True


def _holds(condition: Assumption, symbols: Point, known: dict[Poly, int]) -> bool:
    try:
        for side in (condition.left, condition.right):
            if side not in known:
                known[side] = evaluate(side, symbols)
    except (NotWhole, ZeroDivisionError, ValueError):
        return False
    left, right = known[condition.left], known[condition.right]
    return {"==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}[condition.relation]


def reached(analysis: Analysis, overrides: Mapping[str, str], most: int = PROGRAMS) -> list[Analysis]:
    """The programs of a page, that of the report first, at most so many."""
    known, tries, lives = [Known(analysis)], 0, len(analysis.timeline.lives)
    bound = _binding(analysis, overrides)
    for moved in _positions(analysis, bound):
        if len(known) >= most or tries == TRACES * most or lives >= LIVES * most:
            break
        symbols = bound(moved)
        if symbols is None or any(program.holds_at(symbols) or program.refuses(symbols) for program in known):
            continue
        chosen = {**overrides, **_written(moved)}
        there = next((program.analysis for program in known if program.decides(symbols)), None)
        tries += there is None
        try:
            known.append(Known(there.at(chosen) if there else analyze(analysis.model, chosen, analysis.run, analysis.device)))
        except InvalidConfig:
            continue
        lives += len(known[-1].analysis.timeline.lives)
    return [program.analysis for program in known]


def _written(moved: Point) -> dict[str, str]:
    return {name: str(value) for name, value in moved.items()}


def _binding(analysis: Analysis, overrides: Mapping[str, str]) -> Callable[[Point], Point | None]:
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


def _positions(analysis: Analysis, bound: Callable[[Point], Point | None]) -> Iterator[Point]:
    """Every slider alone, all of them at few values first; then two at random, the same ones each time."""
    first = Known(analysis)

    def taken(name: str, value: int) -> bool:
        symbols = bound({name: value})
        return symbols is not None and _all(first.demands, symbols, {})

    values = analysis.symbols.values
    lines = {name: [v for v in grid(values[name], _stride(values[name], name, taken)) if taken(name, v)] for name in values}
    orders = [[{name: v} for v in _inwards(line)] for name, line in lines.items()]
    yield from (point for level in zip_longest(*orders) for point in level if point)
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
