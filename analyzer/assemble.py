"""Analysis -> Report: numbers enter here. The only place where polynomials are bound to the symbols' values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace

from analyzer import memory
from analyzer.analysis import Analysis, analyze, of_another_gpu, peak_of
from analyzer.assemble_host import assemble_host
from analyzer.build.splitting import alike
from analyzer.conditions import essential
from analyzer.evaluate import evaluate
from analyzer.feasibility import Verdict, verdicts
from analyzer.figures import Binder, figures, grouped
from analyzer.formula import text
from analyzer.gpus import Gpu, context_of
from analyzer.graph import Call, Stage
from analyzer.ops import OPS
from analyzer.peaks import largest
from analyzer.polynomial import symbols_of, total
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs
from analyzer.regime import regime
from analyzer.replay import Replay
from analyzer.report import Holding, Peak, Report, Symbol
from analyzer.run.settings import Run
from analyzer.solve import Solver
from analyzer.tables import tables
from analyzer.timeline import Life

SHOWN_ALIVE = 10
GIB = 1 << 30
CUDNN = "cuDNN's workspaces for convolutions are not included; on a GPU they add 2 to 8 % to the peak of convolutional nets"
CUDNN_RNN = "what cuDNN keeps of recurrent layers and its workspace are estimates; the state of its dropout is not included"
NOTES = {"convolution": CUDNN, "convolution_transposed": CUDNN, "recurrent": CUDNN_RNN}  # by family of ops
NCCL = "what NCCL allocates for itself on each GPU is not included"
OF_RANK = {
    "data_parallel": "all figures are of the first GPU, which needs most",
    "ddp": "all figures are of one rank; the ranks are alike",
    "zero1": "all figures are of one rank, the one whose parameters in ZeroRedundancyOptimizer have most elements",
    "tensor": "all figures are of one rank; the ranks are alike",
    "fsdp": "all figures are of rank 0, whose shards are rounded up",
}  # fmt: skip
TRANSIENT = ("temporary", "workspace", "gradient of activation", "gathered")


def assemble(analysis: Analysis, overrides: Mapping[str, str], gpus: Sequence[Gpu]) -> Report:
    """The report of one analysis. Raises InvalidConfig when a table's binding is refused."""
    bind = Binder(analysis.symbols.values)
    graph, model = analysis.graph, analysis.model
    batch = batch_symbol(analysis)
    found = tables(analysis, overrides)
    free, rows = verdicts(analysis, overrides, batch, gpus)
    tabled = figures(analysis, bind, gpus)
    return Report(
        **{f.name: getattr(tabled, f.name) for f in fields(tabled)},
        model=model.name, doc=model.doc, path=model.path, symbols=_symbols(analysis), run=asdict(analysis.run),
        device=analysis.device.name, peak=_peak(analysis, bind),
        inference=_inference(analysis, overrides),
        largest_tensor=_holding(memory.largest(analysis, lambda p: bind(p).value), bind),
        valid_while=_conditions(analysis),
        briefly=essential(analysis.assumptions),
        batch=batch,
        replay=free if isinstance(free, Replay) else None,
        context=context_of(analysis.device),
        feasibility=tuple(_solved(row, gpu, analysis, overrides, batch) for row, gpu in zip(rows, gpus)),
        tables=found,
        warnings=(*graph.warnings, *(warning for table in found for warning in table.warnings)),
        notes=_notes(analysis),
        host=assemble_host(model, analysis.symbols),
    )  # fmt: skip


def _solved(verdict: Verdict, gpu: Gpu, analysis: Analysis, overrides: Mapping[str, str], batch: str) -> Verdict:
    """A verdict with the largest batch that the config takes and that runs, where it was not told since some batches are refused."""
    if verdict.largest or not batch:
        return verdict
    there, room = replace(analysis, device=replace(analysis.device, capability=gpu.capability)), gpu.capacity - gpu.context
    solver = Solver(Programs(there, overrides), batch)
    return replace(verdict, largest={batch: solver.largest(lambda case: case.runs(room), room, solver.start)})


def _symbols(analysis: Analysis) -> tuple[Symbol, ...]:
    s = analysis.symbols
    return tuple(Symbol(n, v, s.definitions.get(n, ""), s.docs.get(n, "")) for n, v in s.values.items())


def alive_at(analysis: Analysis, tick: int) -> tuple[Holding, ...]:
    """What is alive just after a tick, one entry per label, the largest first."""
    return grouped(analysis.timeline.alive(tick), Binder(analysis.symbols.values))


def _holding(life: Life, bind: Binder) -> Holding:
    return Holding(life.label, life.kind, bind(life.size))


