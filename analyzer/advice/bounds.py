"""What a change cannot get below: bytes that the program with it requests at least, told from the program without it.

A change whose bound is more than the card has need not be traced. Each bound is the bytes of some moment of the program as it is, of
what must be there at the same moment of the changed one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analyzer.advice.answers import Outcome
from analyzer.advice.changes import Change
from analyzer.analysis import Analysis, peak_of
from analyzer.build.model import Model
from analyzer.build.source import Statement
from analyzer.build.trace import bind_symbols
from analyzer.evaluate import evaluate
from analyzer.graph import Checkpoint
from analyzer.iterations import FOREVER
from analyzer.memory import categories
from analyzer.peaks import Piece
from analyzer.problems import InvalidConfig
from analyzer.programs import same

LEAVING = ("allocator", "attention", "checkpoint", "optimizer_form", "outputs", "set_to_none", "zero_grad")
"""Kinds of changes that leave parameters, gradients and states as they are."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Bytes that are there together when backward has ended, wherever they lie."""

    parameters: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.parameters + self.gradients + self.optimizer


def standing(analysis: Analysis) -> Standing:
    """What stands of a model on one GPU."""
    memory, values = categories(analysis), analysis.symbols.values
    return Standing(*(evaluate(memory[name], values) for name in ("parameters", "gradients", "optimizer")))


def _of_checkpoint(block: str, base: Outcome) -> int:
    """With a checkpoint around a block: what is made outside is as before, and what a block made that runs once is there again in backward.

    Not there are what instances of the block keep, of which only one is run again at a time.
    """
    analysis, peak = base.analysis, base.piece
    checkpointed = any(isinstance(i, Checkpoint) for i in analysis.graph.instructions)
    named = {*analysis.model.modules, *(name for one in analysis.model.blocks.values() for name in one.modules)}
    if analysis.run.use_reentrant or checkpointed or named & _words(analysis.model, analysis.model.blocks[block].layers):
        return 0  # what a module makes that several blocks call is not named after one of them
    called = [path for path, (name, _) in analysis.graph.blocks.items() if name == block]
    paths = {_without_iterations(path) for path in called}
    alive = [life for life in analysis.timeline.alive(peak.tick) if life.kind == "activation" and _inside(life.label, paths)]
    once = len(called) == 1 and called[0] in paths and not named & _words(analysis.model, analysis.model.layers)
    if once and peak.phase == "backward" and _inside(peak.last.label, paths):
        following = _next_op(analysis, peak)  # what an op of backward saved goes as it is read, and not when the op is done
        alive = [life for life in alive if life.death <= following]
    return base.requested - sum(evaluate(life.size, analysis.symbols.values) for life in alive)


def _next_op(analysis: Analysis, piece: Piece) -> int:
    """When the first op after a moment's allocates."""
    here = piece.last.label.partition(":")[0], piece.last.op
    births = (life.birth for life in analysis.timeline.lives if life.birth > piece.tick and (life.label.partition(":")[0], life.op) != here)
    return min(births, default=FOREVER)


def _words(model: Model, statements: Iterable[Statement]) -> set[str]:
    """The ops, blocks and modules that statements call, and those that the called blocks do."""
    found: set[str] = set()
    pending = list(statements)
    while pending:
        statement = pending.pop()
        pending += statement.body
        if statement.word in model.blocks and statement.word not in found:
            pending += model.blocks[statement.word].layers
        found.add(statement.word)
    return found


def _without_iterations(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdigit())


def _inside(label: str, paths: Iterable[str]) -> bool:
    """Whether what a label names was made in one of the blocks."""
    place = _without_iterations(label.partition(":")[0])
    return any(place == path or place.startswith(f"{path}.") for path in paths)


def _before_the_step(analysis: Analysis, values: Mapping[str, int]) -> int:
    """The most that is requested in forward and backward."""
    return max((evaluate(piece.form, values) for piece in analysis.pieces if piece.phase != "step"), default=0)


class Bounds:
    """What is requested at least with settings changed, and where the batch or the model is divided; 0 where nothing is known."""

    def __init__(self, base: Outcome) -> None:
        self.base, self.analysis = base, base.analysis
        self.known = base.analysis.run.mode == "train" and not base.analysis.stages
        self.standing = standing(base.analysis) if base.analysis.run.mode == "train" else Standing(0, 0, 0)
        self.before = _before_the_step(base.analysis, base.analysis.symbols.values)
        self.checkpoints: dict[str, int] = {}
        self.values: dict[tuple[str, int], Mapping[str, int] | None] = {}

    def changed(self, parts: Sequence[Change]) -> int:
        """With settings changed; those of the allocator change nothing that is requested."""
        requesting = [part for part in parts if part.kind != "allocator"]
        if not self.known or any(part.kind not in (*LEAVING, "optimizer") for part in requesting):
            return 0
        states = 0 if any(part.kind == "optimizer" for part in requesting) else self.standing.optimizer
        stands = self.standing.total - self.standing.optimizer + states
        if len(requesting) != 1:
            return stands if requesting else self.base.requested
        (part,) = requesting
        if part.kind.startswith("optimizer"):  # it computes the step otherwise, and keeps the same states or smaller ones
            return max(stands, self.before - self.standing.optimizer + states)
        return max(stands, self._checkpointed(part.run["checkpoint"].split(",")[-1]) if part.kind == "checkpoint" else 0)

    def _checkpointed(self, block: str) -> int:
        if block not in self.checkpoints:
            self.checkpoints[block] = _of_checkpoint(block, self.base)
        return self.checkpoints[block]

    def accumulated(self, batch: str, each: int) -> int:
        """With micro-batches: the first one's step is a step of so many samples."""
        return max(self.standing.total, self.at(batch, each, step=True))

    def spread(self, batch: str, each: int, ranks: int, way: str) -> int:
        """On several GPUs: each does a step of so many samples, and has its part of what the way divides."""
        stands = self.standing
        if way == "ddp":
            return self.accumulated(batch, each)
        divided = stands.optimizer if way == "zero1" else stands.total
        return max(stands.total - divided + divided // ranks, self.at(batch, each, step=False) - divided)

    def divided(self, ranks: int) -> int:
        """With the model divided: a GPU has its part, and some stage has at least its part."""
        return self.standing.total // ranks

    def at(self, batch: str, each: int, *, step: bool) -> int:
        """What a step of so many samples requests, the optimizer's own moments left out at will; 0 where it is another program."""
        values = self._values(batch, each)
        if values is None or self.analysis.stages:
            return 0
        return peak_of(self.analysis.pieces, values) if step else _before_the_step(self.analysis, values)

    def _values(self, batch: str, each: int) -> Mapping[str, int] | None:
        if (batch, each) not in self.values:
            try:
                found = bind_symbols(self.analysis.model, {**self.base.symbols, batch: str(each)}).values
            except InvalidConfig:
                return None
            self.values[batch, each] = found if same(self.analysis, found) else None
        return self.values[batch, each]
