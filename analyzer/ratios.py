"""How memory relates to samples, tokens and parameters, and how it grows while the batch doubles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.parameters import count
from analyzer.problems import InvalidConfig

DOUBLINGS = 4
WHOLE = ("int64", "int32")  # dtypes of token numbers
MILLION = 10**6


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio: bytes of something, or a number where both sides are bytes."""

    name: str
    value: Fraction
    is_bytes: bool = True


@dataclass(frozen=True, slots=True)
class Batch:
    """Bytes at one batch: the peak, and what the forward leaves for backward, or leaves at all in an inference."""

    size: int
    peak: int
    left: int


@dataclass(frozen=True, slots=True)
class Ratios:
    """The ratios at the report's values, and the batches from there on, each twice the one before."""

    rows: tuple[Ratio, ...]
    left: str  # what `left` of a batch is called
    batches: tuple[Batch, ...]


def ratios(analysis: Analysis, overrides: Mapping[str, str], batch: str) -> Ratios:
    """Of a report; `batch` is the symbol that counts samples. Doubling ends where the config refuses it."""
    trains = "kept for backward" if analysis.run.mode == "train" else "left by the forward"
    batches = tuple(_batches(analysis, overrides, batch))
    return Ratios(tuple(_rows(analysis, batches, trains)), trains, batches)


def _batches(analysis: Analysis, overrides: Mapping[str, str], batch: str) -> Iterator[Batch]:
    size = analysis.symbols.values[batch]
    for doubled in (size << times for times in range(DOUBLINGS + 1)):
        try:
            there = analysis if doubled == size else analysis.at({**overrides, batch: str(doubled)})
        except InvalidConfig:
            return
        values, found = there.symbols.values, categories(there)
        left = found["kept_for_backward" if analysis.run.mode == "train" else "after_forward"]
        yield Batch(doubled, max(evaluate(piece.form, values) for piece in there.pieces), evaluate(left, values))


def _rows(analysis: Analysis, batches: tuple[Batch, ...], left: str) -> Iterator[Ratio]:
    values, here = analysis.symbols.values, batches[0]
    parameters = evaluate(count(analysis.graph.parameters.values()), values)
    weights = evaluate(categories(analysis)["parameters"], values)
    tokens = _tokens(analysis)
    yield Ratio("peak per sample", Fraction(here.peak, here.size))
    if len(batches) > 1:
        yield Ratio("each further sample adds to the peak", Fraction(batches[1].peak - here.peak, batches[1].size - here.size))
    yield Ratio(f"{left} per sample", Fraction(here.left, here.size))
    if tokens:
        yield Ratio("peak per token", Fraction(here.peak, tokens))
        yield Ratio(f"{left} per token", Fraction(here.left, tokens))
    if parameters:
        yield Ratio("peak per million parameters", Fraction(here.peak * MILLION, parameters))
        yield Ratio(f"{left} per million parameters", Fraction(here.left * MILLION, parameters))
    if weights:
        yield Ratio("peak to bytes of parameters", Fraction(here.peak, weights), is_bytes=False)
        yield Ratio(f"{left} to bytes of parameters", Fraction(here.left, weights), is_bytes=False)


def _tokens(analysis: Analysis) -> int:
    """Elements of the first input of token numbers with several for each sample; 0 where there is none."""
    shaped = (tensor for tensor in analysis.graph.inputs.values() if tensor.dtype in WHOLE and len(tensor.shape) > 1)
    first = next(shaped, None)
    return evaluate(first.elements, analysis.symbols.values) if first else 0
