"""Which GPUs a model fits on, and the largest batch that does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analyzer.evaluate import evaluate
from analyzer.gpus import Gpu
from analyzer.graph import Assumption
from analyzer.polynomial import Number, Poly, symbols_of
from analyzer.regime import restricted

LARGEST = 10**9
NEIGHBOURS = 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """One GPU: what it has, what is needed, and the largest value of a symbol that still fits."""

    gpu: str
    capacity: int
    needed: int
    largest: Mapping[str, int]

    @property
    def fits(self) -> bool:
        """Whether the need does not exceed the capacity."""
        return self.needed <= self.capacity

    @property
    def headroom(self) -> int:
        """Bytes left over; negative when it does not fit."""
        return self.capacity - self.needed


@dataclass(frozen=True, slots=True)
class Curve:
    """Bytes as a function of one symbol, and whether it is a straight line."""

    bytes: Callable[[int], Number]
    straight: bool


def curves(forms: Sequence[Poly], symbols: Mapping[str, int], name: str) -> list[Curve]:
    """The forms as functions of one symbol, the others at their values."""
    return [Curve(restricted(form, symbols, name), _is_linear(form, name)) for form in forms]


def largest_that_fits(over: Sequence[Curve], capacity: int) -> int:
    """The largest value of the symbol for which every curve stays within the capacity; 0 for none, LARGEST for no bound.

    By division on a straight line; else by bisection, and since a kernel's scratch may shrink as sizes grow, the values
    just above what bisection found are tried too.
    """
    best = LARGEST
    for curve in over:
        if best == LARGEST or (best > 0 and curve.bytes(best) > capacity):
            best = min(best, _root(curve, capacity))
    return best


def _root(curve: Curve, capacity: int) -> int:
    if curve.straight:
        rest = curve.bytes(0)
        slope = curve.bytes(1) - rest
        if slope <= 0:
            return LARGEST if rest <= capacity else 0
        return max(0, min(LARGEST, int((capacity - rest) // slope)))
    found = _bisected(lambda value: curve.bytes(value) <= capacity)
    above = range(found + NEIGHBOURS, found, -1) if found < LARGEST else ()
    return next((v for v in above if curve.bytes(v) <= capacity), found)


def _is_linear(form: Poly, name: str) -> bool:
    """Whether the symbol occurs with power 0 or 1 only, and in no function."""
    for monomial in form.terms:
        for atom, exponent in monomial:
            if atom == name and exponent != 1:
                return False
            if not isinstance(atom, str) and any(name in symbols_of(arg) for arg in atom.args):
                return False
    return True


def _bisected(fits: Callable[[int], bool]) -> int:
    low, high = 0, 1
    while high < LARGEST and fits(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def holds(assumption: Assumption, symbols: Mapping[str, int]) -> bool:
    """Whether an assumption of the trace is true at other values."""
    left, right = evaluate(assumption.left, symbols), evaluate(assumption.right, symbols)
    return {"==": left == right, "!=": left != right, ">=": left >= right, "<=": left <= right}[assumption.relation]


def verdicts(gpus: Sequence[Gpu], needed: int, solve: Callable[[int], Mapping[str, int]]) -> tuple[Verdict, ...]:
    """One row per GPU; `solve` gives the largest values for a capacity."""
    return tuple(Verdict(gpu.name, gpu.capacity, needed, solve(gpu.capacity)) for gpu in gpus)
