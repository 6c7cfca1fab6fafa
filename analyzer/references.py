"""Who holds which tensor while a model is traced: Python's references, and what becomes of a tensor that is changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from analyzer.graph import Drop, Instruction, Tensor

STANDING = ("parameter", "buffer")


class References:
    """References of running functions and of Python variables; the last one that goes is an instruction.

    An op in place makes a new symbolic tensor of the same Python object: whoever held the old one holds the new one, and
    a name that still stands for the old one means the new one (`latest`).
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.inside_op = 0
        self._holds: dict[Tensor, int] = {}
        self._frames: list[list[Tensor]] = []
        self._became: dict[Tensor, Tensor] = {}
        self._after_op: list[Tensor] = []  # seen by the caller of the running op, and changed by it
        self._outside = 0  # frames of the op's callers

    def latest(self, tensor: Tensor) -> Tensor:
        """What the Python object of a tensor is now, after the in-place ops on it."""
        while tensor in self._became:
            tensor = self._became[tensor]
        return tensor

    def hold(self, tensor: Tensor) -> Tensor:
        """One more Python reference."""
        tensor = self.latest(tensor)
        self._holds[tensor] = self._holds.get(tensor, 0) + 1
        return tensor

    def drop(self, tensor: Tensor) -> None:
        """One reference less; the last one is an instruction."""
        tensor = self.latest(tensor)
        self._holds[tensor] -= 1
        if not self._holds[tensor]:
            del self._holds[tensor]
            self.instructions.append(Drop(tensor, internal=self.inside_op > 0))

    def push(self) -> None:
        """Enter a function: what it makes is its own until it returns."""
        self._frames.append([])

    def pop(self, results: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Leave a function: its results, as they are now, go to the caller, the rest is dropped."""
        results = tuple(self.hold(tensor) for tensor in results)
        for tensor in self._frames.pop():
            self.drop(tensor)
        if self._frames:
            self._frames[-1].extend(results)
        return results

    def own(self, tensor: Tensor) -> Tensor:
        """A reference that the running function holds."""
        tensor = self.hold(tensor)
        self._frames[-1].append(tensor)
        return tensor

    def release(self, tensor: Tensor) -> None:
        """The running function lets go of a tensor before it returns (`del`, std::move)."""
        tensor = self.latest(tensor)
        self._frames[-1].remove(tensor)
        self.drop(tensor)

    @property
    def depth(self) -> int:
        """Which of the running functions is the innermost, 0 for the training loop."""
        return len(self._frames) - 1

    def hold_in(self, depth: int | None, tensor: Tensor) -> Tensor:
        """A reference that a running function holds; None for one that lives on when all have returned."""
        tensor = self.hold(tensor)
        if depth is not None:
            self._frames[depth].append(tensor)
        return tensor

    def release_from(self, depth: int | None, tensor: Tensor) -> None:
        """A running function lets go of a tensor."""
        tensor = self.latest(tensor)
        if depth is not None:
            self._frames[depth].remove(tensor)
        self.drop(tensor)

    def overwrite(self, old: Tensor, new: Tensor) -> None:
        """An op in place: the holders of the old tensor hold the new one."""
        if old.storage.kind in STANDING and old.base is None:
            return
        self._became[old] = new
        outside = any(old in frame for frame in self._frames[: self._outside])
        for frame in self._frames:
            frame[:] = [new if tensor is old else tensor for tensor in frame]
        batch = old.storage.kind == "input" and old.base is None  # the loader holds it, as it was
        holders = self._holds.pop(old, 0)
        self._holds[new] = self._holds.get(new, 0) + holders - batch
        if batch:
            self._holds[old] = 1
        elif outside:
            self._after_op.append(old)
        elif holders:
            self.instructions.append(Drop(old, internal=True))

    @contextmanager
    def op(self) -> Iterator[None]:
        """While an op runs its intermediate tensors are its own."""
        inside, outside = self.inside_op, self._outside
        self.inside_op, self._outside = inside + 1, len(self._frames)
        try:
            with self.unwinding():
                self.push()
                yield
        finally:
            self.inside_op, self._outside = inside, outside

    @contextmanager
    def unwinding(self) -> Iterator[None]:
        """When something fails half-way, the functions it had entered are left; what they held is their caller's."""
        depth = len(self._frames)
        try:
            yield
        except BaseException:
            for entered in self._frames[depth:]:
                self._frames[depth - 1].extend(entered)
            del self._frames[depth:]
            raise

    @property
    def changed_outside(self) -> dict[Tensor, Tensor]:
        """What the op that has just run has made, in place, of tensors of its caller."""
        return {tensor: self.latest(tensor) for tensor in self._after_op}

    def end_op(self) -> None:
        """An op has been told whole: what it changed in place is known as it was no more."""
        for tensor in self._after_op:
            self.instructions.append(Drop(tensor))
        self._after_op.clear()
