"""The modules of a forward as a tree: class, output shape and parameters of each, loops written out, equal iterations together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.evaluate import evaluate
from analyzer.graph import Call, Graph
from analyzer.ops import OPS

OWN = ("Parameter", "Buffer")  # tensors that a module holds, not modules
Look = tuple[object, ...]


@dataclass(slots=True)
class Module:
    """A module: the class of a layer or nothing for one that holds others, elements of its parameters and of all below it."""

    name: str
    kind: str = ""
    shape: tuple[int, ...] | None = None  # of its first output; None where it is not called, or holds others
    parameters: int = 0
    calls: int = 0
    times: int = 1  # neighbours alike that this one stands for
    children: dict[str, Module] = field(default_factory=dict)

    def child(self, name: str) -> Module:
        """The module of a name below this one, made where there is none."""
        return self.children.setdefault(name, Module(name))

    def look(self) -> Look:
        """What modules alike have in common."""
        below = tuple((name, module.look()) for name, module in self.children.items())
        return self.kind, self.shape, self.parameters, self.calls, below


def module_tree(graph: Graph, name: str) -> Module:
    """The tree of a model whose loops were unrolled, in order of the first call; modules that nobody calls come last."""
    root = Module(name)
    for call in graph.instructions:
        if isinstance(call, Call) and OPS[call.op].is_module and call.op not in OWN:
            found = _at(root, call.path)[-1]
            found.kind, found.calls = call.op, found.calls + 1
            found.shape = found.shape or tuple(evaluate(size, graph.symbols) for size in call.outputs[0].shape)
    for path, tensor in graph.parameters.items():
        for module in _at(root, path.rpartition(".")[0]):
            module.parameters += evaluate(tensor.elements, graph.symbols)
    return root


def _at(root: Module, path: str) -> list[Module]:
    """The modules from the root to a path."""
    found = [root]
    for name in path.split(".") if path else ():
        found.append(found[-1].child(name))
    return found


def merged(module: Module) -> list[Module]:
    """The modules right below one; neighbours that are alike and named by numbers as one, its name theirs: `0-11`."""
    groups: list[list[Module]] = []
    for child in module.children.values():
        if groups and child.name.isdigit() and groups[-1][0].name.isdigit() and groups[-1][0].look() == child.look():
            groups[-1].append(child)
        else:
            groups.append([child])
    return [_one(group) for group in groups]


def _one(group: list[Module]) -> Module:
    first = group[0]
    if len(group) == 1:
        return first
    name = f"{first.name}-{group[-1].name}"
    return Module(name, first.kind, first.shape, first.parameters, first.calls, len(group), first.children)


def rows(module: Module, depth: int, level: int = 0) -> Iterator[tuple[int, Module]]:
    """Modules with how deep they lie, down to a depth."""
    yield level, module
    if level < depth:
        for child in merged(module):
            yield from rows(child, depth, level + 1)
