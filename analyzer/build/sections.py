"""A traced program in sections, one for each stage of a pipeline: what crosses from one to another, and what is computed again.

What needs a gradient and is read by a later stage is sent from stage to stage up to the one that reads it. What needs none and comes from
the batch and buffers alone (a mask, positions) every stage that reads it computes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

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
    Step,
    Tensor,
    nested,
)  # fmt: skip
from analyzer.ops import OPS
from analyzer.problems import InvalidConfig, Origin, Problem
from analyzer.tracing import show


@dataclass(slots=True)
class Program:
    """The program of the whole model in sections, one for each stage, and who makes which tensor."""

    sections: list[list[Instruction]]
    loss: list[Instruction]
    made: dict[Tensor, int] = field(default_factory=dict)  # the section that makes a tensor
    groups: dict[Tensor, tuple[Instruction, ...]] = field(default_factory=dict)  # the call that makes a tensor, with its steps
    read: list[set[Tensor]] = field(default_factory=list)
    seen: set[Tensor] = field(default_factory=set)  # what Python sees, and not only an op


def read_program(graph: Graph) -> Program:
    """The program in sections. Raises InvalidConfig where a stage begins inside of a loop or of a checkpointed block."""
    done = next((i for i, instruction in enumerate(graph.instructions) if isinstance(instruction, Mark)), len(graph.instructions))
    program = Program([[]], list(graph.instructions[done:]))
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
        program.read.append({t for i in nested(section) for t in reads(i)})
        _note(program, index, section)
    return program


def _note(program: Program, index: int, section: Sequence[Instruction]) -> None:
    """Who makes which tensor in a section; what a checkpointed block makes cannot be made again by itself."""
    pending: list[Instruction] = []
    checkpointed = 0
    for instruction in nested(section):
        made = made_by(instruction)
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
            program.groups |= {t: group for i in group for t in made_by(i)}
            for tensor in (t for t in instruction.outputs if t.storage.kind == "buffer"):
                program.groups.setdefault(tensor, group)
        pending = []


def reads(instruction: Instruction) -> Iterator[Tensor]:
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


def made_by(instruction: Instruction) -> tuple[Tensor, ...]:
    if isinstance(instruction, Step):
        return instruction.outputs
    return tuple(handed for _, handed in instruction.results) if isinstance(instruction, EndCheckpoint) else ()


def crossing(program: Program, at: int) -> tuple[Tensor, ...]:
    """What is sent to a stage: what it or a later one reads and cannot make again, in the order in which it was made."""
    later = set[Tensor]().union(*program.read[at:])
    sent = [t for t, section in program.made.items() if section < at and t in later and _groups_of(program, t) is None]
    for tensor in sent:
        if tensor not in program.seen:
            message = f"a weight, {show(tensor.shape)}, that two stages share is cast by autocast: that is not simulated"
            raise InvalidConfig(Problem(tensor.origin, message, "begin the stage elsewhere, or run without autocast"))
    return tuple(sent)


def _groups_of(program: Program, tensor: Tensor) -> list[tuple[Instruction, ...]] | None:
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
            inner = {t for i in group for t in made_by(i)}
            pending += [t for i in group if isinstance(i, Step) for t in reads(i) if t not in inner]
    return list(found.values())


def _is_random(group: Iterable[Instruction]) -> bool:
    return any(isinstance(i, Call) and i.op in OPS and OPS[i.op].family == "random" for i in group)


def again(program: Program, index: int, needed: Sequence[Tensor]) -> Iterator[Instruction]:
    """What a stage computes again: calls of earlier stages, with the lifetimes they have there."""
    groups = {id(g): g for t in needed for g in _groups_of(program, t) or ()}
    lasts = {id(g[-1]): g for g in groups.values()}
    alive: dict[Tensor, None] = {}
    for instruction in (i for section in program.sections[:index] for i in section):
        if id(instruction) in lasts:
            yield from lasts[id(instruction)]
            for inner in lasts[id(instruction)]:
                alive |= dict.fromkeys(made_by(inner))
                if isinstance(inner, Drop):
                    alive.pop(inner.tensor, None)
        elif isinstance(instruction, Drop) and instruction.tensor in alive and instruction.tensor not in needed:
            del alive[instruction.tensor]
            yield instruction
    yield from (Drop(tensor) for tensor in alive if tensor not in needed)
