"""nn.DataParallel in the traced program: the batch is divided among GPUs, each runs the model on its part, the outputs are joined.

Sizes of the model are those of the first GPU, whose part of the batch is rounded up.

Source: torch/nn/parallel/data_parallel.py, scatter_gather.py, _functions.py, torch 2.13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.build.frame import Bound, Frame
from analyzer.build.ranks import RANKS
from analyzer.build.source import Problems
from analyzer.graph import GATHER, EndUnit, Rule, Shape, Spec, Tensor, Unit, View, contiguous
from analyzer.polynomial import ZERO, Call, Poly, call, symbol
from analyzer.tracing import Tracer, show

if TYPE_CHECKING:
    from analyzer.build.model import Model

DATA_PARALLEL = "DataParallel"
THREADS_AUTOCAST = "float16"
"""What autocast lowers to in the threads that run the replicas: they are told that it is on, not to which dtype (parallel_apply)."""


def batch_symbol(model: Model, tensors: Mapping[str, Tensor], problems: Problems) -> str:
    """The symbol that the batch is counted in, which stands first in the shape of an input."""
    heads = [t.shape[0] for t in tensors.values() if t.shape]
    names = [str(atom) for head in heads for atom in head.atoms if isinstance(atom, str) and head == symbol(str(atom))]
    if not names:
        problems.add(model.origin, "DataParallel divides the first dimension of inputs, and no symbol is that of any", "shape: [B, ...]")
        return ""
    for other in model.symbols.values():
        if isinstance(other.definition, str) and names[0] in re.findall(r"\w+", other.definition):
            message = f"symbol '{other.name}' is computed from '{names[0]}', which DataParallel divides: not simulated"
            problems.add(other.source.origin, message, f"write {other.definition} where the layers say {other.name}")
    return names[0]


def is_of_each_gpu(values: Sequence[Bound]) -> bool:
    """Whether this is a vector of what each GPU's loss was, of which training loops take the mean (as transformers.Trainer does)."""
    return any(isinstance(value, Tensor) and value.shape == (symbol(RANKS),) for value in values)


@dataclass(slots=True)
class Replicas:
    """The call of a model that nn.DataParallel wraps, from the batch to the joined outputs."""

    tracer: Tracer
    problems: Problems
    batch: str  # the symbol that it is counted in
    inputs: Mapping[str, Tensor]
    views: dict[str, Tensor] = field(default_factory=dict)
    unit: Unit = field(init=False)

    @property
    def part(self) -> Poly:
        """How much of the batch the first GPU has."""
        return call("ceildiv", symbol(self.batch), symbol(RANKS))

    def enter(self, frame: Frame) -> None:
        """Scatter the inputs and begin the model: it sees views, and its batch is a part."""
        tracer = self.tracer
        tracer.label = DATA_PARALLEL
        for name, tensor in self.inputs.items():
            if tensor.shape[:1] == (symbol(self.batch),):
                view = View("x", (self.part, *tensor.shape[1:]), tensor.strides)
                (self.views[name],) = tracer.step("scatter", Rule(view), {"x": tensor})
        tracer.label = ""
        self.unit = Unit("", (), tuple(self.views.values()), tracer.origin)
        tracer.instructions.append(self.unit)
        frame.variables |= {name: tracer.own(tensor) for name, tensor in self.views.items()}
        frame.symbols = {**frame.symbols, self.batch: self.part}
        tracer.replicated, tracer.autocast = True, tracer.autocast and THREADS_AUTOCAST

    def leave(self, frame: Frame, outputs: dict[str, Tensor], autocast: str) -> dict[str, Tensor]:
        """The outputs of all GPUs joined along the first dimension on the first one."""
        tracer = self.tracer
        for name in (name for name in self.inputs if name in frame.used and name not in self.views):
            message = f"DataParallel would divide '{name}', {show(self.inputs[name].shape)}, along its first dimension, which is no batch"
            self.problems.add(self.inputs[name].origin, message, f"inputs of the model begin with {self.batch}")
        tracer.instructions.append(EndUnit(self.unit, tuple(outputs.values())))
        tracer.label, tracer.replicated, tracer.autocast = DATA_PARALLEL, False, autocast
        joined = {}
        for name, tensor in outputs.items():
            shape: Shape = (self._in_all(tensor), *tensor.shape[1:]) if tensor.shape else (symbol(RANKS),)
            (joined[name],) = tracer.step(GATHER, Rule(Spec(shape, tensor.dtype, contiguous(shape)), {"x": "g"}), {"x": tensor})
        for tensor in outputs.values():
            tracer.release(tensor)
        tracer.label = ""
        return joined

    def _in_all(self, tensor: Tensor) -> Poly:
        """A first dimension summed over all GPUs: what is proportional to their parts is proportional to the batch."""
        size, result = tensor.shape[0], ZERO
        for monomial, coefficient in size.terms.items():
            parts = [atom for atom, _ in monomial if isinstance(atom, Call)]
            if any(Poly({((atom, 1),): 1}) != self.part or (atom, 1) not in monomial for atom in parts):
                message = f"DataParallel joins {show(tensor.shape)} along its first dimension: how long that is in all is not simulated"
                self.problems.add(tensor.origin, message)
                return size
            rest = Poly({tuple(power for power in monomial if power[0] not in parts): coefficient})
            result = result + rest * symbol(self.batch if parts else RANKS)
        return result
