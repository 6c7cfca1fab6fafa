"""A stage of a pipeline as a program of its own: cut out of the traced program of the whole model.

What needs a gradient and is read by a later stage is sent from stage to stage up to the one that reads it. What needs none and comes from
the batch and buffers alone (a mask, positions) every stage that reads it computes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzer.evaluate import evaluate
from analyzer.graph import (
    Begin,
    Bind,
    Call,
    Checkpoint,
    Drop,
    EndCheckpoint,
    Enter,
    Graph,
    Instruction,
    Leave,
    Mark,
    Stage,
    Step,
    Tensor,
    nested,
)  # fmt: skip
from analyzer.ops import OPS
from analyzer.polynomial import symbols_of
from analyzer.problems import InvalidConfig, Origin, Problem
from analyzer.tracing import show

STANDING = ("parameter", "buffer", "input")


class NotBegun(Exception):
    """A stage is to begin at a path, and nothing of that path is called."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(slots=True)
class _Program:
    """The program of the whole model in sections, one for each stage, and who makes which tensor."""

    sections: list[list[Instruction]]
    loss: list[Instruction]
    made: dict[Tensor, int] = field(default_factory=dict)  # the section that makes a tensor
    groups: dict[Tensor, tuple[Instruction, ...]] = field(default_factory=dict)  # the call that makes a tensor, with its steps
    read: list[set[Tensor]] = field(default_factory=list)
    seen: set[Tensor] = field(default_factory=set)  # what Python sees, and not only an op


def stage_of(graph: Graph, index: int, begins: tuple[str, ...], sections: Mapping[str, int], batch: str) -> Graph:
    """The graph of one stage; `sections` say in which stage each parameter and buffer was made, `batch` counts samples.

    Raises InvalidConfig where the program cannot be cut.
    """
    program = _read(graph)
    begun = {i.path for i in graph.instructions if isinstance(i, Begin)}
    for path in begins:
        if path not in begun:
            raise NotBegun(path)
    last, results = len(begins), tuple(graph.outputs.values())
    program.read[last] |= set(results) | {t for i in program.loss for t in _reads(i)}
    received, sent = (() if not 0 < at <= last else _crossing(program, at) for at in (index, index + 1))
    needed = [t for t in program.read[index] if program.made.get(t, index) < index and t not in received]
    own = [*_again(program, index, needed), *program.sections[index]]
    kept = {*sent, *results} if index == last else set(sent)
    forward = tuple(_lives(own, kept))
    loss = tuple(_lives(program.loss, {graph.loss} if graph.loss else set(), results)) if index == last else ()
    for tensor in (*received, *sent):
        _check_sent(graph, tensor)
    _check_inplace(forward, received)
    standing = {t for i in (*forward, *loss) for t in _reads(i) if t.storage.kind in STANDING}
    bases = {t.storage for t in standing}
    inputs = {name: t for name, t in graph.inputs.items() if t.storage in bases}
    parameters = {p: t for p, t in graph.parameters.items() if sections.get(p) == index or t in standing}
    others = {t for i, read in enumerate(program.read) if i != index for t in read}
    stage = Stage(
        index, begins, received, sent, results if index == last else (), forward, loss,
        frozenset(name for name, t in inputs.items() if t.shape and batch in symbols_of(t.shape[0])),
        tuple(path for path, t in parameters.items() if t in others),
    )  # fmt: skip
    return replace(
        graph, instructions=(*forward, *loss), parameters=parameters, inputs=inputs, stage=stage,
        buffers={p: t for p, t in graph.buffers.items() if sections.get(p) == index or t in standing},
        outputs=dict(graph.outputs) if index == last else {}, loss=graph.loss if index == last else None,
    )  # fmt: skip


def _read(graph: Graph) -> _Program:
    """The program in sections. Raises InvalidConfig where a stage begins inside of a loop or of a checkpointed block."""
    done = next((i for i, instruction in enumerate(graph.instructions) if isinstance(instruction, Mark)), len(graph.instructions))
    program = _Program([[]], list(graph.instructions[done:]))
    inside: list[str] = []
    origin = Origin("")
    for instruction in graph.instructions[:done]:
        match instruction:
            case Begin(path=path) if inside:
                hint = "a stage begins at a layer outside of loops, or at an iteration of a loop that is in no other loop"
                raise InvalidConfig(Problem(origin, f"a stage of a pipeline would begin at '{path}', inside of {inside[-1]}", hint))
            case Begin():
                program.sections.append([])
                continue
            case Enter() if "a loop" not in inside:
                inside.append("a loop")
            case Leave():
                inside.remove("a loop") if "a loop" in inside else None
            case Checkpoint():
                inside.append("a checkpointed block")
            case EndCheckpoint():
                inside.remove("a checkpointed block")
            case Step():
                origin = instruction.origin
        program.sections[-1].append(instruction)
    for index, section in enumerate(program.sections):
        program.read.append({t for i in nested(section) for t in _reads(i)})
        _note(program, index, section)
    return program


