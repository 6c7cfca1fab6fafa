"""Memory while a program runs: blocks with reference counts, a clock, and the place in the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Union

from analyzer.graph import Loops, Scratch, Shape, Storage
from analyzer.polynomial import ZERO, Call, Poly
from analyzer.problems import Origin
from analyzer.work import NO_WORK, Work

STEADY = 1  # the second step of training, in which state exists and the first step's variables are still bound; or an inference


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program is: which step of training, which phase, which iterations, which op."""

    step: int = 0
    phase: str = "before"
    loops: Loops = ()
    micro: int = 0  # which accumulated micro-batch

    def within(self, loops: Loops) -> Place:
        """This place, in those of the iterations whose loops it is not in."""
        if not loops or loops == self.loops:
            return self
        known = {name for name, _ in self.loops}
        inner = tuple(item for item in loops if item[0] not in known)
        return replace(self, loops=(*self.loops, *inner)) if inner else self


@dataclass(slots=True, eq=False)
class Block:
    """One allocation, from birth to death on the heap's clock.

    The places are in the iterations that the block belongs to, also where it is made or freed outside of the loop, as an
    optimizer's state is.
    """

    size: Poly  # bytes
    kind: str
    label: str
    origin: Origin
    birth: int
    place: Place
    death: int | None = None
    death_place: Place | None = None
    op: str = ""
    stream: str = ""  # on which it is allocated; empty for the one that the program runs on
    refs: int = 1


Extent = Union[Poly, tuple[Shape, Shape, str]]  # bytes; or shape, strides and dtype, of which a stride of 0 is read once


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """A kernel that ran: what it reads and writes, and what it computes."""

    place: Place
    reads: tuple[Extent, ...]
    writes: tuple[Extent, ...]
    flops: Poly = ZERO
    dtype: str = ""  # in which it multiplies
    share: Fraction = Fraction(1)  # of the FLOPs, what it cannot do without
    gradient: bool = False  # whether it is part of a gradient, and not of a forward or of one that is run again


@dataclass(slots=True)
class Heap:
    """All blocks ever allocated, in order of birth, the moments when the place changed, and the kernels that ran."""

    clock: int = 0
    place: Place = field(default_factory=Place)
    op: str = ""
    origin: Origin = field(default_factory=lambda: Origin(""))
    stream: str = ""  # the current one; empty for the program's own
    blocks: list[Block] = field(default_factory=list)
    moves: list[tuple[int, Place]] = field(default_factory=list)
    marks: dict[tuple[int, str], int] = field(default_factory=dict)
    launches: list[Launch] = field(default_factory=list)
    elsewhere: bool = False  # whether what runs is on another GPU or on the host, and takes nothing here
    belonging: Loops = ()  # the iterations of the autograd node that lets go

    @property
    def is_steady(self) -> bool:
        """Whether the program is in the steady step."""
        return self.place.step == STEADY

    def alloc(self, size: Poly, kind: str, label: str, origin: Origin | None = None, loops: Loops = ()) -> Block:
        """A new block with one reference; `loops` are the iterations it belongs to where it is made outside of them."""
        self.clock += 2
        block = Block(
            ZERO if self.elsewhere else size, kind, label, origin or self.origin, self.clock, self.place.within(loops),
            op=self.op, stream=self.stream,
        )  # fmt: skip
        self.blocks.append(block)
        return block

    def alloc_storage(self, storage: Storage) -> Block:
        """A block for a storage of the graph."""
        return self.alloc(storage.size, storage.kind, storage.label, storage.origin, storage.loops)

    def release(self, block: Block) -> None:
        """One reference less; the last one frees the block."""
        block.refs -= 1
        if not block.refs:
            self.clock += 2
            block.death, block.death_place = self.clock, self.place.within(self.belonging or block.place.loops)

    @contextmanager
    def on(self, stream: str) -> Iterator[None]:
        """What is allocated inside is allocated on another stream."""
        outer, self.stream = self.stream, stream
        yield
        self.stream = outer

    def scratch_in(self, loops: Loops, label: str, *sizes: Poly) -> None:
        """A kernel's temporaries, made for what belongs to iterations of loops."""
        place = self.place
        self.move(place.within(loops))
        self.scratch(label, *sizes)
        self.move(place)

    def scratch(self, label: str, *sizes: Scratch) -> None:
        """A kernel's temporaries, made and gone."""
        self.give_back(self.take(label, *sizes))

    def take(self, label: str, *sizes: Scratch) -> list[Block]:
        """A kernel's temporaries: each named function in a size is an allocation of its own; those of a tuple go before the next."""
        taken: list[Block] = []
        for size in sizes:
            if isinstance(size, tuple):
                self.scratch(label, *size)
            else:
                taken += [self.alloc(part, "workspace", f"{label} scratch") for part in _allocations(size)]
        return taken

    def give_back(self, blocks: list[Block]) -> None:
        """A kernel's temporaries go, the last one first."""
        for block in reversed(blocks):
            self.release(block)

    def launch(self, reads: Iterable[Extent], writes: Iterable[Extent], loops: Loops = (), work: Work = NO_WORK, *,
               gradient: bool = False) -> None:  # fmt: skip
        """Remember a kernel that runs now, in the steady step; `loops` are the iterations it belongs to where it runs outside of them."""
        if not self.is_steady:
            return
        made = Launch(self.place.within(loops), tuple(reads), tuple(writes), work.flops, work.dtype, work.share, gradient)
        self.launches.append(made)

    def move(self, place: Place) -> None:
        """Go to another place in the program."""
        if place != self.place:
            self.clock += 1
            self.place = place
            self.moves.append((self.clock, place))

    def mark(self, name: str) -> None:
        """Remember a moment of the current step by name."""
        self.clock += 1
        self.marks[self.place.step, name] = self.clock


def _allocations(size: Poly) -> list[Poly]:
    """A sum of named functions as its terms; any other size as it is, and nothing for none."""
    named = [Poly({m: c}) for m, c in size.terms.items() if len(m) == 1 and isinstance(m[0][0], Call)]
    if len(named) == len(size.terms):
        return named
    return [size] if size else []
