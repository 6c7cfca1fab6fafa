"""Where the formulas of one trace are right: what it decided is true and what ops demand is met.

Of a pipeline the stage that is meant also has to be the one that has most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.analysis import Analysis, divided
from analyzer.assumptions import Assumption
from analyzer.evaluate import NotWhole, evaluate
from analyzer.peaks import contenders
from analyzer.polynomial import ONE, Poly

Point = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rivals:
    """Peaks of the stages of a pipeline: of the one that is meant, and of those before and behind it, which must not have more."""

    own: tuple[Poly, ...]
    before: tuple[Poly, ...]
    behind: tuple[Poly, ...]

    def lose(self, symbols: Point) -> bool:
        """Whether the stage that is meant is still the first of those that have most."""
        own, before, behind = (_most(forms, symbols) for forms in (self.own, self.before, self.behind))
        return before < own >= behind


def _most(forms: tuple[Poly, ...], symbols: Point) -> int:
    return max((evaluate(form, symbols) for form in forms), default=0)


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

    def way(self, symbols: Point) -> tuple[bool, ...]:
        """Which of the decisions of the trace are the same at these values; those that differ lead to other kernels."""
        known: dict[Poly, int] = {}
        return tuple(_holds(a, symbols, known) for a in self.analysis.assumptions if not a.demanded)

    def meets(self, symbols: Point) -> bool:
        """Whether what ops demand is met."""
        return _all(self.demands, symbols, {})

    def refuses(self, symbols: Point) -> bool:
        """Whether a trace takes the same way and is refused."""
        return not _all(self.demands, symbols, {}) and _all(self.decisions, symbols, {})


def demands(analysis: Analysis) -> list[Assumption]:
    """What ops ask of the values: their own conditions, and that sizes in which a symbol divides are whole."""
    return [*(a for a in analysis.assumptions if a.demanded), *whole(analysis)]


def whole(analysis: Analysis) -> list[Assumption]:
    """That sizes in which a symbol divides are whole: a fraction is no size."""
    return [Assumption(size, ">=", ONE, demanded=True) for size in divided(analysis)]


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
