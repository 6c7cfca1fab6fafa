"""Parameters counted by module, as closed forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analyzer.graph import Graph, Step, Tensor
from analyzer.polynomial import Poly, total


def count(tensors: Iterable[Tensor]) -> Poly:
    """Elements of parameters, those of loops as often as the loop runs."""
    return total(t.elements * t.storage.copies for t in tensors)


def used(graph: Graph) -> list[Tensor]:
    """The parameters that some op of the forward pass reads."""
    read = {t.storage for i in graph.instructions if isinstance(i, Step) for t in i.inputs.values()}
    return [t for t in graph.parameters.values() if t.storage in read]


def trainable(graph: Graph) -> list[Tensor]:
    """The parameters that are not frozen."""
    return [t for t in graph.parameters.values() if t.requires_grad]


def by_module(graph: Graph) -> Mapping[str, Poly]:
    """Parameters of every module and of everything below it, by path without loop counters, in order of creation."""
    sums: dict[str, list[Poly]] = {}
    for tensor in graph.parameters.values():
        parts = tensor.storage.label.split(".")[:-1]
        for depth in range(1, len(parts) + 1):
            sums.setdefault(".".join(parts[:depth]), []).append(tensor.elements * tensor.storage.copies)
    ordered = sorted(sums, key=lambda path: [list(sums).index(".".join(path.split(".")[:d])) for d in range(1, path.count(".") + 2)])
    return {path: total(sums[path]) for path in ordered}


def by_instance(graph: Graph) -> Mapping[str, Poly]:
    """Parameters directly under each module instance, by its path."""
    own: dict[str, list[Poly]] = {}
    for name, tensor in graph.parameters.items():
        own.setdefault(name.rpartition(".")[0], []).append(tensor.elements)
    return {path: total(elements) for path, elements in own.items()}
