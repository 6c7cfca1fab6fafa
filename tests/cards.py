"""Cards of the catalogue, and bundled models on them."""

from __future__ import annotations

from functools import cache

from analyzer.analysis import analyze
from analyzer.catalogue import Gpu, read_gpus
from analyzer.gpus import device_of, named
from analyzer.programs import Programs
from analyzer.run.settings import read_run
from tests.asking import model


def gpu(name: str) -> Gpu:
    """A card of the catalogue."""
    return named(read_gpus(), (name,))[0]


@cache
def programs(config: str, card: str, **symbols: int) -> Programs:
    """The programs of a bundled model on a card."""
    described = model(config)
    overrides = {name: str(value) for name, value in symbols.items()}
    run = read_run(described.run, {}, has_loss=bool(described.loss))
    return Programs(analyze(described, overrides, run, device_of((gpu(card),))), overrides)
