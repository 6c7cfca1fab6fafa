"""Where memory is largest: the candidate moments as polynomials, those that can never win dropped.

Blocks only ever add bytes when they are born and take them away when they die, so memory can peak only where a birth is
followed by a death, whatever the symbols are. One such moment is a piece; the peak is the largest piece at given values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analyzer.evaluate import evaluate
from analyzer.iterations import FOREVER
from analyzer.polynomial import Monomial, Number, Poly
from analyzer.timeline import Life, Timeline


@dataclass(frozen=True, slots=True)
class Piece:
    """A moment at which memory may be largest."""

    phase: str
    tick: int
    form: Poly  # bytes
    last: Life  # what was allocated last before this moment


def pieces(timeline: Timeline) -> list[Piece]:
    """The moments that can be the peak of their phase, in order of time; dominated ones are left out."""
    births: dict[int, list[Life]] = {}
    deaths: dict[int, list[Life]] = {}
    for life in timeline.lives:
        births.setdefault(life.birth, []).append(life)
        if life.death != FOREVER:
            deaths.setdefault(life.death, []).append(life)
    found: list[Piece] = []
    running: dict[Monomial, Number] = {}
    last: Life | None = None
    rising = False
    intervals = _intervals(timeline)
    ticks = sorted({*births, *deaths, *(t for _, span in intervals for t in span)})
    phase = ""
    for tick in ticks:
        entered = next((name for name, (start, end) in intervals if start <= tick < end), "")
        falls = tick in deaths
        if (falls or entered != phase) and rising and phase and last is not None:
            found.append(Piece(phase, tick - 1, Poly(running), last))
            rising = False
        if entered != phase:
            phase, rising = entered, True
        for life in deaths.get(tick, ()):
            _add(running, life.size, -1)
        for life in births.get(tick, ()):
            _add(running, life.size, 1)
            last, rising = life, True
    if rising and phase and last is not None:
        found.append(Piece(phase, ticks[-1], Poly(running), last))
    return undominated(found)


def _intervals(timeline: Timeline) -> list[tuple[str, tuple[int, int]]]:
    return [(phase, span) for phase, spans in timeline.spans.items() for span in spans]


def _add(running: dict[Monomial, Number], size: Poly, sign: int) -> None:
    for monomial, coefficient in size.terms.items():
        running[monomial] = running.get(monomial, 0) + sign * coefficient


def undominated(candidates: Iterable[Piece]) -> list[Piece]:
    """The pieces of each phase that no other piece of it exceeds for every positive value of the symbols."""
    kept: list[Piece] = []
    for piece in sorted(candidates, key=lambda p: -_weight(p.form)):
        if not any(other.phase == piece.phase and dominates(other.form, piece.form) for other in kept):
            kept = [k for k in kept if k.phase != piece.phase or not dominates(piece.form, k.form)]
            kept.append(piece)
    return sorted(kept, key=lambda p: p.tick)


def _weight(form: Poly) -> float:
    return float(sum(form.terms.values()))


def dominates(a: Poly, b: Poly) -> bool:
    """Whether a ≥ b term by term, so for all positive values."""
    more, less = a.terms, b.terms
    for monomial, coefficient in less.items():
        if coefficient > more.get(monomial, 0):
            return False
    return all(c >= 0 for m, c in more.items() if m not in less)


def largest(candidates: Iterable[Piece], symbols: Mapping[str, int]) -> Piece:
    """The piece with the most bytes at the given values; the first in time when several are equal."""
    return max(candidates, key=lambda p: (evaluate(p.form, symbols), -p.tick))


def contenders(candidates: Iterable[Piece]) -> list[Piece]:
    """The pieces that may be the peak of the whole program: undominated across phases."""
    kept: list[Piece] = []
    for piece in sorted(candidates, key=lambda p: -_weight(p.form)):
        if not any(dominates(other.form, piece.form) for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda p: p.tick)
