"""What is asked and what is answered: a model on a card, ways to make it fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analyzer.advice.changes import Change
from analyzer.analysis import Analysis
from analyzer.build.model import Model
from analyzer.catalogue import Gpu
from analyzer.peaks import Piece
from analyzer.verdict import Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A model as the command line sets it, on a card; `config` is how it was named."""

    model: Model
    config: str
    path: Path
    symbols: Mapping[str, str]
    settings: Mapping[str, str]
    gpu: Gpu


@dataclass(frozen=True, slots=True)
class Outcome:
    """A model with changes: its peak, and the card's answer once it was asked for."""

    analysis: Analysis
    symbols: Mapping[str, str]
    piece: Piece
    requested: int
    sure: int  # bytes that the closed form must stay within
    reused: bool = False  # whether the closed forms were traced at other sizes


@dataclass(frozen=True, slots=True)
class Advice:
    """Changes that make a model fit: the proof, what is saved, and what to type."""

    change: Change
    answer: Answer
    saved: int  # bytes on the card
    formula: str  # of the peak that is left, in the model's symbols
    lowered: str  # by what the peak's formula is lower; empty where symbols have other values
    requested: int
    words: tuple[str, ...]  # the config and its assignments
    flops: int | None = None  # more FLOPs of an optimizer step, of all its micro-batches; None where the work is another
    share: float = 0.0  # of the FLOPs as they were
    recomputed: str = ""  # the closed form of what is computed again
    network: str = ""  # the closed form of the bytes that each GPU receives in an optimizer step; empty for one GPU
    received: int = 0
    bubble: str = ""  # the part of a step's time that each stage of a pipeline waits, where all take as long; empty for no pipeline
    waits: float = 0.0


@dataclass(frozen=True, slots=True)
class Advised:
    """What is said of a model on a card: it fits, what makes it fit, or how near the search came."""

    answer: Answer
    formula: str
    requested: int
    advice: tuple[Advice, ...]
    nearest: Advice | None  # of what does not fit, the one that needs least
    tried: int
    ended: bool  # whether the time was up before everything was tried
    mode: str = "train"