def _note(program: _Program, index: int, section: Sequence[Instruction]) -> None:
    """Who makes which tensor in a section; what a checkpointed block makes cannot be made again by itself."""
    pending: list[Instruction] = []
    checkpointed = 0
    for instruction in nested(section):
        made = _made(instruction)
        program.made |= dict.fromkeys(made, index)
        if isinstance(instruction, Call):
            program.seen |= {*instruction.outputs, *instruction.changed.values()}
        elif isinstance(instruction, EndCheckpoint):
            program.seen |= set(made)
        checkpointed += isinstance(instruction, Checkpoint) - isinstance(instruction, EndCheckpoint)
        if isinstance(instruction, Step) or (isinstance(instruction, Drop) and instruction.internal):
            pending.append(instruction)
            continue
        if isinstance(instruction, Call) and not checkpointed:
            group = (*pending, instruction)
            program.groups |= {t: group for i in group for t in _made(i)}
            for tensor in (t for t in instruction.outputs if t.storage.kind == "buffer"):
                program.groups.setdefault(tensor, group)
        pending = []


def _reads(instruction: Instruction) -> Iterator[Tensor]:
    """The tensors that an instruction reads."""
    match instruction:
        case Step(inputs=inputs):
            yield from inputs.values()
        case Call(arguments=arguments):
            for value in arguments.values():
                yield from (t for t in (value if isinstance(value, list) else [value]) if isinstance(t, Tensor))
        case Checkpoint(inputs=inputs):
            yield from inputs
        case Bind(tensor=tensor):
            yield tensor


def _made(instruction: Instruction) -> tuple[Tensor, ...]:
    if isinstance(instruction, Step):
        return instruction.outputs
    return tuple(handed for _, handed in instruction.results) if isinstance(instruction, EndCheckpoint) else ()


def _crossing(program: _Program, at: int) -> tuple[Tensor, ...]:
    """What is sent to a stage: what it or a later one reads and cannot make again, in the order in which it was made."""
    later = set[Tensor]().union(*program.read[at:])
    sent = [t for t, section in program.made.items() if section < at and t in later and _groups_of(program, t) is None]
    for tensor in sent:
        if tensor not in program.seen:
            message = f"a weight, {show(tensor.shape)}, that two stages share is cast by autocast: that is not simulated"
            raise InvalidConfig(Problem(tensor.origin, message, "begin the stage elsewhere, or run without autocast"))
    return tuple(sent)


def _groups_of(program: _Program, tensor: Tensor) -> list[tuple[Instruction, ...]] | None:
    """The calls that make a tensor out of the batch and buffers; None where it needs a gradient, a parameter or chance.

    An argument of which only shape and dtype are read is not needed.
    """
    found: dict[int, tuple[Instruction, ...]] = {}
    pending = [tensor]
    while pending:
        wanted = pending.pop()
        if wanted.storage.kind in ("input", "buffer") and wanted not in program.groups:
            continue
        group = program.groups.get(wanted)
        if wanted.requires_grad or wanted.storage.kind == "parameter" or group is None or _is_random(group):
            return None
        if id(group) not in found:
            found[id(group)] = group
            inner = {t for i in group for t in _made(i)}
            pending += [t for i in group if isinstance(i, Step) for t in _reads(i) if t not in inner]
    return list(found.values())


def _is_random(group: Iterable[Instruction]) -> bool:
    return any(isinstance(i, Call) and i.op in OPS and OPS[i.op].family == "random" for i in group)


def _again(program: _Program, index: int, needed: Sequence[Tensor]) -> Iterator[Instruction]:
    """What a stage computes again: calls of earlier stages, with the lifetimes they have there."""
    groups = {id(g): g for t in needed for g in _groups_of(program, t) or ()}
    lasts = {id(g[-1]): g for g in groups.values()}
    alive: dict[Tensor, None] = {}
    for instruction in (i for section in program.sections[:index] for i in section):
        if id(instruction) in lasts:
            yield from lasts[id(instruction)]
            for inner in lasts[id(instruction)]:
                alive |= dict.fromkeys(_made(inner))
                if isinstance(inner, Drop):
                    alive.pop(inner.tensor, None)
        elif isinstance(instruction, Drop) and instruction.tensor in alive and instruction.tensor not in needed:
            del alive[instruction.tensor]
            yield instruction
    yield from (Drop(tensor) for tensor in alive if tensor not in needed)


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
        alive |= dict.fromkeys(_made(instruction))
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
