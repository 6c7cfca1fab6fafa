"""How the kernels of attention split their work, as plain integer functions of sizes.

Sources: ATen/native/transformers/cuda/flash_attn/flash_api.cpp (num_splits_heuristic), attention_backward.cu
(_efficient_attention_backward); torch 2.7 and 2.13.
"""

from __future__ import annotations

import struct

MAX_SPLITS = 128
FULL = 0.8  # of the multiprocessors: from here on the keys are not split
CLOSE = 0.85  # of the best efficiency is good enough


def _single(value: float) -> float:
    """A number in single precision."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _up(a: int, b: int) -> int:
    return -(-a // b)


def _efficiency(blocks: int, splits: int, processors: int) -> float:
    waves = _single(blocks * splits / processors)
    return _single(waves / _up(blocks * splits, processors))


def flash_splits(blocks: int, key_blocks: int, sms: int) -> int:
    """Into how many parts flash attention splits the keys for `blocks` blocks of queries; 0 where it does not.

    It does where the blocks fill less than most of the GPU's multiprocessors, each counted twice.
    """
    processors = 2 * sms
    if blocks >= _single(_single(FULL) * processors):
        return 0
    eligible = [n for n in range(1, min(MAX_SPLITS, processors, key_blocks) + 1) if n == 1 or _up(key_blocks, n) != _up(key_blocks, n - 1)]
    found = {n: _efficiency(blocks, n, processors) for n in eligible}
    chosen = next((n for n in eligible if found[n] >= CLOSE * max(found.values())), 1)
    return chosen if chosen > 1 else 0


def efficient_splits(heads: int, keys: int, block: int) -> int:
    """Into how many parts the backward of memory-efficient attention splits the keys where it adds up dK and dV in memory.

    `heads` counts those of all samples, `block` the keys that one thread block takes.
    """
    whole = 1 if heads >= 256 and keys <= 2 * block else _up(keys, block)
    return max(1, min(whole, 200 // heads))
