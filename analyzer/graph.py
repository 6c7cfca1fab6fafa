"""The traced program: symbolic tensors, the primitive steps over them, and when Python lets go of each tensor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from analyzer.assumptions import Assumption
from analyzer.formulas import joint, reads
from analyzer.polynomial import ONE, Poly
from analyzer.problems import Origin
from analyzer.rules import Rule as Rule
from analyzer.rules import Scratch as Scratch
from analyzer.rules import Spec as Spec
from analyzer.rules import View as View
from analyzer.tensors import FLOATING as FLOATING
from analyzer.tensors import ITEMSIZE as ITEMSIZE
from analyzer.tensors import Loops as Loops
from analyzer.tensors import Shape as Shape
from analyzer.tensors import Storage as Storage
from analyzer.tensors import Tensor as Tensor
from analyzer.tensors import contiguous as contiguous

ENTER = "enter_unit"  # the op through which the inputs of a sharded unit go
GATHER = "gather of all GPUs"  # the op that joins what the replicas of DataParallel return


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One primitive op applied once."""

    op: str
    rule: Rule
    inputs: Mapping[str, Tensor]
    outputs: tuple[Tensor, ...]
    aux: Mapping[str, Tensor]
    needed: frozenset[str]  # inputs that need a gradient
    label: str
    origin: Origin
    saved: frozenset[str] = field(init=False)  # what autograd keeps of it: the names that the formulas of needed gradients read

    def __post_init__(self) -> None:
        wanted = [reads(formula) for key, formula in self.rule.grads.items() if self.needed and self.needed & set(joint(key))]
        object.__setattr__(self, "saved", frozenset[str]().union(*wanted) - {"g"} if wanted else frozenset())


@dataclass(frozen=True, slots=True, eq=False)
class Drop:
    """The last Python reference to a tensor goes; `internal` when an op lets go of its own intermediate."""

    tensor: Tensor
    internal: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Bind:
    """A variable of the training loop is rebound: the previous step's value goes."""

    name: str
    tensor: Tensor


@dataclass(frozen=True, slots=True)
class Enter:
    """An iteration of a loop begins; `iteration` counts the simulated ones, `skipped` are left out in their middle."""

    loop: str
    iteration: int
    skipped: Poly


@dataclass(frozen=True, slots=True)
class Leave:
    """A loop is over."""

    loop: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One op as written, after its steps: what a rendering in another framework needs."""

    op: str
    path: str  # of the module instance that holds the parameters
    arguments: Mapping[str, object]  # tensors, lists of tensors, and plain numbers at the bound values
    outputs: tuple[Tensor, ...]
    origin: Origin
    autocast: str = ""  # the dtype that autocast lowered to, or nothing
    changed: Mapping[Tensor, Tensor] = field(default_factory=dict)  # in place: what tensors of the caller have become
    style: str = ""  # how it is divided among GPUs, or nothing


@dataclass(frozen=True, slots=True, eq=False)
class Redistribute:
    """What a rank has of a tensor changes, or how it is wrapped, after the steps that do it: what a rendering needs."""

    way: str
    op: str
    tensor: Tensor
    outputs: tuple[Tensor, ...]
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Again:
    """The second run of a reentrant checkpoint: a graph of its own, from detached inputs to outputs."""

    inputs: tuple[Tensor, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A checkpointed region begins: it is run again in backward. `inputs` are what it takes from outside.

    Without `again` its own instructions are run again, and the first run records the graph.
    """

    inputs: tuple[Tensor, ...]
    again: Again | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EndCheckpoint:
    """The innermost checkpointed region ends. A reentrant one hands on its results as outputs of one autograd node."""

    results: tuple[tuple[Tensor, Tensor], ...] = ()  # as made, and as handed on


@dataclass(frozen=True, slots=True)
class Mark:
    """A named moment: 'forward done'."""

    name: str


@dataclass(frozen=True, slots=True)
class Begin:
    """A stage of a pipeline begins: with the layer, block or iteration of a loop that has this path."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """The forward of a part of the model that is sharded by itself begins; the root's path is empty."""

    path: str
    inputs: tuple[Tensor, ...]  # what it is called with, and what its body sees in their place
    seen: tuple[Tensor, ...]
    origin: Origin
    copies: Poly = ONE  # how many iterations of the loops around it this one stands for


@dataclass(frozen=True, slots=True, eq=False)
class EndUnit:
    """The forward of that part returns."""

    unit: Unit
    results: tuple[Tensor, ...]
    handed: tuple[Tensor, ...] = ()  # what its caller gets for them


Instruction = Union[Step, Drop, Bind, Enter, Leave, Mark, Call, Redistribute, Checkpoint, EndCheckpoint, Begin, Unit, EndUnit]


def nested(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """All instructions, those of second runs included."""
    for instruction in instructions:
        yield instruction
        if isinstance(instruction, Checkpoint) and instruction.again:
            yield from nested(instruction.again.instructions)


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stage of a pipeline: what it takes from the stage before, does with each micro-batch, and hands on to the next one."""

    index: int
    begins: tuple[str, ...]  # the paths at which stages but the first begin
    received: tuple[Tensor, ...]
    sent: tuple[Tensor, ...]
    forward: tuple[Instruction, ...]
    loss: tuple[Instruction, ...]  # in the last stage
    divided: frozenset[str]  # the inputs of which a micro-batch has a part; others are the same for all of them

    @property
    def is_last(self) -> bool:
        """Whether no stage follows."""
        return self.index == len(self.begins)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model traced for one setting of the run: everything the simulation needs."""

    name: str
    symbols: Mapping[str, int]
    docs: Mapping[str, str]
    instructions: tuple[Instruction, ...]
    parameters: Mapping[str, Tensor]  # by path, in order of creation
    buffers: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    loss: Tensor | None
    assumptions: tuple[Assumption, ...]
    names: Mapping[str, Tensor]  # first value of every variable, by label
    warnings: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)  # further paths of parameters, and the path each stands for
    blocks: Mapping[str, tuple[str, Shape | None]] = field(default_factory=dict)  # by path: name, shape of the first result
    repeats: Mapping[str, Poly] = field(default_factory=dict)  # outermost loops by path: how many iterations
    stage: Stage | None = None  # of a pipeline, if the graph is that of one
    simulated: int = 4  # iterations of a long loop that are there: half of them the first ones, half the last
