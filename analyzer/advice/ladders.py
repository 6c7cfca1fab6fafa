"""Changes that come in sizes: so many micro-batches, so many GPUs. Those of one kind are rungs, of which each is more of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from analyzer.advice import sharing
from analyzer.advice.answers import Outcome
from analyzer.advice.bounds import Bounds
from analyzer.advice.changes import Change, accumulated, blocks_called
from analyzer.advice.cuts import balanced
from analyzer.advice.sharing import LOSS, SEQUENCE, WAYS, divisible
from analyzer.analysis import Analysis
from analyzer.assemble import batch_symbol
from analyzer.build.model import Model
from analyzer.build.ranks import RANKS
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.parameters import trainable
from analyzer.polynomial import total
from analyzer.run.parallel import REPLICATED
from analyzer.run.schedules import MICROBATCHES

TIMES = (2, 4, 8, 16, 32, 64)  # as many GPUs
DIVISORS = 40  # so many numbers of micro-batches are looked at
Rung = tuple[Change, int]  # and the bytes that are requested with it at least


@dataclass(frozen=True, slots=True)
class Ladder:
    """Changes of one kind; what is called the same counts only with fewer GPUs than the ladders before it."""

    rungs: tuple[Rung, ...]
    falls: bool = True  # whether each rung needs less than those before
    name: str = ""

    @property
    def level(self) -> int:
        """How intrusive its least rung is."""
        return min(change.level for change, _ in self.rungs)


def ladders(model: Model, base: Outcome) -> list[Ladder]:
    """What of a model may be divided, as it is set, the least intrusive first; `model` is as the config has it."""
    if RANKS in model.symbols:  # a size of its own, which `run.ranks` would not set
        return []
    found = _Ladders(model, base).found()
    return sorted((ladder for ladder in found if ladder.rungs), key=lambda ladder: ladder.level)


class _Ladders:
    def __init__(self, model: Model, base: Outcome) -> None:
        self.model, self.analysis, self.run = model, base.analysis, base.analysis.run
        self.bounds, values = Bounds(base), base.analysis.symbols.values
        self.batch = batch_symbol(base.analysis)
        self.known = self.batch in model.symbols
        self.value, self.ranks = values.get(self.batch, 1), values.get(RANKS, 1)
        self.parts = values.get(MICROBATCHES, 1)

    def found(self) -> Iterator[Ladder]:
        """The ladders, an empty one where nothing is to be divided."""
        way = self.run.parallel
        if way in ("none", "tensor") and divisible(self.analysis.model):
            yield from self._divided()
        if self.run.mode != "train":
            return
        if way in (*REPLICATED, "fsdp"):
            yield from self._instead()
        if not self.known:
            return
        if way in (*REPLICATED, "fsdp", "data_parallel"):
            yield Ladder(tuple(self._spread_further()))
        if way not in ("pipeline", "data_parallel"):
            yield Ladder(tuple(self._accumulated()))
        if way == "none":
            yield from self._spread()
        if way in ("none", "pipeline"):
            yield Ladder(tuple(self._more_microbatches()))
            yield Ladder(tuple(self._staged()), falls=False)

    def _divided(self) -> Iterator[Ladder]:
        """Tensor parallel, and with it what else is divisible, if that takes fewer GPUs."""
        alone = self.run.parallel == "none"  # else these are settings like others
        more = [name for name in (LOSS, SEQUENCE) if alone and name in divisible(self.analysis.model)]
        for added in ([], *([name] for name in more), *([more] if len(more) > 1 else [])):
            rungs = ((sharing.divided(self.ranks * k, added), self.bounds.divided(k)) for k in TIMES if self.ranks * k <= sharing.NODE)
            yield Ladder(tuple(rungs), name="tensor")

    def _accumulated(self) -> Iterator[Rung]:
        """Micro-batches whose gradients accumulate."""
        for k in self._divisors():
            each = self.value // k
            yield accumulated(self.batch, self.value, k, self.run.accumulation), self.bounds.accumulated(self.batch, each)

    def _divisors(self) -> Iterator[int]:
        """Into how many equal parts the batch may be divided."""
        return islice((k for k in range(2, min(self.value, sharing.MOST) + 1) if self.value % k == 0), DIVISORS)

    def _spread(self) -> Iterator[Ladder]:
        """The batch over GPUs, or as much on each as the one had where it cannot be divided."""
        for way in WAYS:
            settings = self._settings(way)
            spread = [(k, self.value // k) for k in TIMES if self.value % k == 0]
            yield Ladder(tuple(
                (sharing.spread(self.batch, each, k, way, settings), self.bounds.spread(self.batch, each, k, way)) for k, each in spread
            ))  # fmt: skip
            if self.value % TIMES[0] and way != "ddp":  # nothing to spread
                each = self.value
                yield Ladder(tuple(
                    (sharing.multiplied(self.batch, each, k, way, settings), self.bounds.spread(self.batch, each, k, way)) for k in TIMES
                ))  # fmt: skip

    def _settings(self, way: str) -> Mapping[str, str]:
        """What goes with a way of sharing: blocks that are sharded apart, and whether parameters go without a gradient."""
        shard = ",".join(blocks_called(self.model)[:1])
        if way in REPLICATED:
            return {"find_unused_parameters": "true"} if _has_unused(self.analysis) else {}
        return {"shard": shard} if shard else {}

    def _instead(self) -> Iterator[Ladder]:
        """What ZeRO shares more than what is shared."""
        here = self.run.parallel if self.run.parallel in WAYS else "zero3" if self.run.reshard_after_forward else "zero2"
        for way in WAYS[WAYS.index(here) + 1 :]:
            settings = {} if self.run.shard or way in REPLICATED else self._settings(way)
            yield Ladder(((sharing.instead(way, settings), 0),))

    def _spread_further(self) -> Iterator[Rung]:
        """The batch over more GPUs; where one process has several, over processes of their own."""
        if self.run.parallel == "data_parallel":
            if self.value % self.ranks == 0:
                yield sharing.spread(self.batch, self.value // self.ranks, self.ranks, "ddp", self._settings("ddp")), 0
            return
        for k in (k for k in TIMES if self.value % k == 0):
            yield sharing.spread_further(self.batch, self.value // k, self.ranks * k), 0

    def _more_microbatches(self) -> Iterator[Rung]:
        """More and smaller ones in a pipeline."""
        if self.run.parallel == "pipeline":
            for k in self._divisors():
                yield sharing.parted(self.batch, self.value // k, self.parts * k), 0

    def _staged(self) -> Iterator[Rung]:
        """Stages of a pipeline: for each number of GPUs by loop and by weight, with few micro-batches and with many."""
        samples = self.value * self.parts * self.run.accumulation
        for ranks in (self.ranks * k for k in TIMES):
            least = self.bounds.divided(ranks)
            for parts in sharing.microbatches(samples, ranks):
                for settings in self._cuts(ranks, parts):
                    yield sharing.staged(self.batch, samples // parts, ranks, parts, settings), least
            if samples < ranks:
                for settings in self._cuts(ranks, sharing.MANY * ranks):
                    yield sharing.staged_larger(self.batch, self.value, ranks, settings), least

    def _cuts(self, ranks: int, parts: int) -> Iterator[Mapping[str, str]]:
        """Settings of a pipeline with so many stages."""
        loops = self.analysis.graph.repeats.values()
        scalars = any(not tensor.shape for tensor in self.analysis.graph.outputs.values())
        settings = {"outputs": "dropped"} if scalars and self.run.outputs == "kept" else {}
        settings |= {"accumulation": "1"} if self.run.accumulation > 1 else {}
        if any(evaluate(size, self.analysis.symbols.values) >= ranks for size in loops):
            yield {**settings, "split_spec": ""} if self.run.split_spec else settings
        found = balanced(self.analysis, ranks, parts) if self.run.parallel == "none" else ""
        if found:
            yield {**settings, "split_spec": found}


def _has_unused(analysis: Analysis) -> bool:
    """Whether parameters that are not frozen get no gradient."""
    told = total(tensor.bytes * tensor.storage.copies for tensor in trainable(analysis.graph))
    values = analysis.symbols.values
    return evaluate(told, values) > evaluate(categories(analysis)["gradients"], values)
