"""The largest value of a symbol that fits a capacity, exact at the integer."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.analysis import Analysis, analyze
from analyzer.feasibility import LARGEST, Curve, curves, holds, largest_that_fits
from analyzer.peaks import contenders


class Solver:
    """Largest values that fit, decided by an analysis whose assumptions hold at the values in question."""

    def __init__(self, analysis: Analysis, overrides: Mapping[str, str], name: str) -> None:
        self.overrides, self.name = overrides, name
        self.known: list[tuple[Analysis, list[Curve]]] = []
        self._add(analysis)

    def __call__(self, capacity: int) -> Mapping[str, int]:
        """The largest value of the symbol within a capacity, by name; empty when the model has no symbol."""
        if not self.name:
            return {}
        value = self._largest(0, capacity)
        for _ in range(4):
            index = self._valid_at(max(value, 1))
            again = self._largest(index, capacity)
            if again == value or not self._fits(again, capacity):
                break
            value = again
        while value > 0 and not self._fits(value, capacity):
            value -= 1
        while value < LARGEST and self._fits(value + 1, capacity):
            value += 1
        return {self.name: value}

    def _largest(self, index: int, capacity: int) -> int:
        return largest_that_fits(self.known[index][1], capacity)

    def _fits(self, value: int, capacity: int) -> bool:
        if not 1 <= value <= LARGEST:
            return value < 1
        return all(curve.bytes(value) <= capacity for curve in self.known[self._valid_at(value)][1])

    def _valid_at(self, value: int) -> int:
        """The index of an analysis that holds at a value of the symbol; made when there is none."""
        for index, (analysis, _) in enumerate(self.known):
            changed = {**analysis.symbols.values, self.name: value}
            if all(holds(a, changed) for a in analysis.assumptions):
                return index
        first, _ = self.known[0]
        there = analyze(first.model, {**self.overrides, self.name: str(value)}, first.run, first.device)
        self._add(there)
        return len(self.known) - 1

    def _add(self, analysis: Analysis) -> None:
        forms = [p.form for p in contenders(analysis.pieces)]
        self.known.append((analysis, curves(forms, analysis.symbols.values, self.name)))
