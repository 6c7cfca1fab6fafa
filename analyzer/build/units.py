"""Parts of a model that fully_shard shards by themselves, as they are traced: what their inputs and results go through.

Source: torch/distributed/fsdp/_fully_shard/_fsdp_param_group.py (RegisterPostBackwardFunction), _fsdp_state.py (_pre_forward,
_post_forward, _cast_forward_inputs, _cast_output_dtype), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.build.frame import Bound, Frame
from analyzer.build.source import Problems
from analyzer.graph import ENTER, FLOATING, EndUnit, Instruction, Rule, Step, Tensor, Unit, View
from analyzer.ops.conversion import to
from analyzer.tracing import Tracer

if TYPE_CHECKING:
    from analyzer.build.batch import Batch


def sharded(tracer: Tracer, path: str, tensors: Sequence[Bound], body: Callable[[list[Bound]], tuple[Bound, ...]]) -> tuple[Bound, ...]:
    """A call of a block that is sharded by itself: the inputs that need a gradient go through a node that tells when they have it."""
    tracer.push()
    taken = tuple(t for t in tensors if isinstance(t, Tensor))
    cast = tuple(_cast(tracer, t, tracer.unit_inputs, path) for t in taken)
    position = len(tracer.instructions)
    passed = {f"x{i}": t for i, t in enumerate(t for t in cast if tracer.grad and t.requires_grad)}
    given: dict[Tensor, Tensor] = {}
    if passed:
        views = tuple(View(name, t.shape, t.strides) for name, t in passed.items())
        rule = Rule(views, {name: f"g{i}" for i, name in enumerate(passed)}, constants={"untracked": True})
        label, tracer.label = tracer.label, path
        given = dict(zip(passed.values(), tracer.step(ENTER, rule, passed)))
        tracer.label = label
    unit = Unit(path, taken, tuple(given.get(t, t) for t in cast), tracer.origin, tracer.copies)
    tracer.instructions.insert(position, unit)
    seen = iter(unit.seen)
    results = _left(tracer, unit, body([next(seen) if isinstance(t, Tensor) else t for t in tensors]))
    tracer.pop(tuple(t for t in results if isinstance(t, Tensor)))
    return results


def _left(tracer: Tracer, unit: Unit, results: tuple[Bound, ...]) -> tuple[Bound, ...]:
    """The results of a part as its caller gets them."""
    position = len(tracer.instructions)
    handed = tuple(_cast(tracer, t, tracer.unit_outputs, unit.path) if isinstance(t, Tensor) else t for t in results)
    made, given = (tuple(t for t in some if isinstance(t, Tensor)) for some in (results, handed))
    tracer.instructions.insert(position, EndUnit(unit, made, given))
    return handed


def _cast(tracer: Tracer, tensor: Tensor, dtype: str, name: str) -> Tensor:
    """A floating-point tensor in a dtype, a new one where it has another; as it is where there is no such dtype."""
    if not dtype or tensor.dtype not in FLOATING:
        return tensor
    label, tracer.label = tracer.label, name
    cast: Tensor = to(tensor, dtype=dtype)
    tracer.label = label
    return cast


@dataclass(slots=True)
class Root:
    """The call of a model that is sharded, from the batch to the outputs."""

    tracer: Tracer
    problems: Problems
    batch: Batch
    cast: dict[str, tuple[Tensor, list[Instruction]]] = field(default_factory=dict)  # inputs as the model sees them, and what made them
    position: int = 0

    def enter(self) -> dict[str, Tensor]:
        """The model is called with the batch: its inputs as it sees them."""
        tracer = self.tracer
        tracer.push()
        for name, tensor in self.batch.tensors.items():
            before, tracer.origin = len(tracer.instructions), tensor.origin
            self.cast[name] = _cast(tracer, tensor, tracer.unit_inputs, name), tracer.instructions[before:]
        self.position = len(tracer.instructions)
        return {name: tensor for name, (tensor, _) in self.cast.items()}

    def leave(self, frame: Frame, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs as the training loop gets them."""
        tracer, tensors = self.tracer, self.batch.tensors
        self._refuse_lists(frame)
        read = {t for i in tracer.instructions[self.position :] if isinstance(i, Step) for t in i.inputs.values()}
        taken = [name for name in tensors if name in frame.used or self.cast[name][0] in read]
        unit = Unit("", tuple(tensors[name] for name in taken), tuple(self.cast[name][0] for name in taken), tracer.origin)
        tracer.instructions.insert(self.position, unit)
        handed = _left(tracer, unit, tuple(outputs.values()))
        for name in (name for name in tensors if name not in taken):
            self._undo(*self.cast[name])
        results = {name: tensor for name, tensor in zip(outputs, handed) if isinstance(tensor, Tensor)}
        tracer.pop(tuple(results.values()))
        return results

    def _undo(self, tensor: Tensor, made: list[Instruction]) -> None:
        """What only the loss reads was never an input of the model, and was not cast."""
        if made:
            self.tracer.release(tensor)
            self.tracer.instructions.pop()
            self.tracer.instructions[:] = [i for i in self.tracer.instructions if i not in made]

    def _refuse_lists(self, frame: Frame) -> None:
        for name, items in self.batch.lists.items():
            dtypes = {tensor.dtype for _, tensor in items.tensors if tensor.dtype in FLOATING}
            if name in frame.used and self.tracer.unit_inputs and dtypes - {self.tracer.unit_inputs}:
                message = f"param_dtype casts the tensors of the list '{name}': that is not simulated"
                self.problems.add(items.origin, message, "run.cast_forward_inputs=false")
