"""Recurrent layers through cuDNN: outputs, final states, what cuDNN keeps for backward, and its workspace.

Sources: torch/nn/modules/rnn.py, ATen/native/cudnn/RNN.cpp (_cudnn_rnn, _cudnn_rnn_cast_reflatten), derivatives.yaml; torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.graph import FLOATING, ITEMSIZE, Rule, Shape, Spec, Tensor, contiguous
from analyzer.ops.autocast import _cast
from analyzer.ops.creation import made
from analyzer.ops.layout import same_layout
from analyzer.ops.recurrent_weights import FLAT, Sizes, reflattened, weights
from analyzer.ops.registry import Probability, op, primitive
from analyzer.ops.shape import squeeze, unsqueeze
from analyzer.polynomial import ONE, ZERO, Poly, call, poly, product, total
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show
from analyzer.work import TF32, Work, multiplied


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What the backward of a recurrent layer needs to know."""

    batch_first: bool
    workspace: Poly
    elements: Poly  # of the gradients of all weights
    shared: bool  # whether the gradients of the weights are parts of one buffer
    weights: int
    trained: frozenset[str]


def by_steps(shape: Shape, batch_first: bool) -> Shape:
    """The strides of a batch of sequences that lies step by step, as cuDNN takes and gives it."""
    if not batch_first:
        return contiguous(shape)
    return shape[2], shape[0] * shape[2], ONE


@primitive
def _cudnn_rnn(x: Tensor, hx: Tensor, cx: Tensor | None, weights: list[Tensor], of: Sizes, batch_first: bool) -> Rule:
    batch, item = x.shape[0 if batch_first else 1], ITEMSIZE[x.dtype]
    shape = (*x.shape[:2], of.outputs * of.directions)
    state = batch * of.hidden * of.directions * item
    matrices = total(product(shape) for _, shape in of.matrices()) * item
    workspace = call("cudnn_rnn_workspace", matrices, state * of.layers, of.gates)
    reserve = call("cudnn_rnn_reserve", state * x.shape[1 if batch_first else 0], of.layers, of.gates)
    inputs = {"x": x, "hx": hx} | ({} if cx is None else {"cx": cx}) | {f"weights{i}": weight for i, weight in enumerate(weights)}
    aux = {"workspace": Spec((workspace,), "uint8"), "reserve": Spec((reserve if current().training else ZERO,), "uint8")}
    own = {"buffer": Spec((of.elements,), x.dtype)} if x.dtype not in FLAT else {}
    reads = ", ".join([*inputs, "y", *own, "reserve"])
    trained = frozenset(name for name, tensor in inputs.items() if tensor.requires_grad)
    return Rule(
        (Spec(shape, x.dtype, by_steps(shape, batch_first)), *(Spec(t.shape, x.dtype) for t in (hx, cx) if t is not None)),
        {name: f"cudnn_rnn_backward('{name}', {reads})" for name in inputs},
        aux=own | aux,
        copies=(ZERO if same_layout(x.shape, x.strides, by_steps(x.shape, batch_first)) else x.bytes,),
        constants={"recurrence": Recurrence(batch_first, workspace, of.elements, of.bias, len(weights), trained)},
        work=_work(x, of, trained),
    )


def _work(x: Tensor, of: Sizes, trained: frozenset[str]) -> Work:
    """Every matrix at every step; in backward once for the inputs and once for the weights. TF32 as in convolutions."""
    flops = total(multiplied(*x.shape[:2], *shape) for _, shape in of.matrices())
    backward = flops * (1 + any(name.startswith("weights") for name in trained))
    return Work(flops, {"cudnn_rnn_backward": backward}, TF32 if x.dtype == "float32" else x.dtype)


def _layer(x: Tensor, states: tuple[Tensor | None, ...], of: Sizes, batch_first: bool) -> tuple[Tensor, ...]:
    """nn.RNNBase.forward: zeros where no states are given, then cuDNN's kernel; the result and the final states."""
    at = 0 if batch_first else 1
    whole = x if len(x.shape) == 3 else unsqueeze(x, dim=at)
    begun = _begun(states, of, whole.shape[at], x)
    parameters = weights(of)
    _same_dtype(parameters[0], x)
    if current().autocast:
        parameters = reflattened(parameters, of)
        whole, *begun = reversed([_halved(t) for t in reversed([whole, *begun])])
    results = _cudnn_rnn(whole, begun[0], begun[1] if of.gates == 4 else None, parameters, of, batch_first)
    if len(x.shape) == 3:
        return tuple(results)
    return squeeze(results[0], dim=at), *(squeeze(t, dim=1) for t in results[1:])


