"""The symbols of a model over a grid: those that are swept, those that are defined by them, and those that stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analyzer.build.model import Model
from analyzer.build.symbols import MAX_SYMBOL, Symbols
from analyzer.build.trace import bind_symbols
from analyzer.expressions import size
from analyzer.polynomial import Poly, symbol, symbols_of
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin
from analyzer.sweep.arrays import Arrays, Forms, Mask, TooLarge
from analyzer.sweep.functions import Array
from analyzer.sweep.grid import Grid

TRIED = 17


@dataclass(frozen=True, slots=True)
class Varying:
    """What a model's symbols are in a sweep: numbers, or forms of others, in an order in which they can be evaluated."""

    constants: Mapping[str, int]
    derived: Mapping[str, Poly]


def varying(model: Model, overrides: Mapping[str, str], grid: Grid) -> Varying:
    """Which symbols follow the swept ones. Raises InvalidConfig when a symbol is unknown or has no value at any point that is tried."""
    bound = _bound(model, overrides, grid)
    forms = {name: size(text, symbol, Origin(COMMAND_LINE)) for name, text in bound.definitions.items() if name not in grid.axes}
    derived: dict[str, Poly] = {}
    moving = set(grid.axes)
    while fresh := [n for n, form in forms.items() if n not in moving and symbols_of(form) & moving]:
        moving.update(fresh)
    waiting = [n for n in forms if n in moving]
    while waiting:  # definitions are not cyclic, or they would not have been bound
        ready = [n for n in waiting if not symbols_of(forms[n]) & set(waiting)]
        derived.update({n: forms[n] for n in ready})
        waiting = [n for n in waiting if n not in ready]
    return Varying({name: value for name, value in bound.values.items() if name not in moving}, derived)


def _bound(model: Model, overrides: Mapping[str, str], grid: Grid) -> Symbols:
    """The symbols at the first point along a diagonal of the grid at which all have values. Raises InvalidConfig."""
    for share in range(TRIED):
        point = grid.at(tuple((side - 1) * share // (TRIED - 1) for side in grid.shape))
        try:
            return bind_symbols(model, {**overrides, **{name: str(value) for name, value in point.items()}})
        except InvalidConfig:
            if share == TRIED - 1:
                raise
    raise AssertionError("nothing was tried")


def arrays(forms: Forms, derived: Mapping[str, Poly], grid: Grid) -> tuple[Arrays, Mask | None]:
    """The varying symbols over a grid, and where they all are sizes; None for everywhere. Raises TooLarge."""
    found: dict[str, Array] = {}
    rank = len(grid.axes)
    for axis, (name, values) in enumerate(grid.axes.items()):
        found[name] = np.array(values, dtype=np.int64).reshape([-1 if i == axis else 1 for i in range(rank)])
    masks: list[Mask] = []
    for name, form in derived.items():
        try:
            numbers = Arrays(forms, found)(form)
        except ZeroDivisionError:
            raise TooLarge from None
        taken = (numbers.values >= 1) & (numbers.values <= MAX_SYMBOL)
        taken = taken if numbers.whole is None else taken & numbers.whole
        if not taken.all():
            masks.append(taken)
        found[name] = np.clip(numbers.values, 1, MAX_SYMBOL)
    return Arrays(forms, found), np.logical_and.reduce(np.broadcast_arrays(*masks)) if masks else None
