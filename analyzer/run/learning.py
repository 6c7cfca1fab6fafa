"""What stands between backward and the next forward: the optimizer's state and step, and zero_grad."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, contiguous
from analyzer.ops.reducing import reduction_scratch
from analyzer.polynomial import Poly, call, poly, product
from analyzer.run.arrays import Leaf, Memory
from analyzer.run.groups import grouped
from analyzer.run.heap import Block
from analyzer.run.optimizer import MOVES, OPTIMIZERS, OPTIONS, Optimizer
from analyzer.run.settings import Run
from analyzer.sizes import sizes

QUANTIZED_FROM, QUANTIZATION_BLOCK, QUANTIZATION_MAP = 4096, 256, 256
"""bitsandbytes 0.50: elements from which on a parameter's states are bytes, elements of one scale, entries of a map."""


def make_state(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """The state of the parameters that have a gradient, as the first step creates it; later steps change it in place."""
    optimizer, mapped = OPTIMIZERS[run.optimizer], False
    for leaf in leaves:
        quantized = optimizer.eight_bit and _is_quantized(leaf)
        if quantized and not mapped:
            mapped = True
            for entry in optimizer.states(()):
                memory.heap.alloc(poly(4 * QUANTIZATION_MAP), "optimizer", f"quantization map of {entry}")
        for label, size in _states(run, optimizer, leaf, quantized=quantized):
            storage = leaf.tensor.storage
            memory.heap.alloc(size, "optimizer", f"{storage.label} {label}", leaf.tensor.origin, storage.loops)


def _states(run: Run, optimizer: Optimizer, leaf: Leaf, *, quantized: bool) -> list[tuple[str, Poly]]:
    """The state tensors of a parameter by name, with their bytes."""
    names = [entry.partition(":")[0] for entry in optimizer.states(_options(run, leaf))]
    elements = leaf.tensor.elements
    if quantized:
        scales = [(f"absmax of {name}", 4 * call("ceildiv", elements, QUANTIZATION_BLOCK)) for name in names]
        return [*((name, elements) for name in names), *scales]
    if optimizer.eight_bit:
        return [(name, elements * 4) for name in names]
    sizes = [(name, _size(leaf, entry)) for name, entry in zip(names, optimizer.states(_options(run, leaf)))]
    return [*sizes, ("step", poly(4))] if run.form == "fused" and optimizer.name != "SGD" else sizes


def _is_quantized(leaf: Leaf) -> bool:
    """Whether an 8-bit optimizer keeps bytes for a parameter: small ones have states in fp32."""
    elements = leaf.tensor.elements
    if sizes().number(elements) < QUANTIZED_FROM:
        sizes().assume(elements, "<=", QUANTIZED_FROM - 1)
        return False
    if elements.constant is None:
        sizes().assume(elements, ">=", QUANTIZED_FROM)
    return True


def step(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """One optimizer step: group by group, each a call of a function."""
    for settings, members in grouped(run, leaves):
        for leaf in members:
            _launch(memory, settings, leaf)
        if run.form == "fused":
            _move(memory, settings, members)
        if run.form != "fused":
            _step(memory, settings, members)


def _launch(memory: Memory, run: Run, leaf: Leaf) -> None:
    """The kernels of a parameter's step, as if they were one: parameter, gradient and states are read, but for the gradient written."""
    optimizer, tensor = OPTIMIZERS[run.optimizer], leaf.tensor
    states = [size for _, size in _states(run, optimizer, leaf, quantized=optimizer.eight_bit and _is_quantized(leaf))]
    memory.heap.launch([tensor.bytes, tensor.bytes, *states], [tensor.bytes, *states], tensor.storage.loops)


def _step(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    optimizer = OPTIMIZERS[run.optimizer]
    held: dict[str, list[Block]] = {}
    for members in _rounds(run, optimizer, leaves):
        memory.heap.belonging = members[0].tensor.storage.loops if run.form == "forloop" else ()
        _move(memory, run, members)
        for entry in optimizer.script(run.form, _options(run, members[0])):
            _execute(memory, entry, members, held)
    memory.heap.belonging = ()
    for blocks in held.values():
        _release(memory, blocks)


def _move(memory: Memory, run: Run, members: list[Leaf]) -> None:
    """Gradients that lie otherwise over the GPUs than their parameters are moved for each op that reads them, and go."""
    moved = [leaf for leaf in members if leaf.is_moved]
    for times in MOVES[run.optimizer, run.form].split() if moved else ():
        made = [_alloc(memory, leaf, "moved gradient") for _ in range(int(times)) for leaf in moved]
        memory.heap.give_back(made)


def _rounds(run: Run, optimizer: Optimizer, leaves: list[Leaf]) -> list[list[Leaf]]:
    """The parameters that one run of the script is for: all of a dtype, and of a kind where that matters, or one."""
    if run.form == "forloop":
        return [[leaf] for leaf in leaves]
    found: dict[tuple[str, bool], list[Leaf]] = {}
    for leaf in leaves:
        found.setdefault((leaf.tensor.dtype, optimizer.by_rank and len(leaf.tensor.shape) > 1), []).append(leaf)
    return list(found.values())


def _execute(memory: Memory, entry: str, members: list[Leaf], held: dict[str, list[Block]]) -> None:
    if entry.startswith("*"):
        for leaf in members:
            memory.heap.release(_alloc(memory, leaf, entry[1:]))
        return
    name, _, other = entry.lstrip("-").partition(":")[0].partition("=")
    made = held.pop(other) if other else [] if entry.startswith("-") else [_alloc(memory, leaf, entry) for leaf in members]
    _release(memory, held.pop(name, []))
    if made:
        held[name] = made


def _release(memory: Memory, blocks: list[Block]) -> None:
    for block in blocks:
        memory.heap.release(block)


def _options(run: Run, leaf: Leaf) -> list[str]:
    given = [name for name in OPTIONS if getattr(run, name)]
    return [*given, "matrix"] if len(leaf.tensor.shape) > 1 else given


def _alloc(memory: Memory, leaf: Leaf, entry: str) -> Block:
    storage, name = leaf.tensor.storage, entry.partition(":")[0]
    block = memory.heap.alloc(_size(leaf, entry), "temporary", f"{storage.label} {name}", storage.origin, storage.loops)
    shape, rank = leaf.tensor.shape, len(leaf.tensor.shape)
    reduced = {
        "scalar": (shape, range(rank)),
        "rows": (shape, (rank - 1,)),
        "columns": (shape, (rank - 2,)),
        "batch": (shape[:-1], (rank - 2,)),
    }
    kind = entry.partition(":")[2]
    if kind in reduced:
        over, dims = reduced[kind]
        memory.heap.scratch_in(storage.loops, name, *reduction_scratch(over, contiguous(over), dims))
    return block


def _size(leaf: Leaf, entry: str) -> Poly:
    """Bytes of a state or temporary of a parameter."""
    tensor, kind = leaf.tensor, entry.partition(":")[2]
    shape = {
        "rows": tensor.shape[:-1], "columns": (*tensor.shape[:-2], *tensor.shape[-1:]), "scalar": (), "batch": tensor.shape[:-2],
    }.get(kind, tensor.shape)  # fmt: skip
    return product((*shape, ITEMSIZE[tensor.dtype]))


def zero_grad(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """zero_grad(): gradients become None and go, or are filled with zeros in place."""
    for leaf in [] if run.set_to_none else [leaf for leaf in leaves if leaf.grad]:
        memory.heap.launch([], [leaf.tensor.bytes], leaf.tensor.storage.loops)
    for leaf in leaves if run.set_to_none else []:
        grad, leaf.grad = leaf.grad, None
        if grad is not None:
            memory.release(grad)
