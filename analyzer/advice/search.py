"""Searches what makes a model fit: the least intrusive first, each verdict computed by replay, until so many ways are found.

What is not traced: a change whose bound (`analyzer.advice.bounds`) is more than the card has, and one that is more intrusive than as
many ways as are wanted. A combination is not tried when a part of it fits, nor with a change that does not lower the peak by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations

from analyzer.advice.answers import Advice, Advised, Asked, Outcome
from analyzer.advice.bounds import Bounds
from analyzer.advice.changes import Change, changes, joined, sizes, smaller
from analyzer.advice.costs import computed, costed
from analyzer.advice.ladders import Ladder, ladders
from analyzer.advice.outcomes import Outcomes
from analyzer.advice.sharing import shared_settings
from analyzer.analysis import Analysis
from analyzer.assemble import batch_symbol
from analyzer.bisection import last
from analyzer.formula import text
from analyzer.problems import InvalidConfig
from analyzer.solve import Solver
from analyzer.verdict import FITS, Answer

SECONDS, EACH = 3.0, 0.5  # of processor time, at least, and for each way that is wanted; the search for combinations ends then
TOGETHER = 4  # so many changes at once
TRIED = 3  # so many rungs of a ladder are tried, whatever the time
Parts = tuple[Change, ...]


def advise(asked: Asked, most: int, progress: Callable[[str], None] = lambda _: None) -> Advised:
    """Up to `most` ways to make the model fit, the least intrusive first. Raises InvalidConfig."""
    outcomes = Outcomes(asked)
    base = outcomes.of(Change("", "", 0, ""))
    answer = outcomes.answer(base)
    assert answer is not None  # it was traced here
    if answer.answer == FITS:
        return Advised(answer, text(base.piece.form), base.requested, (), None, outcomes.tried, False, base.analysis.run.mode)
    search = _Search(asked, outcomes, base, answer, most, progress)
    search.run()
    before = cache(lambda: computed(base.analysis))
    told = tuple(costed(advice, search.analyses[advice.words], base.analysis, before) for advice in search.best())
    nearest = None if told else search.nearest()
    return Advised(answer, text(base.piece.form), base.requested, told, nearest, outcomes.tried, search.ended, base.analysis.run.mode)


class _Search:
    def __init__(self, asked: Asked, outcomes: Outcomes, base: Outcome, answer: Answer, most: int, progress: Callable[[str], None]) -> None:
        self.asked, self.outcomes, self.base, self.answer = asked, outcomes, base, answer
        self.most, self.progress, self.started, self.ended = most, progress, time.process_time(), False
        self.bounds = Bounds(base)
        self.found: list[Advice] = []
        self.analyses: dict[tuple[str, ...], Analysis] = {}
        self.missed: list[tuple[Parts, Outcome]] = []
        self.fitting: list[frozenset[str]] = []  # what was done, for all that fits
        self.fewest: list[tuple[str, frozenset[str], int]] = []  # of what fits: the name of a ladder, what was done beside it, and the GPUs

    def best(self) -> list[Advice]:
        """The ways that are told, the least intrusive first."""
        return sorted(self.found, key=lambda advice: (advice.change.level, advice.answer.needed))[: self.most]

    def late(self) -> bool:
        """Whether the time is up."""
        self.ended = self.ended or time.process_time() - self.started > max(SECONDS, EACH * self.most)
        return self.ended

    def run(self) -> None:
        """Try single changes and ladders, then combinations, then smaller sizes."""
        analysis = self.base.analysis
        singles = sorted([*changes(analysis, self.asked.gpu), *shared_settings(analysis)], key=lambda change: change.level)
        self._alone(singles)
        self._together(singles)
        self._divided_too(singles)
        self._sizes()

    def _wanted(self, level: int) -> bool:
        """Whether something as intrusive as this could be among those that are told."""
        return sum(advice.change.level < level for advice in self.found) < self.most

    def _alone(self, singles: Sequence[Change]) -> None:
        """Settings, and what comes in sizes, by themselves."""
        steps: list[tuple[int, Change | Ladder]] = [(change.level, change) for change in singles]
        steps += [(ladder.level, ladder) for ladder in ladders(self.asked.model, self.base)]
        for level, step in sorted(steps, key=lambda pair: pair[0]):
            if not self._wanted(level):
                return
            if isinstance(step, Ladder):
                self._climb(step, ())
            elif self.bounds.changed((step,)) <= self.base.sure:
                self._try((step,))

    def _together(self, singles: Sequence[Change]) -> None:
        """Several settings at once."""
        for count in range(2, TOGETHER + 1):
            for parts in sorted(combinations(singles, count), key=_level):
                if not self._wanted(_level(parts) + 1) or self.late():  # of two as intrusive ways the single change is told
                    break
                if len({part.kind for part in parts}) < count or self._is_covered(parts) or self.bounds.changed(parts) > self.base.sure:
                    continue
                if all(self._is_useful(part) for part in parts):
                    self._try(parts)

    def _is_useful(self, change: Change) -> bool:
        """Whether a setting lowers the peak by itself."""
        if change.kind == "allocator":
            return True
        if self.bounds.changed((change,)) >= self.base.requested:
            return False
        outcome = self._outcome((change,))
        return outcome is not None and outcome.requested < self.base.requested

    def _divided_too(self, singles: Sequence[Change]) -> None:
        """Ladders on top of one setting, and of two."""
        pairs = [pair for pair in combinations(singles, 2) if pair[0].kind != pair[1].kind]
        for parts in (*((part,) for part in singles), *sorted(pairs, key=_level)):
            if len(self.found) >= self.most or self.late():
                return
            useful = not self._is_covered(parts) and all(self._is_useful(part) for part in parts)
            outcome = self._outcome(parts) if useful else None
            for ladder in ladders(self.asked.model, outcome) if outcome else ():
                if not self._wanted(_level(parts) + ladder.level) or self.late():
                    break
                self._climb(ladder, parts)

    def _climb(self, ladder: Ladder, parts: Parts) -> None:
        """Of a ladder's rungs the first that fits, with other changes."""
        beside = frozenset(part.says for part in parts)
        enough = [ranks for name, done, ranks in self.fewest if name == ladder.name and done <= beside]
        choices = [((*parts, change), least) for change, least in ladder.rungs if not enough or int(change.run["ranks"]) < min(enough)]
        low = next((i for i, (_, least) in enumerate(choices) if least <= self.base.sure), len(choices))
        if ladder.falls:
            low = last(lambda number: not self._may_run(*choices[number - 1]), low + 1, len(choices) + 1)
        tried = 0
        for choice, least in choices[low : low + TRIED if ladder.falls else None]:
            if self._is_covered(choice) or ((parts or tried >= TRIED) and self.late()):
                return
            tried += least <= self.base.sure
            if least <= self.base.sure and self._try(choice):
                if ladder.name:
                    self.fewest.append((ladder.name, beside, int(choice[-1].run["ranks"])))
                return

    def _may_run(self, parts: Parts, least: int) -> bool:
        """Whether what changes request is less than the card has."""
        outcome = self._outcome(parts) if least <= self.base.sure else None
        return outcome is not None and outcome.requested <= outcome.sure

    def _sizes(self) -> None:
        """The largest batch, and the largest of other sizes of the inputs, that fit."""
        analysis = self.base.analysis
        batch, symbols, train = batch_symbol(analysis), analysis.symbols, analysis.run.mode == "train"
        for name in sizes(analysis):
            doc = symbols.docs.get(name, "")
            part = smaller(name, 1, doc, batch=name == batch, train=train)
            if name not in self.asked.model.symbols or symbols.values[name] == 1 or not self._wanted(part.level):
                continue
            if name == batch and self.bounds.accumulated(batch, 1) > self.base.sure:
                continue
            self.progress(f"a smaller {name}")
            fits = self._largest(name, symbols.values[name])
            if 0 < fits < symbols.values[name]:
                part = smaller(name, fits, doc, batch=name == batch, train=train)
                self._try((part,), self.outcomes.answer_at(self.base, name, fits))

    def _largest(self, name: str, value: int) -> int:
        """The largest value of a symbol that fits, sought from where the closed form says; 0 for none."""
        likely = last(lambda size: self.bounds.at(name, size, step=True) <= self.base.sure, value // 2, value)
        try:
            return Solver(self.outcomes.programs(self.base), name).fitting(self.asked.gpu, likely)
        except InvalidConfig:
            return 0

    def _outcome(self, parts: Parts) -> Outcome | None:
        """A model with changes; None where it is refused."""
        change = joined(parts)
        self.progress(change.says)
        return self.outcomes.find(change)

    def _is_covered(self, parts: Parts) -> bool:
        """Whether some of the changes do already."""
        done = frozenset(part.says for part in parts)
        return any(fitting <= done for fitting in self.fitting)

    def _try(self, parts: Parts, known: Answer | None = None) -> bool:
        """Whether a card's answer to changes is that it fits; remembered if so, and otherwise as what was missed."""
        outcome = self._outcome(parts)
        if outcome is None:
            return False
        answer = (known or self.outcomes.answer(outcome)) if outcome.requested <= outcome.sure else None
        if answer is None or answer.answer != FITS:
            self.missed.append((parts, outcome))
            return False
        advice = self._advice(parts, outcome, answer)
        self.found.append(advice)
        self.analyses[advice.words] = outcome.analysis
        self.fitting.append(frozenset(part.says for part in parts))
        return True

    def nearest(self) -> Advice | None:
        """Of what was tried and does not fit, what requests least."""
        for parts, outcome in sorted(self.missed, key=lambda pair: pair[1].requested):
            answer = self.outcomes.answer(outcome)
            if answer is not None:
                return self._advice(parts, outcome, answer)
        return None

    def _advice(self, parts: Parts, outcome: Outcome, answer: Answer) -> Advice:
        change = joined(parts)
        lowered = "" if change.symbols or change.config else text(self.base.piece.form - outcome.piece.form)
        saved, words = self.answer.needed - answer.needed, self.outcomes.words(change, outcome)
        return Advice(change, answer, saved, text(outcome.piece.form), lowered, outcome.requested, words)


def _level(parts: Sequence[Change]) -> int:
    return sum(part.level for part in parts)
