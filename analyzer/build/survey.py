"""What else is wrong with a description that is refused already, so that one run tells everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.build.arguments import unknown_arguments
from analyzer.build.calls import unknown_symbols
from analyzer.build.source import CONTROL, Problems, Statement
from analyzer.build.symbols import bind
from analyzer.build.trace import trace
from analyzer.ops import OPS
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.run.settings import Run

if TYPE_CHECKING:
    from analyzer.build.model import Model

STACKS = {f"Transformer{kind}": f"- repeat: 6\n  layers: [Transformer{kind}Layer: {{nhead: 8}}]" for kind in ("Encoder", "Decoder")}


def misspelled(model: Model) -> Iterator[Problem]:
    """Words and arguments that no op, block or module of the file has, called or not."""
    own = [block for block in model.blocks.values() if block.origin.path == model.path]
    modules = {**model.modules, **{name: module for block in model.blocks.values() for name, module in block.modules.items()}}
    known = {*OPS, *CONTROL, *model.blocks, *modules, *model.broken}
    statements = [*model.layers, *model.loss, *(model.inference.layers if model.inference else ())]
    statements += [s for block in own for s in block.layers]
    statements += [m.statement for m in (*model.modules.values(), *(m for block in own for m in block.modules.values()))]
    return (problem for statement in _all(statements) for problem in _wrong(statement, model, known))


def _all(statements: Iterable[Statement]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        yield from _all(statement.body)


def _wrong(statement: Statement, model: Model, known: set[str]) -> list[Problem]:
    word = statement.word
    if word and word not in known:
        return [Problem(statement.origin, f"unknown op '{word}'", STACKS.get(word) or nearest(word, known))]
    if word in OPS:
        return unknown_arguments(OPS[word], statement)
    return unknown_symbols(model.blocks[word], statement) if word in model.blocks and word not in model.broken else []


def also_wrong(model: Model, run: Run | None) -> list[Problem]:
    """What binding the symbols finds besides, and, given a run, tracing; what is broken counts as unknown there."""
    problems = Problems()
    symbols = bind(model.symbols, {}, problems)
    if problems.found or run is None or not model.layers:
        return problems.found
    try:
        trace(model, symbols, replace(run, parallel="none"))
    except InvalidConfig as error:
        return list(error.problems)
    return []
