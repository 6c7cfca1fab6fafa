"""Between backward and the optimizer's step: torch.amp.GradScaler's unscale_, and clip_grad_norm_."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, contiguous
from analyzer.ops.reducing import reduction_scratch
from analyzer.polynomial import ONE, call, poly, product, total
from analyzer.run.arrays import Leaf, Memory
from analyzer.run.heap import Block
from analyzer.sizes import sizes

CHUNK = 65536  # elements of a gradient that one partial norm is of


def unscale(memory: Memory, *, sharded: bool) -> Block:
    """unscale_: 1 / scale in double precision, a flag, and a copy of both for the device; the flag's copy stays until update().

    Source: torch/amp/grad_scaler.py (unscale_, _unscale_grads_, _MultiDeviceReplicator), torch 2.13.
    """
    heap = memory.heap
    heap.op = "unscale_"
    double = heap.alloc(poly(8), "temporary", "gradient scaler: scale in double precision")
    reciprocal = heap.alloc(poly(8), "temporary", "gradient scaler: 1 / scale in double precision")
    heap.release(double)
    inverse = heap.alloc(poly(4), "temporary", "gradient scaler: 1 / scale")
    heap.release(reciprocal)
    found_inf = heap.alloc(poly(4), "temporary", "gradient scaler: found_inf")
    stays = heap.alloc(poly(4), "temporary", "gradient scaler: found_inf of the device")
    copied = heap.alloc(poly(4), "temporary", "gradient scaler: 1 / scale of the device")
    if sharded:
        heap.scratch("unscale_", poly(4))  # the flag of all ranks
    for block in (copied, found_inf, inverse):
        heap.release(block)
    return stays


def clip_grad_norm(memory: Memory, leaves: list[Leaf], *, foreach: bool, parallel: str) -> None:
    """torch.nn.utils.clip_grad_norm_: the norm of each gradient, the norm of the norms, then scaling in place.

    Foreach norms of a dtype go through one buffer of partial results. The type of norm makes no difference. Those of shards are raised
    to its power, copied, and summed over all ranks first; those of whole gradients among them are divided by the number of ranks.

    Source: torch/nn/utils/clip_grad.py; aten/src/ATen/native/cuda/ForeachReduceOp.cu (foreach_tensor_norm_cuda), torch 2.13.
    """
    heap = memory.heap
    heap.op = "clip_grad_norm_"
    if not leaves:
        return
    kinds = list(dict.fromkeys(leaf.tensor.dtype for leaf in leaves))
    norms: list[Block] = []
    for dtype in kinds:
        same = [leaf for leaf in leaves if leaf.tensor.dtype == dtype]
        norms += _foreach_norms(memory, same) if foreach else [b for leaf in same for b in _norm(memory, leaf)]
    width, count = max(ITEMSIZE[dtype] for dtype in kinds), total(leaf.tensor.storage.copies for leaf in leaves)
    sharded = parallel in ("fsdp", "tensor")
    shares = [_scalar(memory, leaf) for leaf in leaves if parallel == "tensor" and leaf.is_whole]
    stacked = heap.alloc(count * width, "temporary", "norms of gradients, stacked")
    heap.give_back(shares)
    powers = [heap.alloc(count * width, "temporary", "norms of gradients, over all ranks") for _ in range(3 if sharded else 0)]
    for block in powers[:2]:
        heap.release(block)
    norm = heap.alloc(poly(width), "temporary", "total norm of gradients")
    heap.scratch("clip_grad_norm_", *reduction_scratch((count,), (ONE,), (0,)))
    for block in (*powers[2:], stacked, *norms):
        heap.release(block)
    added = heap.alloc(poly(width), "temporary", "total norm + 1e-6")
    reciprocal = heap.alloc(poly(width), "temporary", "1 / total norm")
    coefficient = heap.alloc(poly(width), "temporary", "clip coefficient")
    for block in (reciprocal, added):
        heap.release(block)
    clamped = heap.alloc(poly(width), "temporary", "clip coefficient, at most 1")
    for block in (clamped, coefficient, norm):
        heap.release(block)


def _foreach_norms(memory: Memory, leaves: list[Leaf]) -> list[Block]:
    heap, count = memory.heap, total(leaf.tensor.storage.copies for leaf in leaves)
    summed = [_sum(memory, leaf) for leaf in leaves if leaf.is_partial]
    largest = max((product(leaf.graded) for leaf in leaves), key=sizes().number)
    partial = heap.alloc(4 * count * call("ceildiv", largest, CHUNK), "temporary", "partial norms of gradients")
    norms = [_scalar(memory, leaf) for leaf in leaves]
    heap.release(partial)
    heap.give_back(summed)
    return norms


def _norm(memory: Memory, leaf: Leaf) -> list[Block]:
    summed = [_sum(memory, leaf)] if leaf.is_partial else []
    norm, shape = _scalar(memory, leaf), leaf.graded
    memory.heap.scratch_in(leaf.tensor.storage.loops, "clip_grad_norm_", *reduction_scratch(shape, contiguous(shape), range(len(shape))))
    memory.heap.give_back(summed)
    return [norm]


def _sum(memory: Memory, leaf: Leaf) -> Block:
    """The sum over the ranks of a gradient of which each has another."""
    storage = leaf.tensor.storage
    return memory.heap.alloc(leaf.tensor.bytes, "temporary", f"{storage.label} gradient, summed", storage.origin, storage.loops)


def _scalar(memory: Memory, leaf: Leaf) -> Block:
    storage = leaf.tensor.storage
    size = poly(ITEMSIZE[leaf.tensor.dtype])
    return memory.heap.alloc(size, "temporary", f"{storage.label} gradient's norm", storage.origin, storage.loops)
