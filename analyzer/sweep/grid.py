"""The values that symbols sweep through, cut into blocks that a cache holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

BLOCK = 1 << 18  # points of a block


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the values of some symbols; the last symbol changes fastest."""

    axes: Mapping[str, tuple[int, ...]]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each symbol has."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def points(self) -> int:
        """How many combinations there are."""
        return prod(self.shape)

    def at(self, index: tuple[int, ...]) -> dict[str, int]:
        """The values at a place of the grid."""
        return {name: values[i] for (name, values), i in zip(self.axes.items(), index)}

    def blocks(self, most: int = BLOCK) -> Iterator[Grid]:
        """The grid in its order as smaller grids of at most `most` points."""
        names, shape = list(self.axes), self.shape
        whole = next((k for k in range(len(shape)) if prod(shape[k + 1 :]) <= most), len(shape) - 1)
        step = max(1, most // prod(shape[whole + 1 :]))
        cut = [values[i : i + step] for values in [self.axes[names[whole]]] for i in range(0, len(values), step)]
        for lead in product(*(self.axes[name] for name in names[:whole])):
            for part in cut:
                values = (*((v,) for v in lead), part, *(self.axes[name] for name in names[whole + 1 :]))
                yield Grid(dict(zip(names, values)))
