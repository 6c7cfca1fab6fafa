"""The course of a step: memory after every allocation, by category, and what is alive at any of these moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.iterations import FOREVER
from analyzer.timeline import Life

CATEGORIES = ("parameters", "optimizer", "gradients", "inputs", "kept", "temporary")
KINDS = {
    "parameter": "parameters", "buffer": "parameters", "optimizer": "optimizer", "gradient": "gradients", "input": "inputs",
    "activation": "kept", "retained": "kept", "bucket": "gradients", "received": "inputs",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """Memory just after an allocation: bytes by category, and what was allocated by which op."""

    tick: int
    phase: str
    label: str
    op: str
    path: str
    line: int
    bytes: Mapping[str, int]

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.bytes.values())


def course(analysis: Analysis) -> tuple[Moment, ...]:
    """Every allocation of the steady step in order; loops as the iterations that were simulated."""
    values, running = analysis.symbols.values, dict.fromkeys(CATEGORIES, 0)
    sizes = {life.size: 0 for life in analysis.timeline.lives}
    sizes = {size: evaluate(size, values) for size in sizes}
    spans = [(phase, span) for phase, found in analysis.timeline.spans.items() for span in found]
    moments = []
    for tick, life, sign in _changes(analysis.timeline.lives):
        running[KINDS.get(life.kind, "temporary")] += sign * sizes[life.size]
        phase = next((name for name, (start, end) in spans if start <= tick < end), "")
        if sign > 0 and phase:
            moments.append(
                Moment(tick, phase, life.label, life.op, life.origin.path, life.origin.line, dict(running)),
            )
    return tuple(moments)


def _changes(lives: tuple[Life, ...]) -> Iterator[tuple[int, Life, int]]:
    changes = [(life.birth, 1, index) for index, life in enumerate(lives)]
    changes += [(life.death, -1, index) for index, life in enumerate(lives) if life.death != FOREVER]
    for tick, sign, index in sorted(changes):
        yield tick, lives[index], sign


def sampled(moments: tuple[Moment, ...], rows: int) -> list[Moment]:
    """At most `rows` moments over the whole course: the highest of each stretch."""
    stretch = -(-len(moments) // max(1, rows))
    return [max(moments[i : i + stretch], key=lambda m: m.total) for i in range(0, len(moments), stretch)]


def named(moments: tuple[Moment, ...], text: str) -> list[Moment]:
    """The moments whose label, op or phase contains the text."""
    return [m for m in moments if text in f"{m.phase} {m.label} {m.op}"]
