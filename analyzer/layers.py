"""The modules of a forward as a tree: class, output shape and parameters of each, loops written out, equal iterations together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.evaluate import evaluate
from analyzer.graph import Call, Graph, Shape
from analyzer.ops import OPS

Look = tuple[object, ...]


@dataclass(slots=True)
class Module:
    """A layer, a parameter that a block holds itself, or what holds others; elements of its parameters and of all below it."""

    name: str
    kind: str = ""  # the class of a layer, or Parameter
    block: str = ""  # the block whose call this is
    shape: tuple[int, ...] | None = None  # of its first output; None where it is not called, or is a loop
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
        return self.kind, self.block, self.shape, self.parameters, self.calls, below


def module_tree(graph: Graph, name: str) -> Module:
    """The tree of a model whose loops were unrolled, in order of the first call; modules that nobody calls come last."""
    root = Module(name)
    for call in graph.instructions:
        if (
            isinstance(call, Call)
            and OPS[call.op].is_module
            and call.op != "Buffer"
            and (call.op != "Parameter" or call.path in graph.parameters)
        ):
            found = _at(root, call.path)[-1]
            found.kind, found.calls = call.op, found.calls + (call.op != "Parameter")
            found.shape = found.shape or _numbers(graph, call.outputs[0].shape)
    for path, tensor in graph.parameters.items():
        for module in _at(root, path if _holds(root, path) else path.rpartition(".")[0]):
            module.parameters += evaluate(tensor.elements, graph.symbols)
    for path, (block, shape) in graph.blocks.items():
        if _holds(root, path):
            found = _at(root, path)[-1]
            found.block, found.shape = block, None if shape is None else _numbers(graph, shape)
    return root


def _holds(root: Module, path: str) -> bool:
    """Whether the tree has a module of a path."""
    module: Module | None = root
    for name in path.split("."):
        module = module.children.get(name) if module else None
    return module is not None


def _numbers(graph: Graph, shape: Shape) -> tuple[int, ...]:
    return tuple(evaluate(size, graph.symbols) for size in shape)


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
    return Module(name, first.kind, first.block, first.shape, first.parameters, first.calls, len(group), first.children)


def rows(module: Module, depth: int, level: int = 0) -> Iterator[tuple[int, Module]]:
    """Modules with how deep they lie, down to a depth."""
    yield level, module
    if level < depth:
        for child in merged(module):
            yield from rows(child, depth, level + 1)
