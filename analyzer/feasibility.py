"""Which GPUs a model fits on, and the largest batch that does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from analyzer.evaluate import evaluate, exact
from analyzer.gpus import Gpu
from analyzer.polynomial import Poly, symbols_of
from analyzer.graph import Assumption

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


def largest_that_fits(forms: Sequence[Poly], symbols: Mapping[str, int], name: str, capacity: int) -> int:
    """The largest value of a symbol for which every form stays within the capacity; 0 for none, LARGEST for no bound.

    By division where a form is linear in the symbol; else by bisection, and since a kernel's scratch may shrink as sizes
    grow, the values just above what bisection found are tried too.
    """
    return min((_largest(form, symbols, name, capacity) for form in forms), default=LARGEST)


def _largest(form: Poly, symbols: Mapping[str, int], name: str, capacity: int) -> int:
    if name not in symbols_of(form):
        return LARGEST if evaluate(form, symbols) <= capacity else 0
    linear = _linear(form, name)
    if linear is not None:
        slope, rest = (exact(part, symbols) for part in linear)
        return max(0, min(LARGEST, int((capacity - rest) // slope))) if slope > 0 else LARGEST

    def fits(value: int) -> bool:
        return exact(form, {**symbols, name: value}) <= capacity

    found = _bisected(fits)
    return next((v for v in range(found + NEIGHBOURS, found, -1) if found < LARGEST and fits(v)), found)


def _linear(form: Poly, name: str) -> tuple[Poly, Poly] | None:
    """(slope, rest) of a form that is linear in the symbol, else None."""
    slope, rest = {}, {}
    for monomial, coefficient in form.terms.items():
        powers = dict(monomial)
        power = powers.pop(name, 0)
        if any(not isinstance(a, str) and name in symbols_of(Poly({((a, 1),): 1})) for a in powers) or power not in (0, 1):
            return None
        (slope if power else rest)[tuple((a, e) for a, e in monomial if a != name)] = coefficient
    return Poly(slope), Poly(rest)


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
