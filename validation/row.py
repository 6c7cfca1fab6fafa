"""One row of the table, measured."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable

import torch

from analyzer.analysis import Analysis
from analyzer.sizes import Device
from validation.comparison import Comparison, compared, device
from validation.environment import digest
from validation.rows import Row, allocator_figures, analysis_of, config_of


def measured_row(model: str, symbols: str, run: str, on: Device) -> Row:
    """Run a case on CUDA, and what was measured beside what is predicted."""
    return row_of(model, symbols, run, on, compared)


def row_of(model: str, symbols: str, run: str, on: Device, measure: Callable[[Analysis], Comparison]) -> Row:
    """Run a case by `measure`, and what was measured beside what is predicted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = analysis_of(model, symbols, run, on)
        comparison = measure(analysis)
    allocator = comparison.measured.allocator
    phases = {name: value for name, value in allocator.items() if name.startswith("allocated in ")}
    measured = {**comparison.measured.figures, "allocated": allocator["allocator"], "reserved": allocator["reserved"], **phases}
    predicted = {**comparison.figures, **allocator_figures(analysis)}
    differing = {name: predicted[name] for name, value in measured.items() if predicted[name] != value}
    first, config = _first(comparison) if differing else "", digest(config_of(model))
    return Row(model, symbols, run, measured, differing, first, config, comparison.measured.device)


def _first(comparison: Comparison) -> str:
    """The first allocation that differs, as measured; else why there is none."""
    if comparison.tensors:
        return comparison.tensors[0]
    if comparison.divergence is None:
        return "order of allocations" if comparison.adapted else "none: the allocator's blocks"
    index = comparison.divergence.index
    event = (comparison.real if index < len(comparison.real) else comparison.expected)[index]
    return f"{event.phase}: {event.what} ({event.where})"


def device_of_this_machine() -> Device:
    """The GPU that is measured."""
    return device()


def torch_version() -> str:
    """The version of torch."""
    return str(torch.__version__)


def today() -> str:
    """The date."""
    return datetime.date.today().isoformat()
