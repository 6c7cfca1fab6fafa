"""Searches what makes a model fit: single changes, then combinations, each verdict computed by replay.

Closed forms sort out what cannot fit (what is requested at once is already too much); the allocator's replay decides the rest.
A combination is not tried when a part of it fits, nor a change that does not lower the peak by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from analyzer.advice.answers import Advice, Advised, Asked, Outcome
from analyzer.advice.changes import WAYS, Change, accumulated, blocks_called, changes, divided, joined, multiplied, smaller, spread
from analyzer.advice.costs import costed
from analyzer.advice.outcomes import Outcomes
from analyzer.analysis import Analysis
from analyzer.assemble import batch_symbol
from analyzer.formula import text
from analyzer.polynomial import ZERO, symbols_of
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs
from analyzer.solve import Solver
from analyzer.verdict import FITS, Answer

SECONDS = 3.0  # of processor time; the search for combinations ends then
TOGETHER = 4  # so many changes at once
RANKS = (2, 4, 8)
TRIED = 3  # so many numbers of micro-batches are replayed


def advise(asked: Asked, most: int, progress: Callable[[str], None] = lambda _: None) -> Advised:
    """Up to `most` ways to make the model fit, the least intrusive first. Raises InvalidConfig."""
    search = _Search(asked, progress)
    base = search.outcomes.of(Change("", "", 0, ""))
    answer = search.outcomes.answer(base)
    assert answer is not None  # it was traced here
    if answer.answer == FITS:
        return Advised(answer, text(base.piece.form), base.requested, (), None, search.outcomes.tried, False)
    search.run(base, answer, most)
    found = sorted(search.found, key=lambda advice: (advice.change.level, advice.answer.needed))[:most]
    told = tuple(costed(advice, search.analyses[advice.words], base.analysis) for advice in found)
    nearest = None if found else search.nearest
    return Advised(answer, text(base.piece.form), base.requested, told, nearest, search.outcomes.tried, search.late())


class _Search:
    def __init__(self, asked: Asked, progress: Callable[[str], None]) -> None:
        self.asked, self.progress, self.started = asked, progress, time.process_time()
        self.outcomes = Outcomes(asked)
        self.found: list[Advice] = []
        self.analyses: dict[tuple[str, ...], Analysis] = {}
        self.nearest: Advice | None = None
        self.fitting: list[frozenset[str]] = []  # what was done, for all that fits
        self.needed, self.form = 0, ZERO

    def late(self) -> bool:
        """Whether the time is up."""
        return time.process_time() - self.started > SECONDS

    def run(self, base: Outcome, answer: Answer, most: int) -> None:
        """Try everything; combinations until so many ways are found."""
        self.needed, self.form = answer.needed, base.piece.form
        useful = list(self._singles(base))
        self._batches((), base)
        for count in range(2, TOGETHER + 1):
            for parts in sorted(combinations(useful, count), key=lambda parts: sum(p.level for p in parts)):
                if self.late() or len(self.found) >= most:
                    break
                self._tried(parts)
        for parts in (*((part,) for part in useful), *_pairs(useful)):
            if self.late() or len(self.found) >= most:
                break
            self._batches(parts, self.outcomes.find(joined(parts)))
        self._sizes(base)

    def _singles(self, base: Outcome) -> Iterator[Change]:
        """The changes that lower the peak by themselves."""
        for change in changes(base.analysis, self.asked.gpu):
            self.progress(change.says)
            outcome = self.outcomes.find(change)
            if outcome is None:
                continue
            if outcome.requested < base.requested or change.kind == "allocator":
                self._judge((change,), outcome)
                yield change

    def _tried(self, parts: Sequence[Change]) -> None:
        """A combination, unless it contradicts itself or a part of it does already."""
        if len({part.kind for part in parts}) < len(parts) or self._covered(parts):
            return
        outcome = self.outcomes.find(joined(parts))
        if outcome is not None:
            self._judge(parts, outcome)

    def _covered(self, parts: Sequence[Change]) -> bool:
        done = frozenset(part.says for part in parts)
        return any(fitting <= done for fitting in self.fitting)

    def _batches(self, parts: tuple[Change, ...], base: Outcome | None) -> None:
        """The least number of micro-batches, and of GPUs, with which other changes fit."""
        if base is None or self._covered(parts):
            return
        name = batch_symbol(base.analysis)
        value, run = base.analysis.symbols.values.get(name, 1), base.analysis.run
        if run.parallel != "none":
            return
        if any(block.shard for block in base.analysis.model.blocks.values()):
            self._first([(*parts, divided(k)) for k in RANKS])
        if run.mode != "train" or name not in self.asked.model.symbols:
            return
        divisors = [k for k in range(2, value + 1) if value % k == 0][:40]
        self._first([(*parts, accumulated(name, value, k, run.accumulation)) for k in divisors])
        shard = ",".join(blocks_called(self.asked.model)[:1])
        for way in WAYS:
            self._first([(*parts, spread(name, value, k, way, shard)) for k in RANKS if value % k == 0])
            if value % RANKS[0] and way != "ddp":  # nothing to spread: each GPU has as much as the one had
                self._first([(*parts, multiplied(name, value, k, way, shard)) for k in RANKS])

    def _first(self, choices: Sequence[tuple[Change, ...]]) -> None:
        """Of choices that need less and less, the first that fits."""
        low, high = 0, len(choices)
        while low < high and not self.late():  # the first whose closed form may fit
            middle = (low + high) // 2
            outcome = self.outcomes.find(joined(choices[middle]))
            low, high = (low, middle) if outcome is not None and outcome.requested <= outcome.sure else (middle + 1, high)
        for parts in choices[low : low + TRIED]:
            if self._covered(parts):
                return
            outcome = self.outcomes.find(joined(parts))
            if outcome is not None and self._judge(parts, outcome):
                return

    def _sizes(self, base: Outcome) -> None:
        """The largest batch, and the largest of other sizes of the inputs, that fit."""
        batch, values = batch_symbol(base.analysis), base.analysis.symbols.values
        names = dict.fromkeys([batch, *(n for t in base.analysis.graph.inputs.values() for s in t.shape for n in sorted(symbols_of(s)))])
        for name in names:
            if name not in self.asked.model.symbols or values[name] == 1 or name in base.analysis.symbols.definitions:
                continue
            self.progress(f"a smaller {name}")
            try:
                fits = Solver(Programs(base.analysis, base.symbols), name).fitting(self.asked.gpu)
            except InvalidConfig:
                continue
            if 0 < fits < values[name]:
                part = smaller(
                    name, fits, base.analysis.symbols.docs.get(name, ""), batch=name == batch, train=base.analysis.run.mode == "train"
                )
                outcome = self.outcomes.find(part)
                if outcome is not None:
                    self._judge((part,), outcome)

    def _judge(self, parts: Sequence[Change], outcome: Outcome) -> bool:
        """Whether a card's answer is that it fits; remembered if so, and otherwise how near it came."""
        close = outcome.requested <= outcome.sure
        if not close and self.nearest is not None and outcome.requested >= self.nearest.requested:
            return False
        change, answer = joined(parts), self.outcomes.answer(outcome)
        if answer is None:
            return False
        lowered = "" if change.symbols or change.config else text(self.form - outcome.piece.form)
        saved, words = self.needed - answer.needed, self.outcomes.words(change, outcome)
        advice = Advice(change, answer, saved, text(outcome.piece.form), lowered, outcome.requested, words)
        if answer.answer == FITS:
            self.found.append(advice)
            self.analyses[words] = outcome.analysis
            self.fitting.append(frozenset(part.says for part in parts))
            return True
        if self.nearest is None or outcome.requested < self.nearest.requested:
            self.nearest = advice
        return False


def _pairs(useful: Sequence[Change]) -> list[tuple[Change, ...]]:
    """Two changes of different kinds, the least intrusive first."""
    pairs = [pair for pair in combinations(useful, 2) if pair[0].kind != pair[1].kind]
    return sorted(pairs, key=lambda pair: sum(part.level for part in pair))
