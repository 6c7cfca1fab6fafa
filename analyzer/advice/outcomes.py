"""What a model comes to with a change: its closed forms, traced once for all sizes at which they hold, and a card's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from analyzer.advice.answers import Asked, Outcome
from analyzer.advice.changes import Change
from analyzer.analysis import Analysis, analyze
from analyzer.build.model import Model, read_model
from analyzer.build.ranks import with_ranks
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.gpus import device_of
from analyzer.peaks import largest
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs, same
from analyzer.run.settings import Run, read_run
from analyzer.verdict import Answer, convolutions, judge, limits

ALLOCATOR: Mapping[str, Any] = {"expandable_segments": False, "max_split_size_mb": 0, "roundup_power2_divisions": 0}  # no form knows them


class Outcomes:
    """The outcomes of one question, each computed once."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.device = asked, device_of((asked.gpu,))
        self.models: dict[str, Model] = {"": asked.model}
        self.known: dict[tuple[object, ...], Outcome | InvalidConfig] = {}
        self.traced: dict[tuple[str, Run], list[Analysis]] = {}  # by config and settings, at other sizes

    @property
    def tried(self) -> int:
        """How many settings there were."""
        return len(self.known)

    def find(self, change: Change) -> Outcome | None:
        """The model with a change; None where it is refused."""
        try:
            return self.of(change)
        except InvalidConfig:
            return None

    def of(self, change: Change) -> Outcome:
        """The model with a change. Raises InvalidConfig."""
        model = self._model(change.config)
        symbols, settings = {**self._carried(model), **change.symbols}, {**self.asked.settings, **change.run}
        key = (change.config, *sorted(symbols.items()), *sorted(settings.items()))
        if key not in self.known:
            try:
                run = read_run(model.run, settings, has_loss=bool(model.loss))
                self.known[key] = self._outcome(change.config, model, symbols, run)
            except InvalidConfig as error:
                self.known[key] = error
        found = self.known[key]
        if isinstance(found, InvalidConfig):
            raise found
        return found

    def answer(self, outcome: Outcome) -> Answer | None:
        """The card's answer, by replay; None where the config refuses sizes at which it was not traced."""
        analysis = outcome.analysis
        if outcome.reused:
            try:
                trace(analysis.model, analysis.symbols, analysis.run, self.device)
            except InvalidConfig:
                return None
        return judge(Programs(analysis, outcome.symbols).case({}), self.asked.gpu)

    def words(self, change: Change, outcome: Outcome) -> tuple[str, ...]:
        """The config and the assignments that apply a change on top of those given."""
        config = self.asked.config
        if change.config:
            bundled = self.asked.config == self.asked.path.stem
            config = change.config if bundled else str(self.asked.path.parent / f"{change.config}.yaml")
        settings = {**self.asked.settings, **change.run}
        return (config, *(f"{n}={v}" for n, v in outcome.symbols.items()), *(f"run.{k}={v}" for k, v in settings.items()))

    def _outcome(self, config: str, model: Model, symbols: Mapping[str, str], run: Run) -> Outcome:
        """Traced anew only where no trace at other sizes, GPUs or micro-batches holds: two or more micro-batches are one program."""
        several = self.traced.setdefault((config, replace(run, accumulation=min(run.accumulation, 2), ranks="", **ALLOCATOR)), [])
        named = with_ranks(model, run)
        bound = bind_symbols(named, symbols)
        there = next((a for a in several if same(a, bound.values)), None)
        if there is not None:
            analysis = replace(there, model=named, symbols=bound, run=run)
        else:
            analysis = analyze(model, symbols, run, self.device)
            several.append(analysis)
        piece = largest(analysis.pieces, analysis.symbols.values)
        sure = limits(self.asked.gpu, run, convolutions(analysis), False).sure
        return Outcome(analysis, symbols, piece, evaluate(piece.form, bound.values), sure, there is not None)

    def _model(self, config: str) -> Model:
        if config not in self.models:
            path = self.asked.path.parent / f"{config}.yaml"
            shown = path.name if self.asked.config == self.asked.path.stem else str(path)
            self.models[config] = read_model(path, shown)
        return self.models[config]

    def _carried(self, model: Model) -> Mapping[str, str]:
        """The symbols as given, and for another config those that this one has otherwise."""
        if model is self.asked.model:
            return self.asked.symbols
        here, there = self.asked.model.symbols, model.symbols
        other = {n: str(s.definition) for n, s in here.items() if n in there and str(s.definition) != str(there[n].definition)}
        return {**other, **{name: value for name, value in self.asked.symbols.items() if name in there}}
