"""What autograd keeps: predicted by the simulation, and as PyTorch's own hooks see it on any device."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

import torch

from analyzer.evaluate import evaluate
from analyzer.graph import Graph
from analyzer.run.heap import STEADY
from analyzer.run.settings import Run
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from validation.rendering import Program


class _Packed:
    """A saved tensor in a node of autograd: it dies with the node."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()


def saved_bytes(program: Program) -> list[int]:
    """Sizes of the storages that are alive for backward after one forward: what reachable nodes saved, and the loss."""
    packed: weakref.WeakSet[_Packed] = weakref.WeakSet()

    def pack(tensor: torch.Tensor) -> _Packed:
        held = _Packed(tensor)
        packed.add(held)
        return held

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda held: held.tensor):
        program.forward()
    found = _storages([*(held.tensor for held in packed), program.variables["loss"]])
    given = [*program.parameters.values(), *program.buffers.values(), *(program.values[t] for t in program.graph.inputs.values())]
    for storage in _storages(given):
        found.pop(storage, None)
    return sorted(size for size in found.values() if size)


def _storages(tensors: Iterable[torch.Tensor]) -> dict[int, int]:
    """Sizes of the distinct storages behind tensors."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return {storage._cdata: storage.nbytes() for storage in storages}


def predicted_bytes(graph: Graph, run: Run, device: Device = Device()) -> list[int]:
    """Sizes of the blocks that the simulated forward made and that are there when backward begins."""
    with Sizes(graph.symbols, device).active():
        heap = simulate(graph, run)
    start, end = heap.marks[STEADY, "start"], heap.marks[STEADY, "backward"]
    left = (b for b in heap.blocks if start < b.birth < end and (b.death is None or b.death > end))
    return sorted(size for block in left if (size := evaluate(block.size, graph.symbols)))
