"""Temporary storage of CUB's device-wide algorithms, as plain integer functions of sizes.

Sources: CCCL 3.0 (CUDA 13.0): cub/device/dispatch/dispatch_{radix_sort,unique_by_key,scan,scan_by_key}.cuh with the tunings
beside them, cub/agent/single_pass_scan_operators.cuh, and cub/util_temporary_storage.cuh for the alignment. How many elements
a thread block takes depends on the compute capability, and of nothing else on the device.
"""

from __future__ import annotations

ALIGNMENT = 256
STATE, PADDING = 16, 32  # bytes that a block of a scan tells its successors, and how many more of these there are than blocks
DIGIT_BITS, DIGITS = 8, 256
SINGLE_BLOCK = 256  # threads of the kernel that sorts a short array

# Elements a thread block takes, by bytes of a key: from which compute capability on, and how many.
Tiles = dict[int, tuple[tuple[int, int], ...]]
SORT_PAIRS: Tiles = {8: ((0, 2816), (80, 3840), (90, 4608)), 4: ((0, 11776), (80, 6528))}
UNIQUE: Tiles = {8: ((0, 320), (80, 1344), (86, 320), (90, 4928)), 4: ((0, 704), (80, 2816), (86, 704), (90, 7168))}
SCAN_BY_KEY: Tiles = {
    8: ((0, 2304), (80, 2240), (86, 2304), (90, 2464), (100, 5888)),
    4: ((0, 2304), (80, 3840), (86, 2304), (90, 4032), (100, 4480)),
}
SCAN: Tiles = {8: ((0, 896),), 4: ((0, 1920),), 2: ((0, 3840),)}


def _up(a: int, b: int) -> int:
    return -(-a // b)


def _aligned(size: int) -> int:
    return _up(size, ALIGNMENT) * ALIGNMENT


def tile(tiles: Tiles, width: int, capability: int) -> int:
    """Elements that a thread block takes."""
    return [tile for since, tile in tiles[width] if capability >= since][-1]


def _states(blocks: int, state: int) -> int:
    """What a scan over so many blocks keeps of them, itself aligned once more."""
    return _aligned((blocks + PADDING) * state) + ALIGNMENT


def sort_pairs_scratch(n: int, largest: int, width: int, capability: int = 80) -> int:
    """Bytes that DeviceRadixSort::SortPairs takes for n keys up to `largest` with values, each of `width` bytes.

    A pass sorts by 8 bits; where one is not enough, passes go through another copy of keys and values.
    """
    if n <= SINGLE_BLOCK * (19 * 4 // width):
        return 1
    passes = _up(max(largest, 1).bit_length(), DIGIT_BITS)
    blocks = _up(n, tile(SORT_PAIRS, width, capability))
    copies = 2 * _aligned(n * width) if passes > 1 else 0
    return passes * DIGITS * 8 + blocks * DIGITS * 4 + copies + _aligned(4 * passes) + ALIGNMENT - 1


def unique_scratch(n: int, width: int, capability: int = 80) -> int:
    """Bytes that DeviceSelect::UniqueByKey takes for n keys of `width` bytes."""
    return _states(_up(n, tile(UNIQUE, width, capability)), STATE) + ALIGNMENT - 1


def scan_scratch(n: int, width: int) -> int:
    """Bytes that a DeviceScan takes for n numbers of `width` bytes; of numbers of half precision it keeps three arrays."""
    blocks = _up(n, tile(SCAN, width, 0))
    if width == 2:
        padded = blocks + PADDING
        return _aligned(4 * padded) + 2 * _aligned(2 * padded) + 2 * ALIGNMENT - 1
    return _states(blocks, 2 * width) + ALIGNMENT - 1


def scan_by_key_scratch(n: int, width: int, capability: int = 80) -> int:
    """Bytes that DeviceScan::InclusiveScanByKey takes for n keys and values of `width` bytes."""
    blocks = _up(n, tile(SCAN_BY_KEY, width, capability))
    return _aligned((blocks + PADDING) * STATE) + _aligned(width * (blocks + 1)) + ALIGNMENT - 1
