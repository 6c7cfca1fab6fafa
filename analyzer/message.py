"""The text PyTorch prints when an allocation fails.

Source: c10/cuda/CUDACachingAllocator.cpp (the TORCH_CHECK_WITH in malloc) and format_size, torch 2.13.
"""

from __future__ import annotations

from analyzer.replay import Failure


def format_size(size: int) -> str:
    """Bytes as PyTorch's allocator writes them."""
    if size <= 1024:
        return f"{size} bytes"
    if size <= 1 << 20:
        return f"{size / 1024:.2f} KiB"
    if size <= 1 << 30:
        return f"{size / (1 << 20):.2f} MiB"
    return f"{size / (1 << 30):.2f} GiB"


def out_of_memory(failure: Failure, total: int, context: int) -> str:
    """The message on a card of `total` bytes of which `context` are taken by CUDA itself."""
    used = failure.reserved + context
    return (
        f"CUDA out of memory. Tried to allocate {format_size(failure.segment)}. GPU 0 has a total capacity of {format_size(total)} "
        f"of which {format_size(max(0, total - used))} is free. Including non-PyTorch memory, this process has {format_size(used)} "
        f"memory in use. Of the allocated memory {format_size(failure.allocated)} is allocated by PyTorch, and "
        f"{format_size(failure.reserved - failure.allocated)} is reserved by PyTorch but unallocated. If reserved but unallocated "
        "memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation "
        "for Memory Management  (https://docs.pytorch.org/docs/stable/notes/cuda.html#optimizing-memory-usage-with-pytorch-cuda-alloc-conf)"
    )
