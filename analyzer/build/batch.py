"""The tensors that a batch brings, one by one or as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.build.frame import Frame
from analyzer.build.interpreter import Interpreter
from analyzer.build.lists import Items
from analyzer.build.source import Problems
from analyzer.build.values import positive_size_of, shape_of
from analyzer.document import Scalar, Value
from analyzer.graph import Loops, Shape, Spec, Storage, Tensor, contiguous
from analyzer.polynomial import ONE, Poly
from analyzer.problems import InvalidConfig, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Input, Model


class Batch:
    """What is made of the declared inputs: tensors by name, and lists, whose tensors only the list holds."""

    def __init__(self, model: Model, interpreter: Interpreter, frame: Frame, dtype: str) -> None:
        self.model, self.interpreter, self.frame, self.dtype = model, interpreter, frame, dtype
        self.tensors: dict[str, Tensor] = {}
        self.lists: dict[str, Items] = {}
        self.made: dict[str, Tensor] = {}  # all of them in order; those of a list are numbered: keys.0, keys.1

    def make(self, wanted: tuple[Scalar, ...] | None, problems: Problems) -> None:
        """Make the declared inputs, or those that are wanted of them."""
        known = [i.name for i in self.model.inputs]
        for word in wanted or ():
            if word.value not in known:
                problems.add(word.origin, f"unknown input '{word.value}'", nearest(str(word.value), known))
        for declared in self.model.inputs:
            if wanted is not None and declared.name not in [word.value for word in wanted]:
                continue
            try:
                self._declared(declared)
            except InvalidConfig as error:
                problems.extend(error.problems)

    def _declared(self, declared: Input) -> None:
        if declared.shape is None:
            return
        shape = tuple(shape_of(declared.shape, self.frame, positive_size_of))
        if declared.repeat is not None:
            self.lists[declared.name] = self._list(declared, shape, declared.repeat)
            return
        self.tensors[declared.name] = self.frame.tracer.hold(self._tensor(declared, shape, declared.name))

    def _list(self, declared: Input, shape: Shape, repeat: Value) -> Items:
        """One tensor for each iteration of the loops that run as often."""
        tracer, count = self.frame.tracer, self.interpreter.count_of(repeat, self.frame)
        items = Items(declared.origin)
        if count.skipped:
            tracer.instructions.extend(count.instructions(count.name))
        for i, number, stands_for in count.iterations():
            loops = ((count.name, i),)
            tensor = self._tensor(declared, shape, f"{declared.name}.{number}", loops, stands_for)
            items.tensors.append((loops, tracer.hold_in(items.depth, tensor)))
        return items

    def _tensor(self, declared: Input, shape: Shape, name: str, loops: Loops = (), copies: Poly = ONE) -> Tensor:
        dtype = declared.dtype or self.dtype
        storage = Storage(Spec(shape, dtype).bytes, "input", declared.name, declared.origin, copies, loops)
        self.made[name] = Tensor(shape, contiguous(shape), dtype, storage, False, None, name, declared.origin)
        return self.made[name]
