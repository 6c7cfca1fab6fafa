"""How PyTorch calls recurrent layers; see `validation.reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from analyzer.cudnn_rnn import cudnn_rnn_reserve
from validation.stand_ins import Kernel, Made

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class _Called:
    """A layer called with initial states as tensors, and asked for its final states or not."""

    states = False

    def forward(self, x: Tensor, *given: Tensor | None) -> Any:
        """The outputs, and the final states after them."""
        begun = [state for state in given if state is not None]
        hx = None if not begun else tuple(begun) if len(begun) > 1 else begun[0]
        y, final = super().forward(x, hx)  # type: ignore[misc]
        return (y, *(final if isinstance(final, tuple) else (final,))) if self.states else y


class _Fused:
    """A layer by what stands for cuDNN's kernel: it keeps its inputs, its result, and cuDNN's reserve."""

    def forward(self: Any, x: Tensor, hx: Any = None) -> Any:
        """The outputs and final states, of the right shapes."""
        whole = x if x.dim() == 3 else x.unsqueeze(0 if self.batch_first else 1)
        batch, directions = whole.shape[0 if self.batch_first else 1], 1 + self.bidirectional
        widths = [self.proj_size or self.hidden_size, self.hidden_size][: 2 if self.mode == "LSTM" else 1]
        begun = [torch.zeros(self.num_layers * directions, batch, n) for n in widths]
        if hx is not None:
            begun = list(hx) if isinstance(hx, tuple) else [hx]
        results = Kernel.apply(self._made, whole, *begun, *self._flat_weights)  # type: ignore[no-untyped-call]
        y, *final = results if x.dim() == 3 else (results[0].squeeze(0 if self.batch_first else 1), *(t.squeeze(1) for t in results[1:]))
        return y, tuple(final) if len(final) > 1 else final[0]

    def _made(self: Any, x: Tensor, *others: Tensor) -> Made:
        states = others[: 2 if self.mode == "LSTM" else 1]
        directions, batch, steps = 1 + self.bidirectional, x.shape[not self.batch_first], x.shape[self.batch_first]
        y = torch.empty(steps, batch, (self.proj_size or self.hidden_size) * directions)
        kept = batch * steps * self.hidden_size * directions * x.itemsize
        reserve = torch.empty(cudnn_rnn_reserve(kept, self.num_layers, GATES[self.mode]), dtype=torch.uint8)
        y = y.transpose(0, 1) if self.batch_first else y
        return (y, *(torch.empty(t.shape) for t in states)), (x, *others, y, reserve)


def _layer(*bases: type) -> Callable[..., nn.Module]:
    def made(x: Tensor, *begun: Tensor | None, states: bool = False, **attributes: Any) -> nn.Module:
        kind = type(bases[-1].__name__, bases, {"states": states})
        module: nn.Module = kind(x.shape[-1], **attributes)
        return module

    return made


class _CalledCell:
    """A cell called with its states as tensors."""

    def forward(self, x: Tensor, *given: Tensor | None) -> Any:
        """The states after the step."""
        begun = tuple(state for state in given if state is not None)
        return super().forward(x, begun if len(begun) > 1 else begun[0] if begun else None)  # type: ignore[misc]


class _FusedCell:
    """A cell by what stands for CUDA's kernel: it keeps the products, the state, and what it computed on the way."""

    def forward(self: Any, x: Tensor, *given: Tensor | None) -> Any:
        """The states after the step, of the right shapes."""
        whole = x if x.dim() == 2 else x.unsqueeze(0)
        lstm = isinstance(self, nn.LSTMCell)
        begun = [state for state in given if state is not None] or [torch.zeros(whole.shape[0], self.hidden_size)] * 2
        products = F.linear(whole, self.weight_ih), F.linear(begun[0], self.weight_hh)
        results = Kernel.apply(self._made, *products, begun[lstm], self.bias_ih, self.bias_hh)  # type: ignore[no-untyped-call]
        made = results if x.dim() == 2 else tuple(t.squeeze(0) for t in results)
        return made if lstm else made[0]

    def _made(self, inputs: Tensor, hidden: Tensor, state: Tensor, *biases: Tensor | None) -> Made:
        if isinstance(self, nn.LSTMCell):
            results = torch.empty(state.shape), torch.empty(state.shape)
            return results, (inputs, hidden, state, *biases, results[1], torch.empty(inputs.shape))
        return (torch.empty(state.shape),), (inputs, hidden, state, *biases, torch.empty(len(state), 5 * state.shape[1]))


LAYERS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
CELLS = {"LSTMCell": nn.LSTMCell, "GRUCell": nn.GRUCell, "RNNCell": nn.RNNCell}
RECURRENT: Mapping[str, Callable[..., Any]] = {
    **{name: _layer(_Called, layer) for name, layer in LAYERS.items()},
    **{name: _layer(_CalledCell, cell) for name, cell in CELLS.items()},
}

# On other devices than CUDA, where PyTorch runs the layers step by step.
CUDA_RECURRENT: Mapping[str, Callable[..., Any]] = {
    **{name: _layer(_Called, _Fused, layer) for name, layer in LAYERS.items()},
    **{name: _layer(_FusedCell, cell) for name, cell in CELLS.items() if name != "RNNCell"},
}
