"""A recorded history as allocations, marks and peaks."""

from __future__ import annotations

from typing import Any

from validation.nullcuda.frames import names
from validation.nullcuda.recorder import timeline_of
from validation.nullcuda.timeline import Timeline, rounded


def event(action: str, address: int, size: int = 0, said: str = "", *frames: str) -> dict[str, Any]:
    """An event as the allocator writes it."""
    listed = [{"name": name, "filename": "x.cpp", "line": 1} for name in frames]
    return {"action": action, "addr": address, "size": size, "user_metadata": said, "frames": listed}


def history() -> Timeline:
    """A block from before, one that dies in the second of two forwards, one that lives on, and a cuBLAS workspace."""
    return timeline_of([
        event("alloc", 1, 100), event("alloc", 9, 1, "@forward"), event("free_completed", 9), event("alloc", 9, 1, "@forward"),
        event("free_completed", 9), event("alloc", 2, 700), event("alloc", 3, 1 << 20, "", "setWorkspaceForHandle"),
        event("free_completed", 2), event("alloc", 4, 50, "add m.yaml:3"), event("alloc", 9, 1, "@end"), event("free_completed", 9),
    ])  # fmt: skip


def test_marks_are_no_allocations() -> None:
    timeline = history()

    assert [a.bytes for a in timeline.allocations] == [100, 700, 1 << 20, 50]
    assert timeline.spans("forward") == [(1, 1), (1, 5)]


def test_peaks_count_what_was_there_and_no_workspace() -> None:
    timeline = history()
    (span,) = timeline.spans("forward", "forward")

    assert timeline.peak(span) == (800, 1)
    assert timeline.peak(span, rounded) == (512 + 1024, 1)
    assert [a.where for a in timeline.born_in(span)][-1] == "add m.yaml:3"


def test_an_allocation_is_named_after_kernel_op_and_node() -> None:
    frames = ("at::_ops::empty::call", "at::_ops::mm::call", "at::_ops::linear::call", "torch::autograd::generated::AddmmBackward0::apply(")
    named = names({"name": name, "filename": "x.cpp"} for name in frames)

    assert (named.op, named.node) == ("mm < linear", "AddmmBackward0")