def _halved(x: Tensor) -> Tensor:
    """What autocast makes of a tensor here: fp16, whatever its own dtype is."""
    half: Tensor = x if x.dtype == "float16" else _cast(x, "float16")
    return half


def _begun(states: tuple[Tensor | None, ...], of: Sizes, batch: Poly, x: Tensor) -> list[Tensor]:
    """The initial states. Raises Refused where they do not fit."""
    if len({state is None for state in states}) > 1:
        raise Refused("LSTM takes both initial states or none", "in: [x, h, c]")
    result: list[Tensor] = []
    for state, size in zip(states, (of.outputs, of.hidden)):
        shape = (poly(of.directions * of.layers), batch, size)
        if state is None:
            result.append(made(list(shape), x.dtype))
            continue
        full = unsqueeze(state, dim=1) if len(x.shape) == 2 and len(state.shape) == 2 else state
        if len(full.shape) != 3 or not all(sizes().same(a, b) for a, b in zip(full.shape, shape)):
            raise Refused(f"an initial state is {show(state.shape)} from {state.origin}, but the layer needs {show(shape)}")
        _same_dtype(full, x)
        result.append(full)
    return result


def _same_dtype(given: Tensor, x: Tensor) -> None:
    """Raises Refused for dtypes that PyTorch does not mix, but under autocast."""
    if given.dtype != x.dtype and not (current().autocast and x.dtype in FLOATING):
        raise Refused(f"a recurrent layer takes one dtype: its input is {x.dtype}, but {given.name or 'a state'} is {given.dtype}")


def _recurrent(x: Tensor, states: tuple[Tensor | None, ...], gates: int, hidden: Poly, num_layers: Poly, bias: bool, batch_first: bool,
               bidirectional: bool, proj_size: Poly, final: bool) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """The result of a layer, with its final states where they are asked for."""
    if len(x.shape) not in (2, 3):
        raise Refused(f"a recurrent layer takes 2 or 3 dimensions, its input is {show(x.shape)} from {x.origin}")
    number = sizes().number
    if number(hidden) < 1 or number(num_layers) < 1 or not 0 <= number(proj_size) < number(hidden):
        raise Refused(
            f"hidden_size {hidden!r}, num_layers {num_layers!r} and proj_size {proj_size!r} make no layer",
            "sizes are at least 1, and proj_size is smaller than hidden_size",
        )
    if num_layers.constant is None:
        sizes().assume(num_layers, "==", number(num_layers))
    projected = number(proj_size) > 0
    of = Sizes(gates, x.shape[-1], hidden, proj_size if projected else hidden, number(num_layers), 1 + bidirectional, bias, projected)
    results = _layer(x, states, of, batch_first)
    return results if final else results[0]


@op
def LSTM(x: Tensor, h_0: Tensor | None = None, c_0: Tensor | None = None, *, hidden_size: Poly, num_layers: Poly = ONE,
         bias: bool = True, batch_first: bool = False, dropout: Probability = 0.0, bidirectional: bool = False, proj_size: Poly = ZERO,
         states: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the outputs h of every step: c = f c + i g, h = o tanh c; with states also the last h and c"""
    return _recurrent(x, (h_0, c_0), 4, hidden_size, num_layers, bias, batch_first, bidirectional, proj_size, states)


@op
def GRU(x: Tensor, h_0: Tensor | None = None, *, hidden_size: Poly, num_layers: Poly = ONE, bias: bool = True,
        batch_first: bool = False, dropout: Probability = 0.0, bidirectional: bool = False,
        states: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the outputs h of every step: h = (1 - z) n + z h; with states also the last h"""
    return _recurrent(x, (h_0,), 3, hidden_size, num_layers, bias, batch_first, bidirectional, ZERO, states)


@op
def RNN(x: Tensor, h_0: Tensor | None = None, *, hidden_size: Poly, num_layers: Poly = ONE, nonlinearity: str = "tanh",
        bias: bool = True, batch_first: bool = False, dropout: Probability = 0.0, bidirectional: bool = False,
        states: bool = False) -> Tensor | tuple[Tensor, ...]:  # fmt: skip
    """y = the outputs h of every step: h = tanh(W x + U h); with states also the last h"""
    if nonlinearity not in ("tanh", "relu"):
        raise Refused(f"RNN has no nonlinearity '{nonlinearity}'", "one of: tanh, relu")
    return _recurrent(x, (h_0,), 1, hidden_size, num_layers, bias, batch_first, bidirectional, ZERO, states)
