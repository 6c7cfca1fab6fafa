"""The cases of ops that move, join and make tensors; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

MADE = ("shape: [3, 5] | beside 3 5 | times", "shape: [5], dtype: float16 | beside 3 5 | times")
LIKE = ("| 3 5 | times", "| swapped 2 3 5 | times", "| half 3 5 | times")
PADDED = {
    1: ("padding: 2 | 2 3 5", "padding: [1, 0] | swapped 2 3 5", "padding: 1 | 3 5"),
    2: ("padding: 1 | 2 3 5 4", "padding: [1, 0, 2, 1] | swapped 2 3 5 4", "padding: 1 | last 2 3 5 4", "padding: 1 | 3 5 4"),
    3: ("padding: 1 | 2 3 5 4 3", "padding: [1, 0, 2, 1, 0, 1] | swapped 2 3 5 4 3", "padding: 1 | last 2 3 5 4 3"),
}

SHAPES: Mapping[str, tuple[str, ...]] = {
    "view": ("shape: [3, 10] | 3 2 5", "shape: [-1, 5] | 2 3 5"),
    "reshape": ("shape: [15, -1] | 2 3 5", "shape: [2, 15] | swapped 2 3 5", "shape: [-1, 5] | 2 3 5"),
    "flatten": ("| 2 3 5", "start_dim: 1 | 2 3 5", "start_dim: -2 | swapped 2 3 5", "end_dim: 1 | 2 3 5"),
    "Flatten": ("| 2 3 5", "| swapped 2 3 5"),
    "unflatten": ("dim: -1, sizes: [2, -1] | 3 6", "dim: 0, sizes: [2, 3] | 6 5"),
    "Unflatten": ("dim: -1, unflattened_size: [2, 3] | 3 6", "dim: 0, unflattened_size: [2, 3] | 6 5"),
    "permute": ("dims: [1, 0, 2] | 2 3 5", "dims: [2, 0, 1] | 2 3 5"),
    "transpose": ("dim0: 0, dim1: 1 | 3 5", "dim0: -1, dim1: 0 | 2 3 5"),
    "tensor_split": (
        "indices_or_sections: 3 | 6 5 | linear mean | 3", "indices_or_sections: [1, 4], dim: -1 | 2 3 6 | linear mean | 3",
    ),
    "diagonal": ("| 5 5", "dim1: -1, dim2: -2 | 2 3 3", "| swapped 3 3 5"),
    "meshgrid": ("| 3, 5 | linear mean | 2", "indexing: xy | 3, 5, 4 | linear mean | 3"),
    "swapaxes": ("axis0: 0, axis1: 1 | 3 5",),
    "swapdims": ("dim0: -1, dim1: 0 | 2 3 5",),
    "broadcast_to": ("size: [3, 4, 5] | 3 1 5",),
    "split_with_sizes": ("split_sizes: [1, 4], dim: -1 | 2 3 5 | linear mean | 2",),
    **dict.fromkeys(("concat", "concatenate"), ("dim: 0 | 3 5, 2 5",)),
    **dict.fromkeys(("channel_shuffle", "ChannelShuffle"), ("groups: 3 | 2 6 5 4", "groups: 2 | 2 6 3")),
    "Softmax2d": ("| 2 3 5 4", "| 3 5 4", "| last 2 3 5 4"),
    "t": ("| 3 5", "| 5"),
    "moveaxis": ("source: 0, destination: -1 | 2 3 5",),
    "movedim": ("source: 0, destination: -1 | 2 3 5", "source: [0, 1], destination: [1, 2] | 2 3 5"),
    "squeeze": ("dim: 1 | 3 1 5", "dim: 0 | 3 5"),
    "unsqueeze": ("dim: 0 | 3 5", "dim: -1 | 3 5", "dim: 1 | swapped 2 3 5"),
    "expand": ("size: [3, 4, 5] | 3 1 5", "size: [4, -1, -1] | 3 5"),
    "expand_as": ("| 3 1, 3 5", "| 5, float32 3 5", "| 1 3 5, float32 2 3 5"),
    **dict.fromkeys(("view_as", "reshape_as"), ("| 3 5, float32 5 3", "| 2 3 5, 6 5")),
    "cat": ("dim: 0 | 3 5, 2 5", "dim: -1 | 3 5, 3 2, 3 1", "dim: 1 | 2 3 5, float32 2 4 5"),
    "slice": (
        "dim: 1, start: 1, length: 3 | 3 5", "length: 1 | 3 5", "dim: -1, start: 2, length: 2 | 2 3 5",
        "dim: 0, length: 2, step: 2 | 3 5", "dim: 1, start: 1, length: 2, step: 2 | 2 6 5",
    ),
    "narrow": ("dim: 1, start: 1, length: 3 | 3 5", "dim: -1, start: 0, length: 2 | 2 3 5"),
    "select": ("dim: 1, index: 0 | 2 3 5", "dim: -1, index: 2 | 2 3 5"),
    "split": (
        "split_size: 2 | 6 5 | linear mean | 3", "split_size: 2, dim: 1 | 3 5 | linear mean | 3",
        "split_size: [1, 4], dim: -1 | 2 3 5 | linear mean | 2",
    ),
    "chunk": ("chunks: 3 | 6 5 | linear mean | 3", "chunks: 2, dim: -1 | 3 5 | linear mean | 2"),
    "unbind": ("| 3 5 | linear mean | 3", "dim: 1 | 2 3 5 | linear mean | 3", "dim: -1 | 2 3 2 | linear mean | 2"),
    "tile": ("dims: [2, 1] | 3 5", "dims: [2] | 3 5", "dims: [4, 2, 1] | 3 5", "dims: [1, 2, 3] | swapped 2 3 5"),
    "repeat_interleave": ("repeats: 2, dim: 0 | 3 5", "repeats: 3, dim: -1 | 2 3 5", "repeats: 2 | 3 5 | mean"),
    "roll": (
        "shifts: 1, dims: 0 | 3 5", "shifts: [1, -1], dims: [1, 2] | 2 3 5", "shifts: 2 | 3 5",
        "shifts: [1, 2], dims: [0, 2] | swapped 2 3 5",
    ),
    "flip": ("dims: [0] | 3 5", "dims: [0, 2] | 2 3 5", "dims: [-1] | swapped 2 3 5"),
    **dict.fromkeys(("tril", "triu"), ("| 5 5", "diagonal: 1 | 2 3 5", "| swapped 2 3 5")),
    "pad": (
        "pad: [1, 2] | 3 5", "pad: [1, 0, 2, 1] | 2 3 5", "pad: [1, 2] | swapped 2 3 5", "pad: [1, 2], mode: reflect | 2 3 5",
        "pad: [1, 2, 1, 1], mode: reflect | 2 3 5 4", "pad: [2, 2], mode: replicate | 2 3 5",
        "pad: [1, 2, 1, 1], mode: replicate | 2 3 5 4",
        "pad: [1, 1, 1, 1, 1, 1], mode: replicate | 2 3 5 4 3", "pad: [1, 1], mode: reflect | swapped 2 3 5",
        "pad: [1, 1, 2, 2], mode: reflect | last 2 3 5 4", "pad: [1, 1, 2, 2], mode: replicate | last 2 3 5 4",
        "pad: [-1, 2] | 2 3 5", "pad: [-1, 0] | 2 3 5", "pad: [1, 2], mode: circular | 2 3 5",
        "pad: [0, 2], mode: circular | swapped 2 3 5",
        "pad: [1, 2, 1, 1], mode: circular | 2 3 5 4", "pad: [1, 2, 1, 1, 0, 1], mode: circular | 2 3 5 4 3",
    ),
    **{f"{kind}Pad{rank}d": PADDED[rank] for kind in ("Zero", "Reflection", "Replication", "Circular") for rank in PADDED},
    **{f"ConstantPad{rank}d": tuple(f"value: 2, {row}" for row in PADDED[rank]) for rank in PADDED},
    **dict.fromkeys(
        ("pixel_shuffle", "PixelShuffle"),
        ("upscale_factor: 2 | 2 8 3 5", "upscale_factor: 3 | 9 2 2", "upscale_factor: 2 | swapped 2 8 3 5"),
    ),
    **dict.fromkeys(
        ("pixel_unshuffle", "PixelUnshuffle"), ("downscale_factor: 2 | 2 3 4 6", "downscale_factor: 2 | swapped 1 4 2 6")
    ),
    **dict.fromkeys(
        ("unfold", "Unfold"),
        (
            "kernel_size: 2 | 2 3 5 4", "kernel_size: [2, 3], padding: 1, stride: 2 | 2 3 5 6",
            "kernel_size: 2, dilation: 2 | swapped 2 3 5 4",
        ),
    ),
    **dict.fromkeys(
        ("fold", "Fold"),
        (
            "output_size: [5, 4], kernel_size: 2 | 2 12 12", "output_size: [5, 6], kernel_size: [2, 3], padding: 1, stride: 2 | 2 6 9",
            "output_size: 4, kernel_size: 2, dilation: 2 | swapped 2 12 4", "output_size: 4, kernel_size: 2 | 2 12 9 | turned",
        ),
    ),
    **dict.fromkeys(("rand_like", "ones_like"), LIKE),
    "full_like": ("value: 2 | 3 5 | times", "value: 2, dtype: int64 | 3 5 | times"),
    "randint_like": ("high: 5 | 3 5 | times", "low: 1, high: 5, dtype: int64 | 3 5 | times"),
    "bernoulli": ("| between 3 5", "| between 2 3 5"),
    **dict.fromkeys(("zeros", "ones", "rand", "randn"), MADE),
    **dict.fromkeys(
        ("new_zeros", "new_ones"),
        ("size: [3, 5] | 3 5 | times", "size: [1, 5] | half 3 5 | times", "size: [3, 5], dtype: int64 | 3 5 | times"),
    ),
    "full": ("shape: [3, 5], value: 0.5 | beside 3 5 | times", "shape: [5], value: 3, dtype: int64 | beside 3 5 | times"),
    "randint": ("high: 7, shape: [3, 5] | beside 3 5 | times", "low: 2, high: 7, shape: [5] | beside 3 5 | times"),
    "eye": ("n: 5 | beside 5 5 | times", "n: 3, m: 5 | beside 3 5 | times"),
    "arange": ("end: 5 | beside 3 5 | times", "end: 5, dtype: float32 | beside 3 5 | times"),
    "linspace": ("start: 0, end: 1, steps: 5 | beside 3 5 | times",),
    "dropout": ("| 3 5", "p: 0 | 3 5", "p: 0.1 | swapped 2 3 5", "| 2 3 5 | turned", "| 2 3 4 5 | turned", "| last 2 3 4 5"),
    "Dropout": ("| 3 5", "p: 0 | 2 3 5", "p: 0.1 | swapped 2 3 5", "inplace: true | 3 5"),
    "dropout_": ("| 3 5", "p: 0 | 3 5"),
    **dict.fromkeys(("dropout1d", "Dropout1d"), ("| 2 3 5", "p: 0 | 2 3 5")),
    **dict.fromkeys(("dropout2d", "Dropout2d"), ("| 2 3 5 4", "p: 0.1 | 2 3 5 4")),
    **dict.fromkeys(("dropout3d", "Dropout3d"), ("| 2 3 5 4 3", "p: 0.1 | 2 3 5 4 3")),
}  # fmt: skip
