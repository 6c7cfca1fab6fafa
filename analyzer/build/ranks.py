"""What several GPUs change in the program that is traced: the symbol `ranks`, and what a wrapper does with the model's outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.build.symbols import Symbol, Symbols
from analyzer.document import Scalar
from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.layout import elementwise_strides
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem
from analyzer.run.parallel import REPLICATED, SEVERAL
from analyzer.run.schedules import MICROBATCHES
from analyzer.run.settings import Run
from analyzer.tracing import Tracer

if TYPE_CHECKING:
    from analyzer.build.model import Model

RANKS = "ranks"
MEANING = {RANKS: "GPUs that share the work", MICROBATCHES: "micro-batches of a step"}
WRAPPER = "DistributedDataParallel"


def with_ranks(model: Model, run: Run) -> Model:
    """The model with a symbol for how many GPUs share the work, and one for the micro-batches of a pipeline; alone as it is."""
    if run.parallel == "none":
        return model
    told = {RANKS: run.ranks} | ({MICROBATCHES: run.n_microbatches} if run.parallel == "pipeline" else {})
    added = {}
    for name, size in ((name, size) for name, size in told.items() if name not in model.symbols):
        definition = int(size) if size.isdigit() else size
        added[name] = Symbol(name, definition, Scalar(definition, given_at(model, name, size)), MEANING[name])
    return replace(model, symbols={**model.symbols, **added})


def given_at(model: Model, setting: str, value: str) -> Origin:
    """Where a run setting of this value was given."""
    told = model.run.get(setting)
    return told.origin if told is not None and str(told.value) == value else Origin(COMMAND_LINE)


def refuse_alone(model: Model, run: Run, symbols: Symbols) -> None:
    """Raises InvalidConfig where one GPU is to do what only several do: with one, PyTorch runs another program."""
    if run.parallel in SEVERAL and symbols.values[RANKS] < 2:
        message = f"run.parallel={run.parallel} is for several GPUs, and ranks is {symbols.values[RANKS]}"
        raise InvalidConfig(Problem(model.symbols[RANKS].source.origin, message, "run.ranks=2 or more; run.parallel=none for one GPU"))
    if run.replicate > 1 and (symbols.values[RANKS] % run.replicate or symbols.values[RANKS] == run.replicate):
        message = f"run.replicate={run.replicate} is for several times as many GPUs, and ranks is {symbols.values[RANKS]}"
        hint = f"run.ranks={2 * run.replicate}; run.parallel=ddp for whole copies"
        raise InvalidConfig(Problem(model.symbols[RANKS].source.origin, message, hint))


def wrapped(run: Run, tracer: Tracer, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The outputs as they come out of the wrapper: DistributedDataParallel clones them when it looks for unused parameters.

    Source: torch/nn/parallel/distributed.py (_post_forward, _DDPSink), torch 2.13.
    """
    if run.parallel not in REPLICATED or not run.find_unused_parameters or run.static_graph:
        return outputs
    tracer.label = WRAPPER
    rule = Rule(
        tuple(Spec(t.shape, t.dtype, elementwise_strides(t.shape, [(t.shape, t.strides)]), t.requires_grad) for t in outputs.values()),
        {f"x{i}": f"g{i}" for i in range(len(outputs))},
    )
    clones = tracer.step("clone", rule, {f"x{i}": tensor for i, tensor in enumerate(outputs.values())})
    handed = {name: clone if clone.requires_grad else tensor for (name, tensor), clone in zip(outputs.items(), clones)}
    for tensor, clone in zip(outputs.values(), clones):
        tracer.release(tensor if clone.requires_grad else clone)
    return handed
