"""What a model comes to with a change: its closed forms, traced once for all sizes at which they hold, and a card's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from analyzer.advice.answers import Asked, Outcome
from analyzer.advice.changes import Change
from analyzer.analysis import Analysis, analyze, peak_of
from analyzer.build.model import Model, read_model
from analyzer.build.ranks import with_ranks
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.gpus import device_of
from analyzer.peaks import largest
from analyzer.problems import InvalidConfig
from analyzer.programs import Case, Programs, same
from analyzer.replay import cublas_workspace
from analyzer.run.settings import Run, read_run
from analyzer.verdict import CLOSE, FITS, UNFIT, Answer, convolutions, judge, limits

ALLOCATOR: Mapping[str, Any] = {"expandable_segments": False, "max_split_size_mb": 0, "roundup_power2_divisions": 0}  # no form knows them

ORDER = (FITS, CLOSE, UNFIT)


class Outcomes:
    """The outcomes of one question, each computed once."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.device = asked, device_of((asked.gpu,))
        self.models: dict[str, Model] = {"": asked.model}
        self.known: dict[tuple[object, ...], Outcome | InvalidConfig] = {}
        self.recorded: dict[int, Programs] = {}  # by outcome
        self.cases: dict[tuple[object, ...], Case] = {}
        self.taken: dict[tuple[object, ...], bool] = {}  # by program and values
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
        """The card's answer, by replay; None where sizes at which it was not traced are refused.

        Of a pipeline the stage that needs most is replayed, and every other stage that is not estimated to fit by its closed form.
        """
        analysis = outcome.analysis
        if outcome.reused and not self._traced_at(analysis):
            return None
        first = judge(self._case(analysis, outcome), self.asked.gpu)
        others = (stage for stage in analysis.stages if stage.graph is not analysis.graph and not self._surely_fits(stage, outcome))
        answers = [first, *(judge(self._case(stage, outcome), self.asked.gpu) for stage in others if first.answer == FITS)]
        return max(answers, key=lambda answer: (ORDER.index(answer.answer), answer.needed))

    def _surely_fits(self, stage: Analysis, outcome: Outcome) -> bool:
        """Whether a stage fits by its closed form, as programs are judged that are too long to be replayed."""
        room = limits(self.asked.gpu, stage.run, convolutions(stage), True).sure
        return peak_of(stage.pieces, outcome.analysis.symbols.values) + 2 * cublas_workspace(self.device.capability) <= room

    def programs(self, outcome: Outcome) -> Programs:
        """The programs of an outcome at any values, each recorded once."""
        return self.recorded.setdefault(id(outcome), Programs(outcome.analysis, outcome.symbols))

    def answer_at(self, outcome: Outcome, name: str, value: int) -> Answer:
        """The card's answer to the program of an outcome with another value of a symbol, which it is known to take."""
        return judge(self.programs(outcome).case({name: value}), self.asked.gpu)

    def _case(self, analysis: Analysis, outcome: Outcome) -> Case:
        """One program to be replayed: on the tape of one that only the allocator's settings tell from it, if there is one."""
        if analysis is not outcome.analysis:
            return Programs(replace(analysis, symbols=outcome.analysis.symbols), outcome.symbols).case({})
        key = (id(analysis.graph), *sorted(analysis.symbols.values.items()), replace(analysis.run, **ALLOCATOR))
        if key not in self.cases:
            self.cases[key] = self.programs(outcome).case({})
        case = self.cases[key]
        return replace(case, program=replace(case.program, analysis=analysis), replays={})

    def _traced_at(self, analysis: Analysis) -> bool:
        """Whether the config takes the sizes: traced there, unless it was for other settings of the allocator."""
        key = (id(analysis.graph), *sorted(analysis.symbols.values.items()))
        if key not in self.taken:
            try:
                trace(analysis.model, analysis.symbols, analysis.run, self.device)
                self.taken[key] = True
            except InvalidConfig:
                self.taken[key] = False
        return self.taken[key]

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
            self.taken[id(analysis.graph), *sorted(bound.values.items())] = True
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
