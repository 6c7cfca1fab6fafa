"""Host memory bound to numbers: the `data:` section of a model as a part of its report, or alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analyzer.build.model import Model
from analyzer.build.symbols import Symbols
from analyzer.build.trace import bind_symbols
from analyzer.evaluate import evaluate
from analyzer.formula import text
from analyzer.host.claims import Verdict, holds
from analyzer.host.deciding import Item
from analyzer.host.formats import BreakEven, size_of, stored
from analyzer.host.gathering import one_array, ways
from analyzer.host.source import Array, Prediction
from analyzer.host.stages import HostMemory, Stage, host_memory
from analyzer.host_report import BreakEvenRow, Claimed, Gathered, Host, HostArray, HostItem, HostReport, HostStage
from analyzer.polynomial import Poly, total
from analyzer.problems import InvalidConfig, Problem
from analyzer.report import Amount, Symbol
from analyzer.tracing import show


def assemble_host(model: Model, symbols: Symbols) -> Host | None:
    """Host memory of a model at its symbols' values; None when it has no `data:`. Raises InvalidConfig."""
    if model.data is None:
        return None
    memory = host_memory(model.data, symbols.values)
    if not memory.stages:
        raise InvalidConfig(Problem(model.data.origin, "data describes nothing", "arrays: {x: [N, 10]}"))
    bind = _Binding(symbols.values)
    stages = tuple(bind.stage(stage) for stage in memory.stages)
    return Host(
        tuple(bind.array(a, memory.break_evens.get(a.name)) for a in memory.arrays),
        bind(total(size_of(a) for a in memory.arrays)),
        bind(total(a.dense for a in memory.arrays)),
        stages,
        max(stages, key=lambda stage: stage.amount.value),
        tuple(bind.gathered(p) for p in memory.predictions),
        tuple(bind.claimed(v, memory) for v in memory.verdicts),
        tuple(f"{text(a.left)} {a.relation} {text(a.right)}" for a in memory.assumptions),
    )


def host_report(model: Model, overrides: Mapping[str, str]) -> HostReport:
    """The report of a config without layers. Raises InvalidConfig."""
    symbols = bind_symbols(model, overrides)
    host = assemble_host(model, symbols)
    if host is None:
        raise InvalidConfig(Problem(model.origin, "neither layers nor data: there is nothing to report"))
    shown = tuple(Symbol(n, v, symbols.definitions.get(n, ""), symbols.docs.get(n, "")) for n, v in symbols.values.items())
    return HostReport(model.name, model.doc, model.path, shown, host)


class _Binding:
    """Closed forms with their values."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self.symbols = symbols

    def __call__(self, form: Poly) -> Amount:
        return Amount(form, evaluate(form, self.symbols))

    def items(self, items: Iterable[Item]) -> tuple[HostItem, ...]:
        return tuple(HostItem(name, self(form)) for name, form in items)

    def stage(self, stage: Stage) -> HostStage:
        return HostStage(stage.name, stage.kind, self(stage.size), self.items(stage.items))

    def array(self, array: Array, even: BreakEven | None) -> HostArray:
        return HostArray(
            array.name, array.doc, array.format, show(array.shape), array.dtype, array.index,
            self(array.nonzeros) if array.format != "dense" else None, self.items(stored(array)), self(size_of(array)), self(array.dense),
            BreakEvenRow(even.format, self(even.nonzeros), even.per_row, even.density) if even else None,
        )  # fmt: skip

    def gathered(self, prediction: Prediction) -> Gathered:
        each = {by: self(total(form for _, form in items)) for by, items in ways(prediction).items()}
        return Gathered(prediction.name, self(prediction.arrays), prediction.by, self(one_array(prediction)), each)

    def claimed(self, verdict: Verdict, memory: HostMemory) -> Claimed:
        whole, saved, possible = (evaluate(form, self.symbols) for form in (verdict.whole, verdict.saved, verdict.possible))
        return Claimed(
            verdict.subject, float(verdict.claim.value), whole, saved, possible,
            holds(verdict, verdict.saved, memory.sizes), holds(verdict, verdict.possible, memory.sizes), verdict.needed,
            verdict.per_row.value if verdict.per_row else 0.0, verdict.at_least.value if verdict.at_least else 0.0,
        )  # fmt: skip