def _peak(analysis: Analysis, bind: Binder) -> Peak:
    values = analysis.symbols.values
    piece = largest(analysis.pieces, values)
    alive = analysis.timeline.alive(piece.tick)
    origin = piece.last.origin
    transient = bind(total(life.size for life in alive if life.kind in TRANSIENT))
    where = f"{piece.last.label} ({piece.last.op})"
    return Peak(
        bind(piece.form), piece.phase, where, origin.path, origin.line, regime(piece, analysis.pieces, values),
        grouped(alive, bind)[:SHOWN_ALIVE], transient,
    )  # fmt: skip


def _inference(analysis: Analysis, overrides: Mapping[str, str]) -> Peak | None:
    """The peak of an inference beside that of training; None when the report is of an inference, or an inference cannot be divided."""
    if analysis.run.mode == "infer":
        return None
    run = Run(mode="infer", precision=analysis.run.precision, mha_fastpath=analysis.run.mha_fastpath)
    if analysis.run.parallel == "tensor":
        run = replace(run, parallel="tensor", ranks=analysis.run.ranks, sequence_parallel=analysis.run.sequence_parallel)
    try:
        other = analyze(analysis.model, overrides, run, analysis.device)
    except InvalidConfig:
        if run.parallel == "none":
            raise
        return None
    return _peak(other, Binder(other.symbols.values))


def _conditions(analysis: Analysis) -> tuple[str, ...]:
    """What was decided at the bound values and the formulas rely on."""
    return tuple(f"{text(a.left)} {a.relation} {text(a.right)}" for a in analysis.assumptions)


def _notes(analysis: Analysis) -> tuple[str, ...]:
    """What the figures of this model leave out."""
    families = {OPS[i.op].family for i in analysis.graph.instructions if isinstance(i, Call)}
    ranks: list[str] = []
    if analysis.graph.stage:
        ranks = [*_of_stages(analysis, analysis.graph.stage), NCCL]
    elif analysis.run.parallel in OF_RANK:
        ranks = [OF_RANK[analysis.run.parallel] + _of_others(analysis), NCCL]
    return (*ranks, *_on_host(analysis), *dict.fromkeys(note for family, note in NOTES.items() if family in families))


def _on_host(analysis: Analysis) -> tuple[str, ...]:
    """What CPUOffloadPolicy keeps in host memory."""
    if not analysis.run.offloaded:
        return ()
    values = {name: str(value) for name, value in analysis.symbols.values.items()}
    kept = memory.categories(analyze(analysis.model, values, replace(analysis.run, offload_policy="none"), analysis.device))
    bytes_ = sum(evaluate(kept[name], analysis.symbols.values) for name in ("parameters", "gradients", "optimizer") if name in kept)
    return (f"each rank keeps its part of parameters, gradients and optimizer states in host memory: {bytes_ / GIB:.2f} GiB",)


def _of_stages(analysis: Analysis, stage: Stage) -> Iterator[str]:
    """Of which stage of a pipeline the figures are, where it begins and ends, and what the others have at their peaks."""
    values, begins = analysis.symbols.values, stage.begins
    most = ", which needs most" if analysis.stages else ""
    parts = [f"from {begins[stage.index - 1]} on" if stage.index else "", f"up to {begins[stage.index]}" if not stage.is_last else ""]
    yield f"all figures are of stage {stage.index} of {len(begins) + 1}{most}: {', '.join(filter(None, parts))}"
    runs, up_to = dict(alike(begins)), "" if analysis.run.schedule == "gpipe" else "up to "
    told = [(one.graph.stage.index, f"{peak_of(one.pieces, values) / GIB:.2f} GiB") for one in analysis.stages if one.graph.stage]
    each = [f"stage {i} {peak}" if runs[i] == i else f"stages {i} to {runs[i]} {up_to}{peak}" for i, peak in told]
    if each:
        yield f"peaks of the stages: {'; '.join(each)}"


def _of_others(analysis: Analysis) -> str:
    """What another GPU than the first needs, under DataParallel."""
    if analysis.run.parallel != "data_parallel":
        return ""
    bytes_ = evaluate(largest(of_another_gpu(analysis).pieces, analysis.symbols.values).form, analysis.symbols.values)
    return f"; every other GPU has {bytes_ / GIB:.2f} GiB at its peak"


def batch_symbol(analysis: Analysis) -> str:
    """The symbol that counts samples: the first dimension of the first input that has a symbol there."""
    for tensor in analysis.graph.inputs.values():
        names = symbols_of(tensor.shape[0]) if tensor.shape else frozenset()
        if len(names) == 1:
            return next(iter(names))
    return next(iter(analysis.symbols.values), "")
