"""A recorded step as figures: bytes by category, what forward leaves for backward, peaks by phase and what makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from validation.nullcuda.recorder import address
from validation.nullcuda.timeline import Allocation, Timeline, is_tensor, is_workspace, requested, rounded, total


class Owners:
    """Which addresses are whose, noted while the program runs; the last step's notes stay."""

    def __init__(self, model: nn.Module, inputs: Any) -> None:
        self.parameters = list(model.parameters())
        self.addresses: dict[str, set[int]] = {
            "parameter": _addresses(model.parameters()),
            "buffer": _addresses(model.buffers()),
            "input": _addresses(tensors(inputs)),
        }

    def gradients(self, model: nn.Module) -> None:
        """Note the gradients that there are."""
        self.addresses["gradient"] = _addresses(p.grad for p in model.parameters() if p.grad is not None)

    def state(self, optimizer: torch.optim.Optimizer) -> None:
        """Note the optimizer's state on the device."""
        values = (value for state in optimizer.state.values() for value in state.values())
        self.addresses["optimizer"] = _addresses(v for v in values if isinstance(v, torch.Tensor) and v.is_cuda)

    def outputs(self, output: Any) -> None:
        """Note what an inference returned."""
        self.addresses["output"] = _addresses(tensors(output))

    def counts(self) -> dict[str, int]:
        """How many parameters there are, and how many are trained."""
        return {
            "parameters": sum(p.numel() for p in self.parameters),
            "trainable": sum(p.numel() for p in self.parameters if p.requires_grad),
        }


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested containers and objects."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from tensors(item)
    elif hasattr(value, "__dict__") and not isinstance(value, nn.Module):
        yield from tensors(vars(value))


def _addresses(found: Iterable[torch.Tensor]) -> set[int]:
    return {address(tensor) for tensor in found}


@dataclass(frozen=True, slots=True)
class _Moment:
    """A tick at which everything of these kinds is alive."""

    tick: int
    kinds: tuple[str, ...]


def summary(timeline: Timeline, mode: str, owners: Owners, peaks: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The report of the last step. `requested` bytes are as asked for, `rounded` to 512; both without cuBLAS workspaces."""
    phases = ("forward", "backward", "step") if mode == "train" else ("forward",)
    spans = {phase: timeline.spans(phase)[-1] for phase in phases}
    start, end = spans["forward"]
    kinds = [_Moment(start - 1, ("parameter", "buffer", "input", "optimizer"))]
    kinds += [_Moment(spans["step"][0] - 1, ("gradient",))] if mode == "train" else [_Moment(end - 1, ("output",))]
    report: dict[str, Any] = {f"{kind}_bytes": value for kind, value in _tagged(timeline, kinds, owners)}
    after = [a for a in timeline.alive(end - 1) if is_tensor(a)]
    if mode == "train":
        for allocation in after:
            allocation.tag = allocation.tag or ("saved" if allocation.born >= start else "")
        report["saved_by_op"] = _by_op(a for a in after if a.born >= start)
    before = [a for a in timeline.alive(start - 1) if is_tensor(a)]
    report["before_forward"] = _both(before)
    report["left_by_forward"] = {key: value - report["before_forward"][key] for key, value in _both(after).items()}
    report["workspace_bytes"] = max(total(filter(is_workspace, timeline.alive(last - 1))) for _, last in spans.values())
    return report | _peaks(timeline, spans, peaks)


def _tagged(timeline: Timeline, moments: Iterable[_Moment], owners: Owners) -> Iterator[tuple[str, int]]:
    """Give allocations the name of their owner; the bytes of each."""
    for moment in moments:
        alive = timeline.alive(moment.tick)
        for kind in moment.kinds:
            own = [a for a in alive if not a.tag and a.address in owners.addresses.get(kind, ())]
            for allocation in own:
                allocation.tag = kind
            yield kind, total(own)


def _by_op(allocations: Iterable[Allocation]) -> dict[str, dict[str, int]]:
    result: dict[str, dict[str, int]] = {}
    for allocation in sorted(allocations, key=lambda a: -a.bytes):
        entry = result.setdefault(allocation.op, {"count": 0, "bytes": 0})
        entry["count"] += 1
        entry["bytes"] += allocation.bytes
    return result


def _both(allocations: Iterable[Allocation]) -> dict[str, int]:
    listed = list(allocations)
    return {"requested": total(listed), "rounded": total(listed, rounded)}


def _peaks(timeline: Timeline, spans: Mapping[str, tuple[int, int]], peaks: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    by_phase = {
        phase: {"requested": timeline.peak(span)[0], "rounded": timeline.peak(span, rounded)[0], **peaks.get(phase, {})}
        for phase, span in spans.items()
    }
    phase = max(by_phase, key=lambda p: by_phase[p]["rounded"])
    _, at = timeline.peak(spans[phase], rounded)
    alive = sorted((a for a in timeline.alive(at) if is_tensor(a)), key=requested, reverse=True)
    categories: dict[str, int] = {}
    for allocation in alive:
        tag = allocation.tag or "temporary"
        categories[tag] = categories.get(tag, 0) + rounded(allocation)
    largest = [{"bytes": a.bytes, "kind": a.tag or "temporary", "op": a.op, "node": a.node, "where": a.where} for a in alive[:10]]
    made = next(({"op": a.op, "node": a.node, "where": a.where} for a in alive if a.born == at), {})
    return {"peaks": by_phase, "peak_phase": phase, "peak_op": made, "peak_by_category": categories, "largest_at_peak": largest}
