"""What stands between backward and the next forward: the optimizer's state and step, clipping, averaging, zero_grad."""

from __future__ import annotations

from analyzer.graph import ITEMSIZE
from analyzer.polynomial import Poly, call, poly, product, total
from analyzer.run.arrays import Leaf, Memory
from analyzer.run.heap import Block
from analyzer.run.optimizer import OPTIMIZERS, Optimizer
from analyzer.run.settings import Run
from analyzer.sizes import sizes

QUANTIZED_FROM, QUANTIZATION_BLOCK = 4096, 256  # bitsandbytes: smaller parameters keep fp32 states


def make_state(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """The state of the parameters that have a gradient, as the first step creates it; later steps change it in place."""
    optimizer = OPTIMIZERS[run.optimizer]
    for leaf in leaves:
        loops, label = leaf.tensor.storage.loops, leaf.tensor.storage.label
        for entry in optimizer.states(_options(run, leaf)):
            size = _quantized(leaf) if optimizer.eight_bit else _size(leaf, entry)
            memory.heap.alloc(size, "optimizer", f"{label} {entry.partition(':')[0]}", leaf.tensor.origin, loops)
        if run.form == "fused" and optimizer.name != "SGD":
            memory.heap.alloc(poly(4), "optimizer", f"{label} step", leaf.tensor.origin, loops)
    if optimizer.eight_bit:
        memory.heap.alloc(poly(2048), "optimizer", "quantization maps")


def step(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """One optimizer step."""
    optimizer = OPTIMIZERS[run.optimizer]
    held: dict[str, list[Block]] = {}
    rounds = [leaves] if run.form == "foreach" else [[leaf] for leaf in leaves]
    for group in rounds if run.form != "fused" else []:
        memory.heap.belonging = group[0].tensor.storage.loops if run.form == "forloop" and group else ()
        for entry in _script(optimizer, run, group):
            name = entry.lstrip("-").partition(":")[0]
            made = [] if entry.startswith("-") else [_alloc(memory, leaf, entry) for leaf in group]
            for block in held.pop(name, []):
                memory.heap.release(block)
            if made:
                held[name] = made
    memory.heap.belonging = ()
    for blocks in held.values():
        for block in blocks:
            memory.heap.release(block)


def _script(optimizer: Optimizer, run: Run, group: list[Leaf]) -> list[str]:
    return optimizer.script(run.form, _options(run, group[0])) if group else []


def _options(run: Run, leaf: Leaf) -> list[str]:
    given = [name for name in ("momentum", "nesterov", "weight_decay", "amsgrad", "centered") if getattr(run, name)]
    return [*given, "matrix"] if len(leaf.tensor.shape) > 1 else given


def _alloc(memory: Memory, leaf: Leaf, entry: str) -> Block:
    storage, name = leaf.tensor.storage, entry.partition(":")[0]
    return memory.heap.alloc(_size(leaf, entry), "temporary", f"{storage.label} {name}", storage.origin, storage.loops)


def _size(leaf: Leaf, entry: str) -> Poly:
    """Bytes of a state or temporary of a parameter."""
    tensor, kind = leaf.tensor, entry.partition(":")[2]
    width = ITEMSIZE[tensor.dtype]
    if kind == "rows":
        return product(tensor.shape[:-1]) * width
    if kind == "columns":
        return product((*tensor.shape[:-2], tensor.shape[-1])) * width
    return poly(4) if kind == "scalar" else tensor.bytes


def _quantized(leaf: Leaf) -> Poly:
    """An 8-bit state: a byte an element and a scale per block; fp32 for small parameters."""
    elements = leaf.tensor.elements
    if sizes().number(elements) < QUANTIZED_FROM:
        sizes().assume(elements, "<=", QUANTIZED_FROM - 1)
        return elements * 4
    if elements.constant is None:
        sizes().assume(elements, ">=", QUANTIZED_FROM)
    return elements + 4 * call("ceildiv", elements, QUANTIZATION_BLOCK)


def zero_grad(memory: Memory, run: Run, leaves: list[Leaf]) -> None:
    """zero_grad(): gradients become None and go, or are filled with zeros in place."""
    for leaf in leaves if run.set_to_none else []:
        grad, leaf.grad = leaf.grad, None
        if grad is not None:
            memory.release(grad)


def clip_grad_norm(memory: Memory, leaves: list[Leaf]) -> None:
    """torch.nn.utils.clip_grad_norm_: a norm per gradient through one buffer of partial results, then scaling in place.

    Source: aten/src/ATen/native/cuda/ForeachReduceOp.cu (foreach_tensor_norm_cuda: chunks of 65536 elements).
    """
    if not leaves:
        return
    heap = memory.heap
    count = total(leaf.tensor.storage.copies for leaf in leaves)
    largest = max((leaf.tensor.elements for leaf in leaves), key=sizes().number)
    heap.op = "clip_grad_norm_"
    partial = heap.alloc(4 * count * call("ceildiv", largest, 65536), "temporary", "partial norms of gradients")
    norms = heap.alloc(4 * count, "temporary", "norms of gradients")
    heap.release(partial)
    stacked = heap.alloc(4 * count + 4, "temporary", "total norm of gradients")
    heap.release(stacked)
    heap.release(norms)
