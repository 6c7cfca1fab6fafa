"""The weights of recurrent layers: their names and shapes, and the one buffer that they lie in.

Source: torch/nn/modules/rnn.py (RNNBase, flatten_parameters), ATen/native/cudnn/RNN.cpp (copy_weights_to_flat_buf_views).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from analyzer.graph import ITEMSIZE, Rule, Shape, Spec, Tensor
from analyzer.ops.registry import primitive
from analyzer.polynomial import ZERO, Poly, product, total
from analyzer.tracing import current

FLAT = frozenset({"float64", "float32", "float16"})  # dtypes that flatten_parameters takes (torch.backends.cudnn.is_acceptable)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a recurrent layer. `gates` are 4 for LSTM, 3 for GRU, 1 for RNN."""

    gates: int
    inputs: Poly
    hidden: Poly
    outputs: Poly  # the hidden size, or that of its projection
    layers: int
    directions: int
    bias: bool
    projected: bool

    def matrices(self) -> Iterator[tuple[str, Shape]]:
        """Every matrix with its name, layer by layer."""
        return (pair for pair in self.weights(biased=False) if pair[0].startswith("weight"))

    def weights(self, *, biased: bool) -> Iterator[tuple[str, Shape]]:
        """Every weight with its name, in the order of the module."""
        rows = self.gates * self.hidden
        for layer in range(self.layers):
            width = self.outputs * self.directions if layer else self.inputs
            for end in ("", "_reverse")[: self.directions]:
                yield f"weight_ih_l{layer}{end}", (rows, width)
                yield f"weight_hh_l{layer}{end}", (rows, self.outputs)
                if biased:
                    yield f"bias_ih_l{layer}{end}", (rows,)
                    yield f"bias_hh_l{layer}{end}", (rows,)
                if self.projected:
                    yield f"weight_hr_l{layer}{end}", (self.outputs, self.hidden)

    @property
    def elements(self) -> Poly:
        """How many numbers cuDNN keeps: both biases have their place even where there are none."""
        return total(product(shape) for _, shape in self.weights(biased=True))


def weights(of: Sizes) -> list[Tensor]:
    """The parameters of a recurrent layer, parts of one buffer where their dtype allows it."""
    tracer = current()
    made = [tracer.parameter(name, shape) for name, shape in of.weights(biased=of.bias)]
    if tracer.dtype not in FLAT or made[0].storage is made[1].storage:
        return made
    label = f"{tracer.label}.weights" if tracer.label else "weights"
    buffer = replace(made[0].storage, size=of.elements * ITEMSIZE[tracer.dtype], label=label)
    for tensor in made:
        tracer.parameters[tensor.name] = replace(tensor, storage=buffer)
    return [tracer.parameters[tensor.name] for tensor in made]


@primitive
def _copy_into_buffer(weight: Tensor, size: Poly) -> Rule:
    return Rule(Spec(weight.shape, "float16", size=size), {"weight": "cast(g, weight.dtype)"})


def reflattened(parameters: list[Tensor], of: Sizes) -> list[Tensor]:
    """Half-precision copies of the weights in one new buffer; it is held by the first of them."""
    whole = of.elements * ITEMSIZE["float16"]
    return [_copy_into_buffer(weight, ZERO if i else whole) for i, weight in enumerate(parameters)]
