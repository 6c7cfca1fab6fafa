"""Scratch that single CUDA kernels take, as plain integer functions of sizes."""

from __future__ import annotations

from math import isqrt

TILE = 2048  # bytes that a block of a copying kernel takes at a time


def _up(a: int, b: int) -> int:
    return -(-a // b)


def _power(a: int) -> int:
    """The last power of two up to a."""
    return 1 << (max(a, 1).bit_length() - 1)


def batch_norm_scratch(rows: int, channels: int, values: int) -> int:
    """Bytes of partial results and counters of a batch norm over channels-last data that splits its rows over blocks.

    `values` numbers are kept for each channel and block. Source: ATen/native/cuda/Normalization.cuh,
    flexible_launch_configs and its callers (2.7 to 2.13).
    """
    width = min(_power(channels), 32)
    height = min(_power(_up(rows, 16)), 512 // width)
    if width * height != 512:
        width = min(_power(channels), 512 // height)
    blocks = min(_up(rows, height * 16), 128)
    return 4 * values * channels * blocks + 4 * _up(channels, width) if blocks >= 8 else 0


def layer_norm_partials(rows: int, columns: int) -> int:
    """How many rows of partial sums the weight gradient of a layer norm over many short rows goes through.

    Source: ATen/native/cuda/layer_norm_kernel.cu, LaunchGammaBetaBackwardCUDAKernel (2.8 to 2.13).
    """
    return min(32 * 1024 // _up(columns, 32), _up(rows, 32))


def topk_blocks(slices: int, length: int, sms: int) -> int:
    """How many thread blocks search slices of a length for their k largest elements, where one slice takes several.

    Source: ATen/native/cuda/TensorTopK.cu, mbtopk::get_items_per_thread and launch (2.7 to 2.13).
    """
    block, resident = 256, 6  # threads, and how many blocks of 40 registers a thread a multiprocessor holds
    items = max(4, min(_up(slices * length, sms * resident * block), 64))
    return slices * _up(length, items * block)


def split_copy_scratch(most: int, chunks: int, *parts: int) -> int:
    """Bytes of addresses that split_with_sizes_copy_out packs for a kernel of up to `most` blocks.

    `parts` are how many outputs there are, and the bytes of a chunk of each, in turn; `chunks` is how many each is put together from.
    Source: aten/src/ATen/native/cuda/TensorShape.cu (split_with_sizes_copy_out_cuda_contiguous_no_cast), torch 2.13.
    """
    pairs = list(zip(parts[::2], parts[1::2]))
    rounds = _up(sum(count * _up(size, TILE) for count, size in pairs) * chunks, most)
    iterations = _up(rounds, min(isqrt(rounds - 1) + 1, chunks))
    return 8 * (sum(count * (4 + _up(size, TILE * iterations)) for count, size in pairs) + 1)
