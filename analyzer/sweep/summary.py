"""What a sweep comes to: how many points fit where, the least and the most, what was refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from analyzer.sweep.table import Part


@dataclass(slots=True)
class Summary:
    """Counts over the parts seen so far."""

    axes: tuple[str, ...]
    points: int = 0
    programs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    places: dict[str, str] = field(default_factory=dict)  # of each reason, where it was met first
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    least: tuple[int, dict[str, int]] | None = None  # bytes, and where
    most: tuple[int, dict[str, int]] | None = None

    def add(self, part: Part) -> None:
        """Count a part."""
        self.points += part.rows
        self.programs = max(self.programs, part.programs)
        for name, (codes, known) in part.words.items():
            if name == "peak_phase":
                continue
            counts = np.bincount(codes[codes >= 0], minlength=len(known))
            for word, number in zip(known, counts.tolist()):
                if number and name == "refused":
                    self._refuse(word, number)
                elif number:
                    self.answers.setdefault(name, Counter())[word] += number
        self._ends(part)

    def _refuse(self, word: str, number: int) -> None:
        """Count points that are refused; of several reasons that read alike but for the place, the first stands for all."""
        place, _, message = word.partition(": ")
        self.places.setdefault(message, place)
        self.refused[message] += number

    def _ends(self, part: Part) -> None:
        peak = part.numbers["peak_bytes"]
        if not (peak >= 0).any():
            return
        most, least = int(np.argmax(peak)), int(np.argmin(np.where(peak >= 0, peak, np.iinfo(np.int64).max)))
        if self.most is None or peak[most] > self.most[0]:
            self.most = int(peak[most]), {name: int(part.numbers[name][most]) for name in self.axes}
        if self.least is None or peak[least] < self.least[0]:
            self.least = int(peak[least]), {name: int(part.numbers[name][least]) for name in self.axes}
