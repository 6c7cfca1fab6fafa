"""A stage of a pipeline as a program of its own: cut out of the traced program of the whole model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from analyzer.assumptions import Assumption
from analyzer.build.ranks import RANKS, given_at
from analyzer.build.replicas import batch_symbol
from analyzer.build.sections import again, crossing, made_by, read_program, reads
from analyzer.build.source import Problems
from analyzer.build.splitting import beginnings, refuse_scalars, refuse_stages, unknown
from analyzer.build.symbols import Symbols
from analyzer.evaluate import evaluate
from analyzer.graph import (
    Begin,
    Bind,
    Drop,
    Graph,
    Instruction,
    Mark,
    Stage,
    Step,
    Tensor,
    nested,
)  # fmt: skip
from analyzer.polynomial import poly, symbol, symbols_of
from analyzer.problems import InvalidConfig, Problem
from analyzer.run.settings import Run
from analyzer.sections import Sections
from analyzer.tracing import show

if TYPE_CHECKING:
    from analyzer.build.model import Model

STANDING = ("parameter", "buffer", "input")
COPIED = "is a parameter of other stages too: each has a copy, and its gradients have to be summed over them"


class Traced(Protocol):
    """Traces the model for a run, in sections."""

    def __call__(self, run: Run, sections: Sections, *, unroll: bool) -> Graph:
        """The graph; the sections are told what was made in them."""
        ...


def staged(model: Model, symbols: Symbols, run: Run, traced: Traced, *, unroll: bool) -> Graph:
    """The graph of the stage that `run` names. Raises InvalidConfig where the model cannot be cut into stages."""
    refuse_stages(model, run, symbols)
    ranks = symbols.values[RANKS]
    whole = traced(replace(run, parallel="none"), Sections(), unroll=False)
    repeats = {path: evaluate(size, symbols.values) for path, size in whole.repeats.items()}
    sections = Sections(beginnings(model, run, ranks, repeats), int(run.stage) if run.stage.isdigit() else 0)
    graph = traced(run, sections, unroll=unroll)
    begun = {i.path for i in graph.instructions if isinstance(i, Begin)}
    for path in sections.begins:
        if path not in begun:
            raise InvalidConfig(unknown(model, run, path, whole.blocks, repeats))
    refuse_scalars(model, run, graph.outputs)
    fixed = [(symbol(RANKS), ranks), *((size, repeats[path]) for path, size in whole.repeats.items())]
    relied = (Assumption(size, "==", poly(number)) for size, number in fixed if size.constant is None)
    batch = batch_symbol(model, graph.inputs, Problems())
    stage = _cut(replace(graph, assumptions=(*graph.assumptions, *relied)), sections, batch)
    if not any(tensor.requires_grad for tensor in stage.parameters.values()):
        message = f"stage {sections.wanted} trains no parameter: PyTorch's optimizers refuse an empty list"
        raise InvalidConfig(Problem(given_at(model, RANKS, run.ranks), message, "run.split_spec: begin stages elsewhere"))
    return stage


def _cut(graph: Graph, sections: Sections, batch: str) -> Graph:
    """The graph of the stage that is wanted; `batch` counts samples."""
    index, begins, home = sections.wanted, sections.begins, sections.made
    program = read_program(graph)
    last, results = len(begins), tuple(graph.outputs.values())
    program.read[last] |= set(results) | {t for i in program.loss for t in reads(i)}
    received, sent = (() if not 0 < at <= last else crossing(program, at) for at in (index, index + 1))
    needed = [t for t in program.read[index] if program.made.get(t, index) < index and t not in received]
    own = [*again(program, index, needed), *program.sections[index]]
    kept = {*sent, *results} if index == last else set(sent)
    forward = tuple(_lives(own, kept))
    loss = tuple(_lives(program.loss, {graph.loss} if graph.loss else set(), results)) if index == last else ()
    for tensor in (*received, *sent):
        _check_sent(graph, tensor)
    _check_inplace(forward, received)
    standing = {t for i in (*forward, *loss) for t in reads(i) if t.storage.kind in STANDING}
    bases = {t.storage for t in standing}
    inputs = {name: t for name, t in graph.inputs.items() if t.storage in bases}
    parameters = {p: t for p, t in graph.parameters.items() if home.get(p) == index or t in standing}
    others = {t for i, read in enumerate(program.read) if i != index for t in read}
    stage = Stage(
        index, begins, received, sent, forward, loss,
        frozenset(name for name, t in inputs.items() if t.shape and batch in symbols_of(t.shape[0])),
    )  # fmt: skip
    copied = (f"{path} {COPIED}" for path, t in parameters.items() if t in others)
    return replace(
        graph, instructions=(*forward, *loss), parameters=parameters, inputs=inputs, stage=stage,
        buffers={p: t for p, t in graph.buffers.items() if home.get(p) == index or t in standing},
        outputs=graph.outputs if index == last else {}, loss=graph.loss if index == last else None,
        warnings=(*graph.warnings, *copied),
    )  # fmt: skip


def _lives(instructions: Iterable[Instruction], kept: set[Tensor], given: Sequence[Tensor] = ()) -> Iterator[Instruction]:
    """The body of a function: what is alive in the end and is none of its results goes when it returns."""
    alive = dict.fromkeys(t for t in given if t.storage.kind not in STANDING)
    for instruction in instructions:
        if isinstance(instruction, (Begin, Mark)) or (isinstance(instruction, Bind) and instruction.name == "loss"):
            continue
        if isinstance(instruction, Drop):
            if instruction.tensor not in alive or instruction.tensor in kept:
                continue
            del alive[instruction.tensor]
        alive |= dict.fromkeys(made_by(instruction))
        yield instruction
    yield from (Drop(tensor) for tensor in alive if tensor not in kept)


def _check_sent(graph: Graph, tensor: Tensor) -> None:
    """What is sent has to be dense. Source: torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp (check_gpu_single_tensor)."""
    dims = [(evaluate(stride, graph.symbols), evaluate(size, graph.symbols)) for stride, size in zip(tensor.strides, tensor.shape)]
    expected = 1
    for stride, size in sorted(d for d in dims if d[1] > 1):
        if stride != expected:
            message = f"{show(tensor.shape)} would be sent to the next stage and is not dense: NCCL does not send it"
            raise InvalidConfig(Problem(tensor.origin, message, "begin the stage elsewhere, or make it contiguous"))
        expected *= size


def _check_inplace(instructions: Iterable[Instruction], received: Sequence[Tensor]) -> None:
    """PyTorch refuses to change a leaf in place, which what is received is."""
    storages = {t.storage for t in received if t.requires_grad}
    for step in nested(instructions):
        if isinstance(step, Step) and step.rule.inplace and step.inputs[step.rule.inplace].storage in storages:
            message = f"{step.op} changes in place what the stage before sends; PyTorch would stop: 'a leaf Variable that requires grad is"
            raise InvalidConfig(Problem(step.origin, f"{message} being used in an in-place operation'", "begin the stage elsewhere"))
