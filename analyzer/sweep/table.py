"""A sweep as rows: what each block comes to as columns, here or on a Dask cluster, in the order of the grid."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.sweep.evaluate import PHASES, Evaluator, Job, devices, judged
from analyzer.sweep.functions import Array
from analyzer.sweep.grid import Grid
from analyzer.verdict import CLOSE, FITS, UNFIT

ANSWERS = {0: FITS, 1: UNFIT, 3: CLOSE}
Evaluators = list[tuple[Evaluator, tuple[Any, ...]]]
TIMEOUT = 20  # seconds for a scheduler to answer
_kept: dict[str, Evaluators] = {}  # a worker's programs, by sweep


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a sweep: whole numbers, -1 for none, and words that are looked up by them."""

    numbers: dict[str, Array]
    words: dict[str, tuple[Array, tuple[str, ...]]]
    programs: int  # traced so far by who made this part

    @property
    def rows(self) -> int:
        """How many points these are."""
        return next(iter(self.numbers.values())).size


def evaluators(job: Job, grid: Grid) -> Evaluators:
    """One evaluator for each kind of device among the cards. Raises InvalidConfig for unknown symbols."""
    return [(Evaluator(job, grid, device), cards) for device, cards in devices(job.gpus).items()]


def part(job: Job, block: Grid, ready: Evaluators) -> Part:
    """The rows of a block. Raises InvalidConfig."""
    shape = block.shape
    numbers = {
        name: np.broadcast_to(np.array(values).reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape).ravel()
        for axis, (name, values) in enumerate(block.axes.items())
    }
    words: dict[str, tuple[Array, tuple[str, ...]]] = {}
    said: dict[str, tuple[Array, Array]] = {}
    for number, (evaluator, cards) in enumerate(ready):
        found = evaluator.figures(block)
        peak, convolutions = found.column("peak").ravel(), found.column("convolutions").ravel()
        if number == 0:
            numbers["peak_bytes"] = peak
            names = [n for n in found.columns if n not in ("peak", "phase", "convolutions", "refused")]
            numbers |= {f"{name}_bytes": found.columns[name].ravel() for name in names}
            words["peak_phase"] = found.column("phase").ravel(), PHASES
            words["refused"] = np.where(found.column("refused").ravel() > 0, found.column("refused").ravel(), -1), tuple(found.reasons)
        said |= {gpu.name: judged(gpu, job.run, peak, convolutions) for gpu in cards}
    for gpu in job.gpus:
        numbers[f"{gpu.name} needed_bytes"] = said[gpu.name][0]
        words[gpu.name] = said[gpu.name][1], tuple(ANSWERS.get(code, "") for code in range(4))
    return Part(numbers, words, sum(evaluator.regimes.traces for evaluator, _ in ready))


def here(job: Job, grid: Grid) -> Iterator[Part]:
    """All rows, on this core. Raises InvalidConfig."""
    ready = evaluators(job, grid)
    return (part(job, block, ready) for block in grid.blocks())


def spread(job: Job, grid: Grid, client: Any) -> Iterator[Part]:
    """All rows, by the workers of a Dask cluster, a few blocks ahead of who reads them. Raises InvalidConfig."""
    evaluators(job, grid)  # what is wrong with the command is said before anything is sent
    sent = client.scatter((job, grid), broadcast=True)
    ahead = 3 * max(1, sum(client.nthreads().values()))
    token, waiting = f"{id(job)}-{client.id}", deque[Any]()
    for block in grid.blocks():
        waiting.append(client.submit(_remote, sent, block, token, pure=False))
        if len(waiting) >= ahead:
            yield _received(waiting.popleft())
    while waiting:
        yield _received(waiting.popleft())


def _remote(sent: tuple[Job, Grid], block: Grid, token: str) -> Part | tuple[Problem, ...]:
    """A block's rows on a worker, or what is wrong."""
    job, grid = sent
    try:
        if token not in _kept:
            _kept.clear()
            _kept[token] = evaluators(job, grid)
        return part(job, block, _kept[token])
    except InvalidConfig as error:
        return error.problems


def _received(future: Any) -> Part:
    result = future.result()
    if not isinstance(result, Part):
        raise InvalidConfig(*result)
    return result


@contextmanager
def cluster(address: str | None, workers: int) -> Iterator[Any]:
    """A client of a Dask scheduler, or of a cluster of this machine with so many workers. Raises InvalidConfig."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise missing("Dask", "cluster") from None
    connect: Any = Client
    if address is None:
        made: Any = LocalCluster
        options = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
        with made(**options) as local, connect(local) as client:
            yield client
        return
    try:
        client = connect(address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = f"expected the address of a running Dask scheduler, such as tcp://host:8786 ({told})"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"no Dask scheduler answers at '{address}'", hint)) from None
    with client:
        if not client.nthreads():
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"the Dask scheduler at '{address}' has no workers", "dask worker ADDRESS"))
        yield client


def missing(what: str, extra: str) -> InvalidConfig:
    """A package of an extra that is not there."""
    return InvalidConfig(Problem(Origin(COMMAND_LINE), f"{what} is not installed", f"pip install '.[{extra}]', in peakform's checkout"))
