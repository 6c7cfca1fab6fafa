"""Cases large enough for kernels to split their work, and so to take scratch; beside the small ones of `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

LARGE: Mapping[str, tuple[str, ...]] = {
    "Linear": ("out_features: 64 | 2048 128", "out_features: 33 | 3 700 127", "out_features: 512 | 16384 32"),
    "LayerNorm": ("| 4096 256", "| 8 300 96"),
    "BatchNorm1d": ("| 700 64", "| 16 24 300"),
    "BatchNorm2d": ("| 2 8 64 65",),
    "mean": ("dim: [0, 1] | 64 300 20 | mean",),
    "sum": ("dim: 0 | 4096 64", "dim: 1 | 40 3000 3"),
    "softmax": ("dim: -1 | 64 3000", "dim: 1 | 8 2000 3"),
    "log_softmax": ("dim: -1 | 64 3000",),
    "Conv2d": ("out_channels: 16, kernel_size: 3 | 4 8 60 61",),
    "einsum": ("equation: 'bhid,bhjd->bhij' | 4 8 129 64, 4 8 130 64",),
    "mse_loss": ("| 700 300, float32 700 300 | scalar",),
    "add": ("| 64 40 50, 50", "| 64 40 50, 40 1"),
    "mul": ("| 64 40 50, 50", "| 64 1 50, 40 1"),
}  # fmt: skip
