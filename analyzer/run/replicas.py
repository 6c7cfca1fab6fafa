"""nn.DataParallel: one process, a replica of the model on each GPU; parameters, loss, gradients and optimizer are the first GPU's.

In forward parameters are copied to the other GPUs in flat buffers; replicas hold views of these, and autograd knows them as
outputs of one node (Broadcast). In backward that node waits for all gradients of all GPUs, makes zeros of those that did not come,
and reduces them to the first GPU in flat buffers, of which parameters' gradients are views.

Source: torch/nn/parallel/replicate.py, comm.py (reduce_add_coalesced), _functions.py, torch/_utils.py (_take_tensors);
torch/csrc/cuda/comm.cpp (broadcast_coalesced), csrc/utils/tensor_flatten.cpp (take_tensors), csrc/autograd/python_function.cpp
(PyNode::apply); torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.graph import GATHER, Bind, EndUnit, Graph, Rule, Step, Tensor, Unit, contiguous
from analyzer.ops.layout import same_layout
from analyzer.polynomial import Poly, poly, total
from analyzer.problems import InvalidConfig, Origin, Problem
from analyzer.run.arrays import Array, Node
from analyzer.run.forward import Forward
from analyzer.run.heap import Block
from analyzer.run.wrapper import Wrapper
from analyzer.sizes import sizes

DATA_PARALLEL = "DataParallel"
BUFFER = 10 << 20  # bytes of a flat buffer
BROADCAST = Step("Broadcast", Rule(()), {}, (), {}, frozenset(), DATA_PARALLEL, Origin(""))


class Replicas(Wrapper):
    """The replica of one GPU. Of another than the first only what is on it has a size: the rest is elsewhere."""

    def __init__(self, graph: Graph, forward: Forward, gpu: int) -> None:
        self.forward, self.memory, self.heap, self.gpu = forward, forward.memory, forward.heap, gpu
        end = next(i for i, instruction in enumerate(graph.instructions) if isinstance(instruction, EndUnit))
        inner = [i for i in graph.instructions[:end] if isinstance(i, Step)]
        self.attributes = [i.name for i in graph.instructions[:end] if isinstance(i, Bind)]  # of replicas, which go with them
        self.steps = {step for step in inner if step.op != "scatter"}
        used = {tensor for step in graph.instructions[end:] if isinstance(step, Step) for tensor in step.inputs.values()}
        used -= {tensor for step in inner for tensor in step.inputs.values()}
        self.parameters = list(graph.parameters.values())
        self.buffers = list(graph.buffers.values())
        for tensor in (*self.parameters, *self.buffers):
            if tensor in used:
                raise InvalidConfig(Problem(tensor.origin, f"{tensor.name} belongs to the loss, outside of the model: not simulated"))
        self.held: list[Array] = []  # by replicas, until DataParallel returns
        self.nodes = 0  # that the main thread has made
        self.heap.elsewhere = gpu > 0

    # forward

    def enter(self, unit: Unit) -> None:
        """Scatter, replicate, and begin in the thread of this GPU, which counts its autograd nodes from the first."""
        forward, heap = self.forward, self.heap
        heap.op, heap.origin, heap.elsewhere = DATA_PARALLEL, Origin(""), False
        for tensor in unit.seen if self.gpu else ():
            self.memory.release(forward.state[tensor])
            part = forward.state[tensor] = self.memory.fresh(tensor.shape, tensor.dtype, None, "input", "part of the batch")
            part.refs += 1
            self.held.append(part)
        node = forward.node(BROADCAST, {})
        for index, array in enumerate(self._copied(self.parameters)):
            tensor = self.parameters[index]
            node.shapes[f"x{index}"] = Array(tensor.shape, tensor.strides, tensor.dtype, array.block)
            if tensor.requires_grad:
                node.edges[f"x{index}"] = forward.leaves[tensor], 0
                array.node, array.output = node, index
                node.refs += 1
        self._copied(self.buffers)
        self.nodes, forward.nodes = forward.nodes, 0

    def _copied(self, tensors: Sequence[Tensor]) -> list[Array]:
        """broadcast_coalesced: the replica's tensors, which on the first GPU are the model's own."""
        arrays: dict[Tensor, Array] = {}
        for chunk in taken(tensors):
            size = total(tensor.bytes for tensor in chunk)
            if not self.gpu:
                self.heap.scratch("flatten_dense_tensors", *([size] if len(chunk) > 1 else []))
                arrays |= {t: self.memory.alias(self.forward.standing[t], t.shape, t.strides) for t in chunk}
                continue
            flat = self.heap.alloc(size, "gathered", "replica, flat")
            arrays |= {t: self._part(t, flat) for t in chunk}
            self.heap.release(flat)
        for tensor in tensors:
            self.forward.state[tensor] = arrays[tensor]
        self.held += [arrays[tensor] for tensor in tensors]
        return [arrays[tensor] for tensor in tensors]

    def _part(self, tensor: Tensor, flat: Block) -> Array:
        flat.refs += 1
        return Array(tensor.shape, contiguous(tensor.shape), tensor.dtype, flat)

    def leave(self, unit: Unit, results: Sequence[Array]) -> None:
        """The replica has returned: it goes, and the main thread goes on."""
        for tensor in (*self.parameters, *self.buffers):
            self.forward.state[tensor] = self.forward.standing[tensor]
        for array in self.held:
            self.memory.release(array)
        self.held = []
        for name in self.attributes:
            self.forward.bind(name, None)
        self.forward.nodes = self.nodes
        self.heap.elsewhere = self.gpu > 0

    # backward

    def before_node(self, node: Node) -> None:
        """Backward comes to a node of the replica, or of the main thread."""
        self.heap.elsewhere = self.gpu > 0 and node.step not in self.steps

    def after_backward(self) -> None:
        """Backward is done: what follows is the first GPU's."""
        self.heap.elsewhere = self.gpu > 0

    def across(self, node: Node, incoming: dict[int, Array]) -> dict[str, Array] | None:
        """The gradients of a node that works on several GPUs; None for any other."""
        if node.step is BROADCAST:
            return self._reduced(incoming)
        if node.step.op == GATHER:
            return {"x": self._scattered(incoming[0], node.shapes["x"])}
        return None

    def _scattered(self, gradient: Array, like: Array) -> Array:
        """This GPU's part of the gradient of what was joined: a view on the first one, a copy on another."""
        self.heap.op = DATA_PARALLEL
        if not self.gpu:
            return self.memory.alias(gradient, like.shape, gradient.strides[len(gradient.shape) - len(like.shape) :])
        self.heap.elsewhere = False
        return self.memory.fresh(like.shape, gradient.dtype, None, "gradient of activation", f"{DATA_PARALLEL}: part of a gradient")

    def _reduced(self, incoming: dict[int, Array]) -> dict[str, Array]:
        """reduce_add_coalesced: the gradients of the model's parameters, views of flat buffers."""
        heap = self.heap
        heap.op, heap.origin, heap.elsewhere = DATA_PARALLEL, Origin(""), False
        grads = dict(incoming)
        made = [i for i in range(len(self.parameters)) if i not in incoming]
        for i in made:
            tensor = self.parameters[i]
            grads[i] = self.memory.fresh(tensor.shape, tensor.dtype, None, "temporary", f"{tensor.storage.label}: zeros for no gradient")
        flats: list[Block] = []
        results: dict[str, Array] = {}
        for chunk in chunks([grads[i] for i in range(len(self.parameters))]):
            flat = [heap.alloc(size, "temporary", "gradients, flat") for size in _flattened([grads[i] for i in chunk])]
            heap.give_back(flats)
            flats = flat
            heap.elsewhere = self.gpu > 0
            reduced = heap.alloc(total(grads[i].bytes for i in chunk), "gradient", "gradients, reduced")
            results |= {f"x{i}": self._part(self.parameters[i], reduced) for i in chunk if self.parameters[i].requires_grad}
            heap.release(reduced)
            heap.elsewhere = False
        heap.give_back(flats)
        for i in made:
            self.memory.release(grads[i])
        return results


