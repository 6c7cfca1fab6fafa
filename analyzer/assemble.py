"""Analysis -> Report: numbers enter here. The only place where polynomials are bound to the symbols' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from analyzer import memory
from analyzer.analysis import Analysis, analyze, of_another_gpu
from analyzer.assemble_host import assemble_host
from analyzer.conditions import essential
from analyzer.evaluate import evaluate
from analyzer.feasibility import verdicts
from analyzer.figures import Binder, figures, grouped
from analyzer.formula import text
from analyzer.gpus import Gpu, context_of
from analyzer.graph import Call
from analyzer.ops import OPS
from analyzer.peaks import largest
from analyzer.polynomial import symbols_of, total
from analyzer.regime import regime
from analyzer.replay import Replay
from analyzer.report import Holding, Peak, Report, Symbol
from analyzer.run.settings import Run
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
    "fsdp": "all figures are of rank 0, whose shards are rounded up; up to half as much again is reserved: gathers have their own streams",
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
        feasibility=tuple(rows),
        tables=found,
        warnings=(*graph.warnings, *(warning for table in found for warning in table.warnings)),
        notes=_notes(analysis),
        host=assemble_host(model, analysis.symbols),
    )  # fmt: skip


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
    """The peak of an inference beside that of training; None when the report is of an inference."""
    if analysis.run.mode == "infer":
        return None
    run = Run(mode="infer", precision=analysis.run.precision, mha_fastpath=analysis.run.mha_fastpath)
    other = analyze(analysis.model, overrides, run, analysis.device)
    return _peak(other, Binder(other.symbols.values))


def _conditions(analysis: Analysis) -> tuple[str, ...]:
    """What was decided at the bound values and the formulas rely on."""
    return tuple(f"{text(a.left)} {a.relation} {text(a.right)}" for a in analysis.assumptions)


def _notes(analysis: Analysis) -> tuple[str, ...]:
    """What the figures of this model leave out."""
    families = {OPS[i.op].family for i in analysis.graph.instructions if isinstance(i, Call)}
    ranks = (OF_RANK[analysis.run.parallel] + _of_others(analysis), NCCL) if analysis.run.parallel in OF_RANK else ()
    return (*ranks, *dict.fromkeys(note for family, note in NOTES.items() if family in families))


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
