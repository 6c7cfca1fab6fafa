"""The cases of recurrent layers; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

LAYERS = (
    "hidden_size: 4 | 7 3 5",
    "hidden_size: 4 | swapped 7 3 5",
    "hidden_size: 4, batch_first: true | 3 7 5",
    "hidden_size: 4, num_layers: 2, bidirectional: true | 7 3 5",
    "hidden_size: 4, num_layers: 3, batch_first: true, bidirectional: true | 3 7 5",
    "hidden_size: 4, bias: false | 7 3 5",
    "hidden_size: 4 | 7 5",
)
WITH_STATE = ("hidden_size: 4, states: true | 7 3 5, 1 3 4 | linear mean | 2", "hidden_size: 4 | 7 3 5, float32 1 3 4")

CELLS = ("hidden_size: 4 | 3 5", "hidden_size: 4, bias: false | 3 5", "hidden_size: 4 | 5", "hidden_size: 64 | 2048 5")

RECURRENT: Mapping[str, tuple[str, ...]] = {
    "LSTM": (
        *LAYERS,
        "hidden_size: 4, proj_size: 2, num_layers: 2 | 7 3 5",
        "hidden_size: 4, states: true | 7 3 5, 1 3 4, 1 3 4 | linear mean | 3",
        "hidden_size: 4 | 7 3 5, float32 1 3 4, 1 3 4",
    ),
    "GRU": (*LAYERS, *WITH_STATE),
    "RNN": (*LAYERS, *WITH_STATE, "hidden_size: 4, nonlinearity: relu | 7 3 5"),
    "LSTMCell": (
        *(f"{row} | linear mean | 2" for row in CELLS),
        "hidden_size: 4 | 3 5, 3 4, 3 4 | linear mean | 2",
        "hidden_size: 4 | 3 5, float32 3 4, 3 4 | linear mean | 2",
    ),
    "GRUCell": (*CELLS, "hidden_size: 4 | 3 5, 3 4"),
    "RNNCell": (*CELLS, "hidden_size: 4, nonlinearity: relu | 3 5, 3 4"),
}
