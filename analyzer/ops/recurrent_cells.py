"""Single steps of recurrent layers. LSTM and GRU run a kernel on the products of input and state with their weights.

Sources: torch/nn/modules/rnn.py (RNNCellBase), ATen/native/RNN.cpp (lstm_cell, gru_cell, SimpleCell), derivatives.yaml
(_thnn_fused_lstm_cell, _thnn_fused_gru_cell); torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops.activation import relu
from analyzer.ops.activation import tanh as hyperbolic
from analyzer.ops.creation import made
from analyzer.ops.dense import linear
from analyzer.ops.inplace import add_
from analyzer.ops.registry import op, prepared, primitive
from analyzer.ops.shape import squeeze, unsqueeze
from analyzer.polynomial import Poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@dataclass(frozen=True, slots=True)
class Cell:
    """What the backward of a fused cell needs to know: whether both products share a gradient, and what is trained."""

    shared: bool
    trained: frozenset[str]


@primitive
def _thnn_fused_lstm_cell(input_gates: Tensor, hidden_gates: Tensor, state: Tensor, input_bias: Tensor | None,
                          hidden_bias: Tensor | None) -> Rule:  # fmt: skip
    return _fused((Spec(state.shape, input_gates.dtype),) * 2, input_gates.shape[1], ", y1", _named(
        input_gates=input_gates, hidden_gates=hidden_gates, state=state, input_bias=input_bias, hidden_bias=hidden_bias))  # fmt: skip


@primitive
def _thnn_fused_gru_cell(input_gates: Tensor, hidden_gates: Tensor, state: Tensor, input_bias: Tensor | None,
                         hidden_bias: Tensor | None) -> Rule:  # fmt: skip
    return _fused((Spec(state.shape, input_gates.dtype),), 5 * state.shape[1], "", _named(
        input_gates=input_gates, hidden_gates=hidden_gates, state=state, input_bias=input_bias, hidden_bias=hidden_bias))  # fmt: skip


def _named(**tensors: Tensor | None) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


def _fused(out: tuple[Spec, ...], width: Poly, results: str, inputs: dict[str, Tensor]) -> Rule:
    """One kernel for the whole cell, which keeps what it computed on the way."""
    reads = f"{', '.join(inputs)}{results}, workspace"
    return Rule(
        out if len(out) > 1 else out[0],
        {name: f"fused_cell_backward('{name}', {reads})" for name in inputs},
        aux={"workspace": Spec((out[0].shape[0], width), out[0].dtype)},
        first=("workspace",),
        constants={"cell": Cell(len(out) > 1, frozenset(name for name, tensor in inputs.items() if tensor.requires_grad))},
    )


def _cell(x: Tensor, states: list[Tensor | None], gates: int, hidden: Poly, bias: bool, autocast: str) -> tuple[Tensor, ...]:
    """nn.RNNCellBase.forward: its parameters, zeros where no states are given, then the cell."""
    if len(x.shape) not in (1, 2) or sizes().number(hidden) < 1:
        raise Refused(f"a cell of {hidden!r} units takes 1 or 2 dimensions, its input is {show(x.shape)} from {x.origin}")
    tracer, rows = current(), gates * hidden
    w_ih, w_hh = tracer.parameter("weight_ih", (rows, x.shape[-1])), tracer.parameter("weight_hh", (rows, hidden))
    b_ih, b_hh = (tracer.parameter(f"bias_{name}", (rows,)) if bias else None for name in ("ih", "hh"))
    whole = unsqueeze(x, dim=0) if len(x.shape) == 1 else x
    begun = _begun(states, (whole.shape[0], hidden), x)
    with prepared(autocast, (whole, begun, w_ih, w_hh, b_ih, b_hh)) as arguments:
        results = _run(gates, autocast, *arguments)
    return tuple(squeeze(t, dim=0) for t in results) if len(x.shape) == 1 else results


def _run(gates: int, name: str, x: Tensor, begun: list[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None,
         b_hh: Tensor | None) -> tuple[Tensor, ...]:  # fmt: skip
    if gates == 1:
        hidden, given = linear(begun[0], w_hh, b_hh), linear(x, w_ih, b_ih)
        total: Tensor = add_(hidden, given)
        return (relu(total) if name == "rnn_relu_cell" else hyperbolic(total),)
    products = linear(x, w_ih), linear(begun[0], w_hh)
    if gates == 3:
        return (_thnn_fused_gru_cell(*products, begun[0], b_ih, b_hh),)
    results: tuple[Tensor, ...] = _thnn_fused_lstm_cell(*products, begun[1], b_ih, b_hh)
    return results


def _begun(states: list[Tensor | None], shape: tuple[Poly, Poly], x: Tensor) -> list[Tensor]:
    """The states before the step. Raises Refused where they do not fit."""
    if all(state is None for state in states):
        return [made(list(shape), x.dtype)] * len(states)
    result: list[Tensor] = []
    for state in states:
        if state is None:
            raise Refused("LSTMCell takes both states or none", "in: [x, h, c]")
        full = unsqueeze(state, dim=0) if len(state.shape) == 1 else state
        if len(full.shape) != 2 or not all(sizes().same(a, b) for a, b in zip(full.shape, shape)):
            raise Refused(f"a state is {show(state.shape)} from {state.origin}, but the cell needs {show(shape)}")
        result.append(full)
    return result


@op
def LSTMCell(x: Tensor, h: Tensor | None = None, c: Tensor | None = None, *, hidden_size: Poly,
             bias: bool = True) -> tuple[Tensor, ...]:  # fmt: skip
    """h, c = one step: c = f c + i g, h = o tanh c"""
    return _cell(x, [h, c], 4, hidden_size, bias, "lstm_cell")


@op
def GRUCell(x: Tensor, h: Tensor | None = None, *, hidden_size: Poly, bias: bool = True) -> Tensor:
    """h = one step: (1 - z) n + z h"""
    return _cell(x, [h], 3, hidden_size, bias, "gru_cell")[0]


@op
def RNNCell(x: Tensor, h: Tensor | None = None, *, hidden_size: Poly, bias: bool = True, nonlinearity: str = "tanh") -> Tensor:
    """h = one step: tanh(W x + U h)"""
    if nonlinearity not in ("tanh", "relu"):
        raise Refused(f"RNNCell has no nonlinearity '{nonlinearity}'", "one of: tanh, relu")
    return _cell(x, [h], 1, hidden_size, bias, f"rnn_{nonlinearity}_cell")[0]
