"""Records what the CUDA caching allocator does, by its own history. Nothing here knows a null device from a GPU,
but for what a null device needs while a model is built.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import torch

from validation.nullcuda.frames import names, python_line
from validation.nullcuda.timeline import Allocation, Timeline

MARK = "@"


class Recorder:
    """One recording, from `Recorder()` to `finish()`. What is alive before it does not count."""

    def __init__(self, gpu: int = 0) -> None:
        self.gpu = gpu  # whose history it is
        gc.collect()
        torch.cuda.current_device()
        self.null = null_device()
        self.read_bools_as(False)  # initialisers that sample until values fit must end, and torch's own checks ask whether any is bad
        torch._C._cuda_clearCublasWorkspaces()
        torch.cuda.empty_cache()
        self._before = torch.cuda.memory_allocated(gpu)
        torch.cuda.reset_peak_memory_stats(self.gpu)
        torch.cuda.memory._record_memory_history("all", context="alloc", stacks="all", clear_history=True)

    def read_bools_as(self, value: bool) -> None:
        """What a bool copied from a null device to the host is; a GPU knows better."""
        if self.null:
            self.null.nullcuda_set_bool(int(value))

    def host_reads(self) -> int:
        """Copies from a null device to the host so far: their values are made up."""
        return int(self.null.nullcuda_host_reads()) if self.null else 0

    def mark(self, name: str) -> None:
        """Write a named moment into the history."""
        self.say(MARK + name)
        torch.empty(1, dtype=torch.uint8, device=f"cuda:{self.gpu}")
        self.say("")

    def say(self, where: str) -> None:
        """What the program is doing from here on: written beside every allocation."""
        torch.cuda.memory._set_memory_metadata(where)

    def reset_peak(self) -> None:
        """Let the allocator's own peaks begin anew."""
        torch.cuda.reset_peak_memory_stats(self.gpu)

    def allocator_peaks(self) -> dict[str, int]:
        """The allocator's own peaks since the last reset, workspaces and unsplit remainders included."""
        stats = torch.cuda.memory_stats(self.gpu)
        return {
            "allocator": stats["allocated_bytes.all.peak"] - self._before,
            "reserved": stats["reserved_bytes.all.peak"],
        }

    def finish(self) -> Timeline:
        """Stop, and what was recorded."""
        snapshot = torch.cuda.memory._snapshot()
        torch.cuda.memory._record_memory_history(None)
        return timeline_of(snapshot["device_traces"][self.gpu])


def address(tensor: torch.Tensor) -> int:
    """Where a tensor's storage lies, as in the history."""
    local: torch.Tensor = getattr(tensor, "_local_tensor", tensor)  # of a DTensor: what this rank has of it
    return local.untyped_storage().data_ptr()


def null_device() -> Any:
    """The stand-in for the CUDA runtime, or None on a GPU."""
    if not torch.cuda.get_device_name().startswith("Null CUDA"):
        return None
    library = ctypes.CDLL("libcudart.so.13")
    library.nullcuda_host_reads.restype = ctypes.c_long
    return library


def timeline_of(events: list[dict[str, Any]]) -> Timeline:
    """The allocator's trace as a timeline."""
    timeline, live = Timeline(), dict[int, Allocation | None]()
    for event in events:
        metadata = event.get("user_metadata") or ""
        if event["action"] == "alloc" and metadata.startswith(MARK):
            timeline.marks.append((timeline.end, metadata.removeprefix(MARK)))
            live[event["addr"]] = None
        elif event["action"] == "alloc":
            allocation = _allocation(event, metadata, timeline.end)
            timeline.allocations.append(allocation)
            live[event["addr"]] = allocation
            timeline.end += 1
        elif event["action"] == "free_completed" and (gone := live.pop(event["addr"], None)):
            gone.died = timeline.end
            timeline.end += 1
    return timeline


def _allocation(event: dict[str, Any], metadata: str, tick: int) -> Allocation:
    frames = event.get("frames", ())
    named = names(frames)
    return Allocation(
        event["size"], event["addr"], tick, named.op, named.node, metadata or python_line(frames),
        tag="workspace" if named.workspace else "",
    )  # fmt: skip
