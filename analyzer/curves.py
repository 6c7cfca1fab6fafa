"""A model's programs as functions of one symbol: traced once for every set of decisions, and evaluated at any value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from re import compile as pattern

from analyzer.analysis import Analysis, analyze
from analyzer.assumptions import Assumption
from analyzer.bisection import Curve
from analyzer.build.source import TooMany
from analyzer.build.trace import bind_symbols
from analyzer.evaluate import exact, holds
from analyzer.peaks import contenders
from analyzer.polynomial import Poly, symbols_of
from analyzer.regime import restricted
from analyzer.tape import Tape, record

WORD = pattern(r"\w+")


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A program as functions of one symbol: bytes requested at each contender, the sizes on its tape, what it relies on."""

    analysis: Analysis
    tape: Tape | None  # None when the program is too long to unroll
    requested: tuple[Curve, ...]
    sizes: tuple[Curve, ...]
    assumptions: tuple[Assumption, ...]  # those in which the symbol occurs

    def holds_at(self, symbols: Mapping[str, int]) -> bool:
        """Whether every decision of the trace is the same at other values."""
        return all(holds(a, symbols) for a in self.assumptions) and self.analysis.has_most(symbols)

    def requests(self, value: int) -> int:
        """Bytes requested at once at the peak."""
        return max(int(curve(value)) for curve in self.requested)

    def growth(self, value: int) -> int:
        """By how many bytes the moment that is the peak grows with the next value."""
        peak = max(self.requested, key=lambda curve: curve(value))
        return int(peak(value + 1)) - int(peak(value))


class Curves:
    """The programs of one model along a symbol, by need; without a symbol there is one."""

    def __init__(self, analysis: Analysis, overrides: Mapping[str, str], name: str) -> None:
        self.first, self.overrides, self.name = analysis, overrides, name
        self.value = analysis.symbols.values.get(name, 1)
        self.moving = _moving(analysis, name)
        self.programs: list[Program] = []

    def program(self, value: int) -> Program:
        """A program whose decisions hold at the value; traced anew when there is none. Raises InvalidConfig."""
        symbols = self._symbols(value)
        found = next((p for p in self.programs if p.holds_at(symbols)), None)
        if found is None:
            found = self._made(value)
            self.programs.append(found)
        return found

    def _symbols(self, value: int) -> Mapping[str, int]:
        if not self.name or value == self.value:
            return self.first.symbols.values
        if len(self.moving) == 1:
            return {**self.first.symbols.values, self.name: value}
        return bind_symbols(self.first.model, {**self.overrides, self.name: str(value)}).values

    def _made(self, value: int) -> Program:
        first = self.first
        changed = {**self.overrides, self.name: str(value)} if self.name else self.overrides
        analysis = first if value == self.value else analyze(first.model, changed, first.run, first.device)
        tape = _tape(analysis)
        requested = tuple(self._curve(p.form, analysis) for p in contenders(analysis.everywhere))
        sizes = tuple(self._curve(form, analysis) for form in tape.forms) if tape else ()
        assumptions = (*analysis.assumptions, *(tape.assumptions if tape else ()))
        touched = {str(a): a for a in assumptions if (symbols_of(a.left) | symbols_of(a.right)) & self.moving}
        return Program(analysis, tape, requested, sizes, tuple(touched.values()))

    def _curve(self, form: Poly, analysis: Analysis) -> Curve:
        """A form as a function of the symbol, symbols that derive from it following."""
        if len(self.moving) > 1:
            return lambda value: exact(form, self._symbols(value))
        return restricted(form, analysis.symbols.values, self.name)


def _moving(analysis: Analysis, name: str) -> frozenset[str]:
    """The symbols that change with this one."""
    found, definitions = {name}, analysis.symbols.definitions
    while more := {other for other, text in definitions.items() if other not in found and found & set(WORD.findall(text))}:
        found |= more
    return frozenset(found)


def _tape(analysis: Analysis) -> Tape | None:
    try:
        return record(analysis)
    except TooMany:
        return None
