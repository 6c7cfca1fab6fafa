"""Memory that cuDNN takes for recurrent layers: an estimate, because cuDNN says it only where it runs.

Both rules were read off the four sizes that are public in pytorch/pytorch#2895, 4 layers of 320 units in fp32 with cuDNN 7 on a
P100: reserve 736,000,000 and workspace 17,730,560 bytes for LSTM, 864,000,000 and 13,169,920 for GRU. They give these
for 25,000 steps, 100 of them at a time. RNN, other versions, other GPUs, dropout and projections were not seen.
"""

from __future__ import annotations

KEPT = {4: 6, 3: 7, 1: 2}  # values a step, unit and layer that backward needs, the output of the last layer among them
MOVED = {4: 11, 3: 8, 1: 4}


def cudnn_rnn_reserve(steps: int, layers: int, gates: int) -> int:
    """Bytes kept for backward, for so many bytes of one layer's outputs; gates are 4 for LSTM, 3 for GRU, 1 for RNN."""
    return steps * (KEPT[gates] * layers - 1)


def cudnn_rnn_workspace(weights: int, states: int, gates: int) -> int:
    """Bytes while a pass runs, for so many bytes of weights without biases and of one state of every layer."""
    return weights + states * MOVED[gates]
