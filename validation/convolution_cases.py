"""The cases of convolutions; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

CONVOLUTIONS: Mapping[str, tuple[str, ...]] = {
    "conv1d": ("| 2 3 9, 4 3 3", "padding: same | 2 3 9, 4 3 4, 4", "groups: 3, stride: 2 | 2 3 9, 6 1 3, float32 6"),
    "conv2d": (
        "| 2 3 7 5, 4 3 3 3",
        "padding: 1, stride: 2 | 2 3 7 5, 4 3 3 3, 4",
        "groups: 3 | 2 3 7 5, 3 1 3 3",
        "| 3 7 5, 4 3 3 3",
        "padding: 1 | last 2 3 7 5, 4 3 3 3",
        "padding: same | float32 2 3 7 5, 4 3 4 3, 4",
        "| 2 3 7 5, float32 4 3 3 3",
    ),
    "conv3d": ("| 2 3 5 5 5, 4 3 2 2 2, 4", "padding: 1 | 2 3 5 5 5, 4 3 3 3 3"),
    "conv_transpose1d": ("| 2 3 9, 3 4 3", "stride: 2, padding: 1, output_padding: 1 | 2 3 9, 3 4 3, 4"),
    "conv_transpose2d": ("stride: 2 | 2 3 7 5, 3 4 2 2, 4", "groups: 3 | 2 3 7 5, 3 2 3 3", "| last 2 3 7 5, 3 4 3 3"),
    "conv_transpose3d": ("stride: 2 | 2 3 5 4 3, 3 4 2 2 2, 4",),
    "Conv1d": (
        "out_channels: 4, kernel_size: 3 | 2 3 9",
        "out_channels: 3, kernel_size: 2, stride: 2, bias: false | 2 3 9",
        "out_channels: 4, kernel_size: 3 | swapped 2 3 9",
        "out_channels: 6, kernel_size: 3, groups: 3 | swapped 2 3 9",
        "out_channels: 4, kernel_size: 4, padding: same | 2 3 9",
        "out_channels: 4, kernel_size: 3, padding: same, padding_mode: replicate | 2 3 9",
        "out_channels: 4, kernel_size: 3 | 3 9",
    ),
    "Conv2d": (
        "out_channels: 4, kernel_size: 3, padding: 1 | 2 3 7 7",
        "out_channels: 6, kernel_size: [1, 2], groups: 3 | 1 3 5 6",
        "out_channels: 4, kernel_size: 3, dilation: 2 | 2 3 7 7",
        "out_channels: 4, kernel_size: 3 | swapped 2 3 7 5",
        "out_channels: 4, kernel_size: 3 | last 2 3 7 5",
        "out_channels: 4, kernel_size: 3, bias: false | last 2 1 7 5",
        "out_channels: 6, kernel_size: 3, groups: 3 | last 2 3 7 5",
        "out_channels: 3, kernel_size: 3, groups: 3 | 2 3 7 5",
        "out_channels: 3, kernel_size: 3, groups: 3, bias: false | swapped 2 3 7 5",
        "out_channels: 32, kernel_size: 3, groups: 32 | 2 32 8 9",
        "out_channels: 32, kernel_size: 7, groups: 32 | 2 32 8 9",
        "out_channels: 4, kernel_size: 3, padding: same | 2 3 7 5",
        "out_channels: 4, kernel_size: [3, 4], padding: same | 2 3 7 5",
        "out_channels: 4, kernel_size: [3, 4], padding: same, dilation: [2, 1] | last 2 3 7 5",
        "out_channels: 4, kernel_size: 3, padding: [1, 2], padding_mode: reflect | 2 3 7 5",
        "out_channels: 4, kernel_size: 3, padding: 1, padding_mode: circular | 2 3 7 5",
        "out_channels: 4, kernel_size: 3, padding: valid | 3 7 5",
    ),
    "Conv3d": (
        "out_channels: 4, kernel_size: 2 | 2 3 5 5 5",
        "out_channels: 2, kernel_size: 3, stride: 2 | 1 1 7 5 7",
        "out_channels: 4, kernel_size: 2 | last 2 3 5 4 5",
        "out_channels: 4, kernel_size: 2 | swapped 2 3 5 4 5",
        "out_channels: 3, kernel_size: 2, groups: 3 | swapped 2 3 5 4 5",
        "out_channels: 4, kernel_size: 2, padding: same | 2 3 5 4 5",
    ),
    "ConvTranspose1d": (
        "out_channels: 4, kernel_size: 3 | 2 3 9",
        "out_channels: 4, kernel_size: 3, stride: 2, padding: 1, output_padding: 1 | swapped 2 3 9",
        "out_channels: 6, kernel_size: 3, groups: 3, bias: false | 2 3 9",
    ),
    "ConvTranspose2d": (
        "out_channels: 4, kernel_size: 2, stride: 2 | 2 3 7 5",
        "out_channels: 4, kernel_size: 3, stride: 2, padding: 1, output_padding: 1 | 2 3 7 5",
        "out_channels: 4, kernel_size: [3, 2], stride: [1, 2], dilation: 2 | swapped 2 3 7 5",
        "out_channels: 4, kernel_size: 3 | last 2 3 7 5",
        "out_channels: 3, kernel_size: 3, groups: 3, bias: false | last 2 3 7 5",
        "out_channels: 3, kernel_size: 3, groups: 3 | 2 3 7 5",
        "out_channels: 4, kernel_size: 3 | 3 7 5",
    ),
    "ConvTranspose3d": (
        "out_channels: 4, kernel_size: 2, stride: 2 | 2 3 5 4 3",
        "out_channels: 4, kernel_size: 3, padding: 1 | last 2 3 5 4 3",
    ),
}
