"""A model at given symbols and run settings: traced, simulated, and its moments of largest memory found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from analyzer.assumptions import Assumption
from analyzer.build.model import Model
from analyzer.build.ranks import refuse_alone, with_ranks
from analyzer.build.splitting import alike
from analyzer.build.symbols import Symbols
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import NotWhole, evaluate, holds
from analyzer.graph import Graph, Step, nested
from analyzer.iterations import Iterations, NotSteady, iterations
from analyzer.peaks import Piece, largest, pieces
from analyzer.polynomial import Poly
from analyzer.problems import InvalidConfig, Problem
from analyzer.run.heap import Launch
from analyzer.run.parallel import UNROLLED
from analyzer.run.settings import Run
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from analyzer.timeline import Timeline, timeline

SIMULATED = (4, 6)  # so many iterations of a long loop, tried in turn


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything known about one model in one setting, still symbolic; `symbols` are the values it was decided at."""

    model: Model
    symbols: Symbols
    run: Run
    device: Device
    graph: Graph
    program: Iterations
    timeline: Timeline
    pieces: tuple[Piece, ...]
    assumptions: tuple[Assumption, ...]
    launches: tuple[Launch, ...] = ()  # the kernels that ran
    gpu: int = 0  # whose memory it is, of several in one process (DataParallel)
    stages: tuple[Analysis, ...] = ()  # of a pipeline whose stage with most is meant: each stage that is unlike the one before

    def at(self, overrides: Mapping[str, str]) -> Analysis:
        """The same model in the same setting with other symbols: the same formulas while what they rely on holds. Raises InvalidConfig."""
        symbols = bind_symbols(self.model, overrides)
        if self._decides(symbols):
            return _of_most(self.stages, self.run, symbols) if self.stages else replace(self, symbols=symbols)
        return analyze(self.model, overrides, self.run, self.device)

    def _decides(self, symbols: Symbols) -> bool:
        """Whether everything that was decided holds at other values; not where a size comes out as a fraction there."""
        try:
            decided = all(holds(assumption, symbols.values) for assumption in self.assumptions)
            return decided and all(evaluate(size, symbols.values) > 0 for stage in self.stages or (self,) for size in divided(stage))
        except (NotWhole, ZeroDivisionError):
            return False

    @property
    def settings(self) -> Run:
        """The run settings, with the stage of a pipeline that this is of by its number."""
        return replace(self.run, stage=str(self.graph.stage.index)) if self.graph.stage else self.run

    @property
    def everywhere(self) -> tuple[Piece, ...]:
        """The moments of all stages of a pipeline whose stage with most is meant; else those of this program."""
        return tuple(piece for stage in self.stages for piece in stage.pieces) or self.pieces

    def has_most(self, symbols: Mapping[str, int]) -> bool:
        """Whether at other values too no stage of a pipeline needs more, where the one that needs most is meant."""
        return not self.stages or peak_of(self.everywhere, symbols) == peak_of(self.pieces, symbols)


def divided(analysis: Analysis) -> Iterable[Poly]:
    """Sizes of tensors in which a symbol divides, each once: they have to come out whole."""
    return (size for size in sizes_of(analysis) if any(exponent < 0 for monomial in size.terms for _, exponent in monomial))


def sizes_of(analysis: Analysis) -> tuple[Poly, ...]:
    """The sizes of all tensors, each once."""
    return _sizes(analysis.graph)


@lru_cache(maxsize=32)
def _sizes(graph: Graph) -> tuple[Poly, ...]:
    steps = (i for i in nested(graph.instructions) if isinstance(i, Step))
    tensors = (t for step in steps for t in (*step.inputs.values(), *step.outputs, *step.aux.values()))
    return tuple(dict.fromkeys(size for tensor in tensors for size in tensor.shape))


def peak_of(pieces: Sequence[Piece], symbols: Mapping[str, int]) -> int:
    """Bytes of the moment that is largest."""
    return evaluate(largest(pieces, symbols).form, symbols)


def analyze(model: Model, overrides: Mapping[str, str], run: Run, device: Device = Device()) -> Analysis:
    """Trace and simulate; of a pipeline, the stage that `run` names, or the one that has most. Raises InvalidConfig."""
    if not model.layers:
        raise InvalidConfig(Problem(model.origin, "a model needs 'layers'", "layers: [Linear: 128, GELU]"))
    model = with_ranks(model, run)
    symbols = bind_symbols(model, overrides)
    refuse_alone(model, run, symbols)
    if run.parallel == "pipeline" and run.stage == "worst":
        return _of_most(tuple(_stages(model, symbols, run, device)), run, symbols)
    return _steady(model, symbols, run, device)


def _stages(model: Model, symbols: Symbols, run: Run, device: Device) -> Iterator[Analysis]:
    """Of stages that do the same, the first one, which has most micro-batches in flight."""
    first = _steady(model, symbols, replace(run, stage="0"), device)
    assert first.graph.stage is not None
    yield first
    for index, _ in alike(first.graph.stage.begins)[1:]:
        yield _steady(model, symbols, replace(run, stage=str(index)), device)


def _of_most(stages: tuple[Analysis, ...], run: Run, symbols: Symbols) -> Analysis:
    """The stage that has most at the values of the symbols, as long as what was decided for any of them holds."""
    most = max(stages, key=lambda stage: peak_of(stage.pieces, symbols.values))
    assumptions = {str(a): a for stage in stages for a in stage.assumptions}
    return replace(most, run=run, symbols=symbols, stages=stages, assumptions=tuple(assumptions.values()))


def _steady(model: Model, symbols: Symbols, run: Run, device: Device) -> Analysis:
    """One program. A loop whose iterations do not repeat soon enough is unrolled."""
    for simulated in SIMULATED if run.parallel not in UNROLLED else ():
        try:
            return _analyze(model, symbols, run, device, simulated=simulated, unroll=False)
        except NotSteady:
            continue
    return _analyze(model, symbols, run, device, simulated=SIMULATED[-1], unroll=True)


def of_another_gpu(analysis: Analysis) -> Analysis:
    """The same under DataParallel on a GPU that is not the first one."""
    return _analyze(analysis.model, analysis.symbols, analysis.run, analysis.device, simulated=SIMULATED[-1], unroll=True, gpu=1)


def _analyze(model: Model, symbols: Symbols, run: Run, device: Device, *, simulated: int, unroll: bool, gpu: int = 0) -> Analysis:
    graph = trace(model, symbols, run, device, simulated=simulated, unroll=unroll)
    sizes = Sizes(symbols.values, device)
    with sizes.active():
        heap = simulate(graph, run, gpu)
    program = iterations(graph, heap)
    lives = timeline(heap, program)
    assumptions = {str(a): a for a in (*graph.assumptions, *sizes.assumptions.values())}
    return Analysis(model, symbols, run, device, graph, program, lives, tuple(pieces(lives)), tuple(assumptions.values()),
                    tuple(heap.launches), gpu)  # fmt: skip