def _flattened(grads: Sequence[Array]) -> list[Poly]:
    """The bytes that _flatten_dense_tensors takes: none for one dense tensor."""
    if len(grads) == 1 and same_layout(grads[0].shape, grads[0].strides, contiguous(grads[0].shape)):
        return []
    return [total(array.bytes for array in grads)]


def taken(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """take_tensors: tensors of a dtype together; a group is full when it would be with the last one counted twice."""
    groups: dict[str, tuple[list[Tensor], Poly]] = {}
    full = []
    for tensor in tensors:
        members, size = groups.pop(tensor.dtype, ([], poly(0)))
        members, size = [*members, tensor], size + tensor.bytes
        if _is_over(size + tensor.bytes, BUFFER - 1):
            full.append(members)
        else:
            groups[tensor.dtype] = members, size
    return [*full, *(members for members, _ in reversed(groups.values()))]


def chunks(arrays: Sequence[Array]) -> list[list[int]]:
    """_take_tensors: which tensors go together: those of a dtype that are no more than a buffer."""
    groups: dict[str, tuple[list[int], Poly]] = {}
    full = []
    for index, array in enumerate(arrays):
        members, size = groups.get(array.dtype, ([], poly(0)))
        if members and _is_over(size + array.bytes, BUFFER):
            full.append(members)
            members, size = [], poly(0)
        groups[array.dtype] = [*members, index], size + array.bytes
    return [*full, *(members for members, _ in groups.values())]


def _is_over(size: Poly, limit: int) -> bool:
    """Whether bytes are more than a limit; a decision that depends on symbols is written down."""
    over = sizes().number(size) > limit
    if size.constant is None:
        sizes().assume(size, ">=" if over else "<=", limit + 1 if over else limit)
    return over
