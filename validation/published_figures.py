"""Figures that others published, beside what is predicted under the same conditions. Without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.gpus import device_of, named, read_gpus
from validation.nullcuda.timeline import ROUND
from validation.rows import PUBLISHED, allocator_figures, analysis_of

DATA = PUBLISHED / "measurements.yaml"
BAR = 0.02


@dataclass(frozen=True, slots=True)
class Source:
    """A published table: who measured what, where and how."""

    name: str
    source: str
    conditions: str
    gpu: str
    config: str
    quantity: str  # allocated or held
    unit: int  # bytes
    figures: tuple[Mapping[str, Any], ...]
    run: str = ""
    without: tuple[str, ...] = ()  # inputs of the config that were not made
    within: float = 0.0  # how far the published digits allow a figure to be off, in its unit
    known: str = ""  # which condition is not known; empty where all are

    @property
    def digits(self) -> int:
        """Decimals that are published."""
        return 2 if self.within else 3


@dataclass(frozen=True, slots=True)
class Compared:
    """One published figure, what is predicted of it, both in the source's unit, and why it differs where that is known."""

    symbols: str
    published: float
    predicted: float
    within: float
    why: str = ""

    @property
    def error(self) -> float:
        """How far the prediction is off, as a share of what was published."""
        return self.predicted / self.published - 1

    @property
    def agrees(self) -> bool:
        """Whether the prediction is within the bar, or as near as the digits tell."""
        return abs(self.error) <= BAR or abs(self.predicted - self.published) <= self.within


def sources() -> tuple[Source, ...]:
    """The published tables."""
    read: list[dict[str, Any]] = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = [{key: tuple(v) if isinstance(v, list) else v for key, v in one.items()} for one in read]
    return tuple(Source(**one) for one in found)


def compared(source: Source) -> Iterator[Compared]:
    """Each figure of a table beside its prediction on the card that was measured."""
    device = device_of(named(read_gpus(), (source.gpu,)))
    for figure in source.figures:
        symbols = " ".join(f"{name}={value}" for name, value in figure.items() if name not in ("is", "why"))
        analysis = analysis_of(source.config, symbols, source.run, device)
        found = held(analysis, source.without) if source.quantity == "held" else allocator_figures(analysis)["allocated"]
        yield Compared(symbols, float(figure["is"]), found / source.unit, source.within, figure.get("why", ""))


def held(analysis: Analysis, without: tuple[str, ...] = ()) -> int:
    """Bytes of the blocks of inputs, and of what the forward returns."""
    start, end = analysis.timeline.marks["start"], analysis.timeline.marks["end"]
    returned = [life.size for life in analysis.timeline.alive(end - 1) if life.birth > start]
    given = [tensor.bytes for name, tensor in analysis.graph.inputs.items() if name not in without]
    return sum(-(-evaluate(size, analysis.symbols.values) // ROUND) * ROUND for size in (*given, *returned))
