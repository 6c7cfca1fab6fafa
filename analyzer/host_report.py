"""Host memory as plain values: the part of a report that the `data:` section asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer.host.formats import Ratio
from analyzer.report import Amount, Symbol


@dataclass(frozen=True, slots=True)
class HostItem:
    """Something that lies in host memory."""

    name: str
    amount: Amount


@dataclass(frozen=True, slots=True)
class BreakEvenRow:
    """Up to how many nonzeros a sparse format takes no more than the dense array."""

    format: str
    nonzeros: Amount
    per_row: Ratio
    density: Ratio


@dataclass(frozen=True, slots=True)
class HostArray:
    """An array as it is stored, and what it would take dense."""

    name: str
    doc: str
    format: str
    shape: str
    dtype: str
    index: str  # dtype of the indices; empty for a dense array
    nonzeros: Amount | None
    buffers: tuple[HostItem, ...]
    amount: Amount
    dense: Amount
    break_even: BreakEvenRow | None


@dataclass(frozen=True, slots=True)
class HostStage:
    """A stage at its most expensive moment."""

    name: str
    kind: str
    amount: Amount
    items: tuple[HostItem, ...]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Results of batches gathered: bytes of one array, and of the whole each way."""

    name: str
    arrays: Amount
    by: str
    one: Amount
    ways: Mapping[str, Amount]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed saving (a fraction below 1, or bytes) beside what is saved and what can be saved at most, out of `whole`."""

    subject: str
    claimed: float
    whole: int
    saved: int
    possible: int
    holds: bool
    can_hold: bool
    needed: Ratio | None  # nonzeros per row
    per_row: float
    at_least: float


@dataclass(frozen=True, slots=True)
class Host:
    """Everything about host memory."""

    arrays: tuple[HostArray, ...]
    stored: Amount
    dense: Amount
    stages: tuple[HostStage, ...]
    peak: HostStage
    gathered: tuple[Gathered, ...]
    claims: tuple[Claimed, ...]
    valid_while: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostReport:
    """The report of a config that describes data and no model."""

    model: str
    doc: str
    path: str
    symbols: tuple[Symbol, ...]
    host: Host
