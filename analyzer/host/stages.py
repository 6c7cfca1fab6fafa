"""Host memory stage by stage: preparing, loading, gathering predictions; all of it closed forms over the model's symbols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from analyzer.assumptions import Assumption
from analyzer.build.source import Problems
from analyzer.host.checks import check_values
from analyzer.host.claims import Verdict, of_array, of_prediction
from analyzer.host.deciding import Item
from analyzer.host.formats import BreakEven, break_even, counted, size_of
from analyzer.host.gathering import gathering
from analyzer.host.loading import loading
from analyzer.host.preparation import prepared
from analyzer.host.source import UNSUPPORTED, Array, Data, Prediction
from analyzer.polynomial import Poly, total
from analyzer.sizes import Device, Sizes

KINDS = ("prepare", "arrays", "load", "predict")


@dataclass(frozen=True, slots=True)
class Stage:
    """What lies in host memory at the most expensive moment of a stage."""

    name: str
    kind: str  # one of KINDS
    items: tuple[Item, ...]

    @property
    def size(self) -> Poly:
        """Bytes of everything together."""
        return total(form for _, form in self.items)


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Everything that the section says, as closed forms; `sizes` has the symbols' values and the decisions taken at them."""

    arrays: tuple[Array, ...]
    break_evens: Mapping[str, BreakEven]
    stages: tuple[Stage, ...]
    predictions: tuple[Prediction, ...]
    verdicts: tuple[Verdict, ...]
    sizes: Sizes

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the closed forms rely on."""
        return tuple(self.sizes.assumptions.values())


def host_memory(data: Data, symbols: Mapping[str, int]) -> HostMemory:
    """The section at the symbols' values. Raises InvalidConfig for sizes and steps that cannot be."""
    problems, sizes = Problems(), Sizes(symbols, Device())
    check_values(data, symbols, problems)
    problems.raise_any()
    arrays = tuple(counted(array, sizes) for array in data.arrays)
    stages = [
        Stage(f"line {moment.line}: {moment.label}", "prepare", moment.items)
        for moment in prepared(data.steps, arrays, sizes, problems)
    ]  # fmt: skip
    problems.raise_any()
    resident = tuple((array.name, size_of(array)) for array in arrays)
    if data.loader:
        stages.append(Stage("loading batches", "load", (*resident, *loading(data.loader, arrays, sizes))))
    elif resident:
        stages.append(Stage("the arrays alone", "arrays", resident))
    for p in data.predictions:
        loaded = loading(replace(data.loader, batch=p.batch), arrays, sizes) if data.loader else ()
        stages.append(Stage(f"predicting {p.name}", "predict", (*resident, *loaded, *gathering(p))))
    verdicts = [v for a in arrays for v in of_array(a, sizes)] + [v for p in data.predictions for v in of_prediction(p)]
    evens = {a.name: break_even(a, sizes) for a in arrays if len(a.shape) == 2 and _is_numeric(a)}
    return HostMemory(arrays, evens, tuple(stages), data.predictions, tuple(verdicts), sizes)


def _is_numeric(array: Array) -> bool:
    return array.dtype not in UNSUPPORTED
