"""The cases of pooling and of resampling; see `validation.cases`."""

from __future__ import annotations

from collections.abc import Mapping

LENGTHS = ("2 3 9", "swapped 2 3 9", "3 9")
IMAGES = ("2 3 9 7", "swapped 2 3 9 7", "last 2 3 9 7", "3 9 7")
VOLUMES = ("2 3 5 4 7", "swapped 2 3 5 4 7", "last 2 3 5 4 7", "3 5 4 7")
INPUTS = {1: LENGTHS, 2: IMAGES, 3: VOLUMES}


def _windows(rank: int) -> tuple[str, ...]:
    """A window over every kind of input, then its arguments."""
    first, *_ = INPUTS[rank]
    return (
        *(f"kernel_size: 2 | {operand}" for operand in INPUTS[rank]),
        f"kernel_size: 3, stride: 2, padding: 1 | {first}",
        f"kernel_size: {[2, 3, 1][:rank]}, stride: {[1, 2, 2][:rank]}, ceil_mode: true | {first}",
    )


def _maxima(rank: int) -> tuple[str, ...]:
    first, *_ = INPUTS[rank]
    return (
        *_windows(rank), f"kernel_size: 2, dilation: 2 | {first}", f"kernel_size: 2, return_indices: true | {first} | linear mean | 2",
    )  # fmt: skip


def _powers(rank: int) -> tuple[str, ...]:
    return tuple(f"norm_type: {p}, kernel_size: 2 | {INPUTS[rank][0]}" for p in (2, 1.5))


def _adaptive(rank: int) -> tuple[str, ...]:
    sizes = f"output_size: {[2, 3, 2][:rank]}"
    return (*(f"{sizes} | {operand}" for operand in INPUTS[rank]), f"output_size: 2 | {INPUTS[rank][0]}")


def _averages(rank: int) -> tuple[str, ...]:
    return (*_adaptive(rank), *(f"output_size: 1 | {operand}" for operand in INPUTS[rank]))


def _adaptive_maxima(rank: int) -> tuple[str, ...]:
    return (*_adaptive(rank), f"output_size: 2, return_indices: true | {INPUTS[rank][0]} | linear mean | 2")


def _inverse(rank: int) -> tuple[str, ...]:
    first = INPUTS[rank][0]
    return (f"kernel_size: 2 | {first}, int64 {first}", f"kernel_size: 3, stride: 2, padding: 1 | swapped {first}, int64 {first}")


POOLING: Mapping[str, tuple[str, ...]] = {
    f"{name}{rank}d": rows(rank)
    for names, rows in (
        (("max_pool", "MaxPool"), _maxima),
        (("avg_pool", "AvgPool"), _windows),
        (("lp_pool", "LPPool"), _powers),
        (("adaptive_avg_pool", "AdaptiveAvgPool"), _averages),
        (("adaptive_max_pool", "AdaptiveMaxPool"), _adaptive_maxima),
        (("max_unpool", "MaxUnpool"), _inverse),
    )
    for name in names
    for rank in INPUTS
}

MODES = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}
WIDE = ("last 2 4 5 3", "swapped 2 4 5 3")
RESAMPLED = (
    *(f"scale_factor: 2, mode: {mode} | {operand}" for mode in MODES for rank in MODES[mode] for operand in INPUTS[rank][:-1]),
    *(f"scale_factor: 2, mode: {mode} | {operand}" for mode in ("nearest", "bilinear", "bicubic") for operand in WIDE),
    "size: [4, 9], mode: bilinear, align_corners: true | 2 3 5 4",
    "size: 7 | 2 3 5",
    "scale_factor: [2, 3] | 2 3 5 4",
    "scale_factor: 0.5, mode: area | 2 3 9 7",
    "scale_factor: 1.5, mode: area | last 2 3 4 5 6",
)  # fmt: skip
READ = ("2 3 5 4, 2 6 7 2", "2 3 5 4, float32 2 6 7 2", "float32 2 3 5 4, 2 6 7 2")
RESAMPLING: Mapping[str, tuple[str, ...]] = {
    "interpolate": RESAMPLED,
    "upsample": RESAMPLED[:3],
    **dict.fromkeys(
        ("local_response_norm", "LocalResponseNorm"),
        ("size: 5 | 2 7 5 4", "size: 2, k: 2 | 2 7 5", "size: 3, alpha: 0.1, beta: 1 | 2 7 3 2 4", "size: 5 | last 2 7 5 4"),
    ),
    "grid_sample": (
        *(f"align_corners: false | {row}" for row in (*READ, "last 2 3 5 4, 2 6 7 2", "2 3 5 4 3, 2 6 7 2 3")),
        *(f"align_corners: true | {row}" for row in READ),
        "mode: nearest, padding_mode: border, align_corners: true | 2 3 5 4, 2 6 7 2",
    ),
    "Upsample": ("scale_factor: 2 | 2 3 5 4", "scale_factor: 1.5, mode: bilinear | 2 3 5 4", "size: [6, 7] | 2 3 5 4"),
    "UpsamplingNearest2d": ("scale_factor: 2 | 2 3 5 4", "size: 7 | 2 3 5 4"),
    "UpsamplingBilinear2d": ("scale_factor: 2 | 2 3 5 4", "scale_factor: 2 | last 2 4 5 4"),
}
