"""The cases of layers with kernels of their own; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

SUMMED = ("Tanh", "ReLU", "LeakyReLU", "Sigmoid", "BatchNorm1d", "Dropout", "neg", "contiguous")

LAYERS: Mapping[str, tuple[str, ...]] = {
    "grad": tuple(f"| {layer}_summed 3 5 | mean times" for layer in SUMMED),
    "requires_grad_": ("| 3 5", "| half 3 5 | mean"),
    "LayerNorm": (
        "| 3 5",
        "| 2 3 7",
        "elementwise_affine: false | 2 3 5",
        "bias: false | 3 5",
        "normalized_shape: [3, 5] | 2 3 5",
        "| swapped 2 3 5",
    ),
    "group_norm": (
        "num_groups: 3 | 2 6 5 4",
        "num_groups: 3 | swapped 2 6 5 4, float32 6",
        "num_groups: 2 | 5 6 3, float32 6, float32 6",
    ),
    "layer_norm": (
        "normalized_shape: [5] | 3 5, 5, 5",
        "normalized_shape: [5] | 2 3 5",
        "normalized_shape: [3, 5] | 2 3 5, 3 5",
        "normalized_shape: [5] | swapped 2 3 5, 5, 5",
    ),
    "rms_norm": (
        "normalized_shape: [5] | 3 5, 5",
        "normalized_shape: [5] | swapped 2 3 5",
        "normalized_shape: [3, 5] | 2 3 5, float32 3 5",
    ),
    "instance_norm": (
        "| 2 3 5 4",
        "| last 2 3 5 4, float32 3, float32 3, 3, 3",
        "use_input_stats: false | 2 3 5, float32 3, float32 3, 3, 3",
        "running_mean: null, running_var: null | 2 3 5, 3, 3",
    ),
    "batch_norm": (
        "| 2 3 5 4, float32 3, float32 3, float32 3, float32 3",
        "| 2 3 5 4, float32 3, float32 3, 3, 3",
        "| last 2 3 5 4, float32 3, float32 3, float32 3, float32 3",
        "training: true | 4 5, float32 5, float32 5, 5, 5",
        "training: true | 2 3 5 4, float32 3, float32 3, 3, 3",
        "training: true | 2 3 5 4, float32 3, float32 3, float32 3, float32 3",
        "training: true, running_mean: null, running_var: null | last 2 3 5 4, 3, 3",
    ),
    "RMSNorm": (
        "| 3 5",
        "| swapped 2 3 5",
        "elementwise_affine: false | 2 3 5",
        "normalized_shape: [3, 5] | 2 3 5",
        "fused: false | 2 3 5",
        "fused: false, elementwise_affine: false | 2 3 5",
    ),
    "Parameter": (
        "shape: [3, 5] | beside 3 5 | times",
        "shape: [5, 3] | beside 3 5 | linear",
        "shape: [1] | beside 3 5 | times",
        "shape: [] | beside 3 5 | times",
        "shape: [3, 5], dtype: float64 | beside 3 5 | times",
    ),
    "Buffer": ("shape: [3, 5] | beside 3 5 | times", "shape: [3, 5], dtype: int64 | beside 3 5 | times"),
    "GroupNorm": (
        "num_groups: 3 | 2 6 5",
        "num_groups: 2 | 1 4 3 5",
        "num_groups: 2, affine: false | 2 4 3 5",
        "num_groups: 3 | 4 6",
        "num_groups: 3 | swapped 2 6 5 4",
    ),
    "BatchNorm1d": ("| 4 5", "| 4 3 5", "affine: false | 4 5", "track_running_stats: false | 4 5", "| swapped 4 3 5"),
    "BatchNorm2d": ("| 2 3 5 4", "affine: false | 2 3 5 4", "track_running_stats: false | 2 3 5 4", "| last 2 3 5 4"),
    "BatchNorm3d": ("| 2 3 5 4 3",),
    "InstanceNorm1d": ("| 2 3 5", "affine: true | 2 3 5", "affine: true, track_running_stats: true | 2 3 5", "affine: true | 1 3 5"),
    "InstanceNorm2d": ("| 2 3 5 4", "affine: true | 2 3 5 4", "| swapped 2 3 5 4"),
    "InstanceNorm3d": ("| 2 3 5 4 3", "affine: true, track_running_stats: true | 2 3 5 4 3"),
}
