"""Bounds of advice: what they say is requested at least is never more than what the changed program requests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from analyzer.advice.answers import Asked
from analyzer.advice.bounds import Bounds
from analyzer.advice.changes import Change, changes, joined
from analyzer.advice.ladders import ladders
from analyzer.advice.outcomes import Outcomes
from analyzer.commands.arguments import find, read
from analyzer.gpus import named, read_gpus

SHARED = """
symbols: {B: 4, r: 64, c: 256}
inputs: {x: [B, r, c], y: [B, r, c]}
modules:
  mix: {Linear: c}
blocks:
  part: {inputs: [x], layers: [{Linear: 4*c}, GELU, {Linear: c}, mix, GELU]}
  whole: {inputs: [x], layers: [{part: {name: a}}, {part: {name: b}}, mix]}
layers: [whole, {part: {name: last}}]
loss: [mse_loss: y]
run: {mode: train, outputs: dropped}
"""
ASKED = (
    "bioformer B=4 c=64 L=4", "bert-base-eager B=16 L=4", "gpt2 B=4 L=4", "vit-b-16 B=8 L=4", "scperb B=4096", "resnet18 B=16",
    "lstm-lm B=4",
)  # fmt: skip


def asked(words: str) -> Asked:
    """A question about a config on a large card."""
    config, *assignments = words.split()
    model, symbols, settings = read(config, tuple(assignments))
    (gpu,) = named(read_gpus(), ("h200",))
    return Asked(model, config, find(config)[0], symbols, settings, gpu)


def bounded(question: Asked) -> list[tuple[tuple[Change, ...], int, int]]:
    """Changes, the bound of what is requested with them, and what is."""
    outcomes = Outcomes(question)
    base = outcomes.of(Change("", "", 0, ""))
    singles = changes(base.analysis, question.gpu)
    pairs = [(a, b) for a, b in pairwise(singles) if a.kind != b.kind]
    bounds = Bounds(base)
    found = [(parts, bounds.changed(parts)) for parts in (*((one,) for one in singles), *pairs)]
    for ladder in ladders(question.model, base):
        found += [((change,), least) for change, least in (ladder.rungs[0], ladder.rungs[len(ladder.rungs) // 2])]
    told = []
    for parts, least in found:
        outcome = outcomes.find(joined(parts))
        if outcome is not None:
            told.append((parts, least, outcome.requested))
    return told


@pytest.mark.parametrize("words", ASKED)
def test_nothing_gets_below_its_bound(words: str) -> None:
    found = bounded(asked(words))

    assert [(" + ".join(p.says for p in parts), least - requested) for parts, least, requested in found if least > requested] == []
    assert any(least for _, least, _ in found)


def test_what_shared_modules_make_is_not_taken_for_a_blocks(tmp_path: Path) -> None:
    path = tmp_path / "shared.yaml"
    path.write_text(SHARED, encoding="utf-8")
    found = bounded(asked(str(path)))

    assert all(least <= requested for _, least, requested in found)
