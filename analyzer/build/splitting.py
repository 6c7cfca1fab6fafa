"""Where the stages of a pipeline begin: as the settings say, or a loop divided evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from analyzer.build.ranks import RANKS, given_at
from analyzer.build.symbols import Symbols
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.run.groups import patterns
from analyzer.run.schedules import MICROBATCHES
from analyzer.run.settings import Run

if TYPE_CHECKING:
    from analyzer.build.model import Model
    from analyzer.graph import Tensor

MAX_STAGES = 1024


def refuse_stages(model: Model, run: Run, symbols: Symbols) -> None:
    """Raises InvalidConfig where the schedule would refuse its micro-batches, or there is no such stage."""
    ranks, microbatches = symbols.values[RANKS], symbols.values[MICROBATCHES]
    if run.schedule == "1f1b" and microbatches < ranks:
        message = f"Schedule1F1B needs as many micro-batches as stages: {microbatches} micro-batches, {ranks} stages"
        hint = f"run.n_microbatches={ranks} or more; run.schedule=gpipe"
        raise InvalidConfig(Problem(given_at(model, MICROBATCHES, run.n_microbatches), message, hint))
    if ranks > MAX_STAGES:
        raise InvalidConfig(Problem(given_at(model, RANKS, run.ranks), f"a pipeline has at most {MAX_STAGES:,} stages, not {ranks:,}"))
    if run.stage.isdigit() and int(run.stage) >= ranks:
        message = f"there is no stage {run.stage} of {ranks}"
        raise InvalidConfig(Problem(given_at(model, "stage", run.stage), message, "stages count from 0"))


def refuse_scalars(model: Model, run: Run, outputs: Mapping[str, Tensor]) -> None:
    """Raises InvalidConfig where what the model returns cannot be put together: torch.cat takes nothing without dimensions."""
    scalars = [name for name, tensor in outputs.items() if not tensor.shape] if run.outputs == "kept" else []
    if scalars:
        message = f"output '{scalars[0]}' is a single number: a schedule that returns outputs cannot join it over micro-batches"
        raise InvalidConfig(Problem(given_at(model, "outputs", run.outputs), message, "run.outputs=dropped (return_outputs=False)"))


def beginnings(model: Model, run: Run, ranks: int, repeats: Mapping[str, int]) -> tuple[str, ...]:
    """The paths at which all stages but the first begin; `repeats` are the outermost loops by path. Raises InvalidConfig."""
    told = patterns(run.split_spec)
    if len(told) == 1 and told[0] in repeats:
        return _even(model, run, ranks, told[0], repeats[told[0]])
    if not told:
        if not repeats:
            message = "the model has no loop to divide into stages"
            hint = "run.split_spec: the paths at which stages begin, such as [encoder, decoder.head]"
            raise InvalidConfig(Problem(given_at(model, RANKS, run.ranks), message, hint))
        longest = max(repeats, key=lambda path: repeats[path])
        return _even(model, run, ranks, longest, repeats[longest])
    if len(told) != ranks - 1:
        message = f"run.split_spec says where {len(told) + 1} stages begin, the first one counted; there are {ranks}"
        hint = f"name {ranks - 1} paths" + (f", or one loop: {', '.join(repeats)}" if repeats else "")
        raise InvalidConfig(Problem(given_at(model, "split_spec", run.split_spec), message, hint))
    return tuple(told)


def _even(model: Model, run: Run, ranks: int, loop: str, count: int) -> tuple[str, ...]:
    """Stages with as many iterations of a loop each; the first ones have one more where they do not come out even."""
    if count < ranks:
        message = f"the loop '{loop}' has {count} iterations, too few for {ranks} stages"
        raise InvalidConfig(Problem(given_at(model, RANKS, run.ranks), message, f"run.ranks={count} or fewer, or run.split_spec"))
    each, more = divmod(count, ranks)
    return tuple(f"{loop}.{stage * each + min(stage, more)}" for stage in range(1, ranks))


def unknown(model: Model, run: Run, missing: str, known: Mapping[str, object], repeats: Mapping[str, int]) -> Problem:
    """The problem with a path at which nothing begins."""
    loop, _, number = missing.rpartition(".")
    if loop in repeats and number.isdigit():
        hint = f"'{loop}' has iterations 0 to {repeats[loop] - 1}"
    else:
        hint = nearest(missing, [*known, *(f"{path}.1" for path in repeats)]) or "a layer, block or iteration by path, as --full shows them"
    return Problem(given_at(model, "split_spec", run.split_spec), f"no stage can begin at '{missing}': nothing of this path runs", hint)


def alike(begins: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The stages in runs of those that do the same, as first and last: as many iterations of one loop, and nothing else."""
    told = [begin.rpartition(".") for begin in begins]
    lengths = [(a, int(j) - int(i)) if a == b and i.isdigit() and j.isdigit() else None for (a, _, i), (b, _, j) in pairwise(told)]
    kinds = [None, *lengths, None]
    runs: list[tuple[int, int]] = []
    for stage, kind in enumerate(kinds):
        if runs and kind is not None and kind == kinds[stage - 1]:
            runs[-1] = runs[-1][0], stage
        else:
            runs.append((stage, stage))
    return tuple(runs)
