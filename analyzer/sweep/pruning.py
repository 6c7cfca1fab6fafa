"""Which moments can be the peak somewhere in a box of values: the others need no evaluation there.

Forms are bounded over a box by interval arithmetic on the difference to the forms that lead in its middle, of all and of each phase,
divided by one monomial after the other, so that what grows alike cancels. Bounds are doubles; what is within their rounding is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from analyzer.polynomial import Atom, Monomial, Poly
from analyzer.sweep.arrays import Arrays, Form, Forms, cut

Doubles = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.intp]]
Bounds = tuple[Doubles, Doubles]  # the least and the most in each box
SLACK = 1e-9
DIVIDERS, NOTHING = 4, -1e4
ZEROS = ("column_scratch", "column_semaphores", "row_scratch", "row_semaphores")


class Boxes:
    """Bounds of forms over several boxes at once."""

    def __init__(self, forms: Forms, arrays: Arrays, boxes: Sequence[tuple[slice, ...]]) -> None:
        self.forms, self.arrays, self.boxes = forms, arrays, boxes
        self.known: dict[Atom, Bounds] = {}

    def survivors(self, forms: Sequence[Poly], phases: Sequence[int]) -> list[list[int]]:
        """For each box the numbers of the forms that may be the largest somewhere in it; forms of one phase tend to grow alike."""
        prepared = [self.forms(form) for form in forms]
        everything = [list(range(len(forms))) for _ in self.boxes]
        if len(forms) < 2 or any(form.below[1] for form in prepared):
            return everything
        monomials = list(dict.fromkeys(m for form in prepared for _, m in form.terms))
        atoms = list(dict.fromkeys(atom for m in monomials for atom, _ in m))
        try:
            ends = [self._atom(atom) for atom in atoms]
        except NoBound:
            return everything
        low, high = (_logarithm(np.stack(side)) for side in zip(*ends)) if atoms else (np.zeros((0, len(self.boxes))),) * 2
        powers = np.zeros((len(monomials), len(atoms)))
        for row, monomial in enumerate(monomials):
            for atom, power in monomial:
                powers[row, atoms.index(atom)] = power
        weights, places = np.zeros((len(forms), len(monomials))), {monomial: i for i, monomial in enumerate(monomials)}
        for row, form in enumerate(prepared):
            for coefficient, monomial in form.terms:
                weights[row, places[monomial]] = coefficient / form.below[0]
        middle = sum(_products(powers, low, high)) / 2
        leading = _leaders(weights @ middle, phases)
        kept = np.ones((len(forms), len(self.boxes)), dtype=np.bool_)
        for by in _dividers(monomials, (np.ptp(weights, axis=0)[:, None] * middle).max(axis=1)):
            least, greatest = _products(powers - powers[by], low, high)
            for leader, here in leading:
                more = weights - weights[leader]
                most = np.maximum(more, 0) @ greatest[:, here] - np.maximum(-more, 0) @ least[:, here]
                keep = most > -SLACK * (np.abs(more) @ greatest[:, here])
                keep[leader] = True
                kept[:, here] &= keep
        return [np.flatnonzero(kept[:, box]).tolist() for box in range(len(self.boxes))]

    def _monomial(self, monomial: Monomial) -> Bounds:
        low, high = np.ones(len(self.boxes)), np.ones(len(self.boxes))
        for atom, power in monomial:
            below, above = self._atom(atom)
            below, above = (below, above) if power > 0 else (above, below)
            low, high = low * np.maximum(below, 0.0) ** power, high * np.maximum(above, 0.0) ** power
        return low, high

    def _form(self, form: Form) -> Bounds:
        if form.below[1]:
            raise NoBound
        low, high = np.zeros(len(self.boxes)), np.zeros(len(self.boxes))
        for coefficient, monomial in form.terms:
            below, above = self._monomial(monomial)
            share = coefficient / form.below[0]
            low = low + share * (below if share > 0 else above)
            high = high + share * (above if share > 0 else below)
        return low, high

    def _atom(self, atom: Atom) -> Bounds:
        if atom not in self.known:
            self.known[atom] = self._symbol(atom) if isinstance(atom, str) else self._called(atom)
        return self.known[atom]

    def _symbol(self, name: str) -> Bounds:
        values = self.arrays.atoms[name].values
        parts = [values[cut(values.shape, box)] for box in self.boxes]
        return np.array([p.min() for p in parts], dtype=np.float64), np.array([p.max() for p in parts], dtype=np.float64)

    def _called(self, atom: Any) -> Bounds:
        args = [self._form(self.forms(a)) for a in atom.args]
        nothing = np.zeros(len(self.boxes))
        if atom.name in ZEROS:
            return nothing, _reduction(atom.name, [high for _, high in args])
        match atom.name:
            case "size":
                return args[0]
            case "floordiv" | "ceildiv":
                (low, high), (least, most) = args
                return np.floor(low / most) - 1, np.ceil(high / np.maximum(least, 1)) + 1
            case "min":
                return np.minimum(args[0][0], args[1][0]), np.minimum(args[0][1], args[1][1])
            case "max":
                return np.maximum(args[0][0], args[1][0]), np.maximum(args[0][1], args[1][1])
            case "mod" | "gcd":
                return nothing, np.minimum.reduce([high for _, high in args])
        values = self.arrays.called(atom).values
        parts = [values[cut(values.shape, box)] for box in self.boxes]
        return np.array([p.min() for p in parts], dtype=np.float64), np.array([p.max() for p in parts], dtype=np.float64)


def _leaders(values: Doubles, phases: Sequence[int]) -> list[tuple[int, Whole]]:
    """The forms that are largest of their phase in the middle of some boxes, and which boxes these are."""
    found: list[tuple[int, Whole]] = []
    for phase in sorted(set(phases)):
        of_phase = np.flatnonzero(np.asarray(phases) == phase)
        first = of_phase[np.argmax(values[of_phase], axis=0)]
        found += [(leader, np.flatnonzero(first == leader)) for leader in sorted(set(first.tolist()))]
    return found


def _dividers(monomials: Sequence[Monomial], spread: Doubles) -> list[int]:
    """The numbers of the monomials of symbols alone in which forms differ most."""
    order = np.argsort(-spread).tolist()
    return [i for i in order if all(isinstance(atom, str) for atom, _ in monomials[i])][:DIVIDERS]


def _logarithm(values: Doubles) -> Doubles:
    """Of numbers that are not negative; far below all others for 0."""
    return np.where(values > 0, np.log(np.maximum(values, 1e-300)), NOTHING)


def _products(powers: Doubles, low: Doubles, high: Doubles) -> Bounds:
    """The least and the most of products of powers in each box, given the logarithms of the ends of their factors."""
    rising, falling = np.maximum(powers, 0), np.minimum(powers, 0)
    return np.exp(rising @ low + falling @ high), np.exp(rising @ high + falling @ low)


class NoBound(Exception):
    """A form that is not bounded here."""


def _reduction(name: str, high: list[Doubles]) -> Doubles:
    """No reduction's buffer takes more, for arguments up to these.

    Where columns are split, rows are at least 16, so that a block is at most 32 wide, a load takes at most 4, and the square of
    their product is at most 128 times the threads of a block; blocks are as many as fill the device twice, or one per 256 values
    of a thread. There is never more than one, and what is left, per 16 values of a thread; a block's results are at most 128, and at
    most 32 times its height.
    """
    first, second = high[0], high[1]
    if name.startswith("row"):
        sms, threads = high[2], high[3]
        accumulator = high[4] if len(high) > 4 else 4.0
        return accumulator * (first * (second / 256 + 2) + 2 * sms * threads)
    sms, threads = high[3], high[4]
    if name == "column_semaphores":
        return 4 * second
    accumulator = high[5] if len(high) > 5 else 4.0
    return accumulator * np.minimum(256 * sms * threads + 128 * second * (first / 1024 + 2), second * (2 * first + 256))


def boxed(axes: Sequence[Sequence[int]], most: int) -> list[tuple[slice, ...]]:
    """A grid as boxes of at most `most` points, along each side of which a symbol no more than doubles where it can be had."""
    waiting = [tuple(slice(0, len(values)) for values in axes)]
    found: list[tuple[slice, ...]] = []
    while waiting:
        box = waiting.pop()
        ratios = [values[s.stop - 1] / values[s.start] for values, s in zip(axes, box)]
        steepest = max(range(len(axes)), key=lambda a: max(ratios[a], 1 / ratios[a]))
        longest = max(range(len(axes)), key=lambda a: box[a].stop - box[a].start)
        if not 0.4 < ratios[steepest] < 2.5:
            waiting += _halves(box, steepest, _middle(axes[steepest], box[steepest]))
        elif prod(s.stop - s.start for s in box) > most:
            waiting += _halves(box, longest, (box[longest].start + box[longest].stop) // 2)
        else:
            found.append(box)
    return found


def _middle(values: Sequence[int], part: slice) -> int:
    """Where values pass the geometric mean of the first and the last."""
    mean = (values[part.start] * values[part.stop - 1]) ** 0.5
    rising = values[part.start] < mean
    return next((i for i in range(part.start + 1, part.stop - 1) if (values[i] > mean) == rising), part.stop - 1)


def _halves(box: tuple[slice, ...], axis: int, at: int) -> list[tuple[slice, ...]]:
    parts = (slice(at, box[axis].stop), slice(box[axis].start, at))
    return [(*box[:axis], part, *box[axis + 1 :]) for part in parts]
