"""A stage of a pipeline: forwards and backwards of micro-batches in the order of a schedule, and what the schedule's variables hold.

Closed forms are made of two micro-batches that are in flight together, beside which stands what the others have, and of one later one.

Source: torch/distributed/pipelining/schedules.py (Schedule1F1B, ScheduleGPipe), stage.py, _backward.py; torch 2.13.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from analyzer.graph import Graph, Stage, Storage, Tensor
from analyzer.polynomial import Poly, symbol
from analyzer.problems import Origin
from analyzer.run.arrays import Array, Leaf
from analyzer.run.backward import backward
from analyzer.run.forward import Forward
from analyzer.run.heap import Block, Place
from analyzer.run.schedules import APART, MICROBATCHES, order
from analyzer.run.settings import Run
from analyzer.run.wrapper import Wrapper
from analyzer.sizes import sizes

PIPELINING = "pipelining"
RECEIVED = "received"
BUFFERS = 1024  # of so many micro-batches what is received has blocks of its own


class Staged(Wrapper):
    """What a stage has of a batch: all its micro-batches."""

    def __init__(self, graph: Graph) -> None:
        assert graph.stage is not None
        self.divided = {graph.inputs[name].storage for name in graph.stage.divided}

    def size(self, storage: Storage) -> Poly:
        """Bytes of a parameter, buffer or input of the stage."""
        return storage.size * symbol(MICROBATCHES) if storage in self.divided else storage.size


@dataclass(slots=True)
class Chunk:
    """A micro-batch: where it is received, what its forward gave, its loss, and what is kept of it to be returned."""

    received: list[Array]
    gradients: list[Array | None]  # where those of what is sent are received
    outputs: list[Array] = field(default_factory=list)
    kept: list[Array] = field(default_factory=list)
    loss: Array | None = None


class Schedule:
    """A stage under its schedule, step by step."""

    def __init__(self, graph: Graph, run: Run, forward: Forward, apart: int) -> None:
        assert graph.stage is not None
        self.graph, self.run, self.forward = graph, run, forward
        self.heap, self.memory = forward.heap, forward.memory
        self.stage: Stage = graph.stage
        self.order, self.brief = order(run.schedule, len(self.stage.begins) + 1, self.stage.index, apart), apart == APART
        self.chunks: list[Chunk] = []
        self.output: list[Array] = []  # of the last forward
        self.sent: dict[str, list[Array]] = {"F": [], "B": []}  # what the operations of the last send hold
        self.others: list[tuple[Block, Block]] = []  # a block of a micro-batch, and those of the ones that are not run

    def step(self, number: int, *, steady: bool) -> None:
        """One call of the schedule's step, up to the gradients. For closed forms the first step has one micro-batch."""
        self._clear()
        if not self.chunks:
            self._make_buffers()
        order = self.order if steady or not self.brief else replace(self.order, actions=(("F", 0), ("B", 0)))
        start, room = len(self.heap.blocks), (0, 0)
        marked: set[str] = set()
        for kind, micro in order.actions:
            phase = {"F": "forward", "B": "backward"}[kind]
            self.heap.move(Place(number, phase, micro=micro))
            if phase not in marked:
                marked.add(phase)
                self.heap.mark(phase)
            (self._forward if kind == "F" else self._backward)(self.chunks[micro])
            if micro == 0 and kind == ("F" if order.beside else "B"):
                room = len(self.heap.blocks), self._room(start)
            if (kind, micro) == ("F", 1):
                self._stand_for_others(start, *room, order.beside or order.later)
        self.heap.move(Place(number, "backward", micro=order.microbatches))
        self._return()
        self.heap.mark("backward done")

    def end(self) -> None:
        """The step of the optimizer is done: the losses go."""
        for chunk in self.chunks:
            loss, chunk.loss = chunk.loss, None
            if loss:
                self.memory.release(loss)
        self._release_others()

    def _make_buffers(self) -> None:
        """What is received, and the gradients of what is sent: for each micro-batch, and for good."""
        stage, number = self.stage, sizes().number(symbol(MICROBATCHES))
        made = self.order.microbatches if self.brief else min(number, BUFFERS)
        received = [[self._buffer(t, t.storage.label, leaf=t.requires_grad) for t in stage.received] for _ in range(made)]
        gradients = [[self._buffer(t, _gradient_of(t)) if t.requires_grad else None for t in stage.sent] for _ in range(made)]
        self.chunks = [Chunk(*both) for both in zip(received, gradients)]
        labels = [(t, t.storage.label) for t in stage.received] + [(t, _gradient_of(t)) for t in stage.sent if t.requires_grad]
        for tensor, label in labels if number > made else ():
            self.heap.alloc(tensor.bytes * (symbol(MICROBATCHES) - made), RECEIVED, f"{label}, received", tensor.origin)

    def _buffer(self, tensor: Tensor, label: str, *, leaf: bool = False) -> Array:
        self.heap.op, self.heap.origin = PIPELINING, tensor.origin
        array = self.memory.fresh(tensor.shape, tensor.dtype, tensor.strides, RECEIVED, f"{label}, received")
        array.leaf = Leaf(tensor, None, array) if leaf else None
        return array

    def _clear(self) -> None:
        """clear_runtime_states: what was kept to be returned goes."""
        for chunk in self.chunks:
            self._let_go(chunk.kept)
        self._release_others()

    def _let_go(self, arrays: list[Array]) -> None:
        held = arrays.copy()
        arrays.clear()
        for array in held:
            self.memory.release(array)

    def _forward(self, chunk: Chunk) -> None:
        forward, stage = self.forward, self.stage
        if self.run.schedule == "gpipe":
            self._let_go(self.sent["F"])
        for tensor, array in zip(stage.received, chunk.received):
            array.refs += 1
            forward.state[tensor] = array
        forward.run(stage.forward)
        self.heap.mark("forward done")
        results = (*stage.sent, *self.graph.outputs.values())
        made = [forward.state[t] for t in results]
        chunk.outputs = [_one_more(array) for array in made]
        chunk.kept = [_one_more(array) for array in made] if stage.is_last and self.run.outputs == "kept" else []
        old, self.output = self.output, [_one_more(array) for array in made]
        self._let_go(old)
        sent = [self.memory.alias(array, array.shape, array.strides, view=False) for array in made] if not stage.is_last else []
        old, self.sent["F"] = self.sent["F"], sent
        self._let_go(old)
        if stage.is_last:
            forward.run(stage.loss)
            assert self.graph.loss is not None
            chunk.loss = forward.state.pop(self.graph.loss)
        for tensor in (t for t in (*stage.received, *results) if t in forward.state and t not in forward.standing):
            self.memory.release(forward.state.pop(tensor))

    def _backward(self, chunk: Chunk) -> None:
        if self.run.schedule == "gpipe":
            self._let_go(self.sent["F"])
            self._let_go(self.sent["B"])
        outputs, chunk.outputs = chunk.outputs, []
        if self.stage.is_last:
            self._from_loss(chunk)
            for array in outputs:
                self._detach(array)
        else:
            roots = [
                (target, array.output if array.node else 0, gradient)
                for array, gradient in zip(outputs, chunk.gradients) if gradient and (target := array.node or array.leaf)
            ]  # fmt: skip
            backward(self.memory, roots, self.forward.standing)
        self._let_go(outputs)
        sent = [self._gradient(array) for array in chunk.received if array.leaf]
        old, self.sent["B"] = self.sent["B"], sent
        self._let_go(old)

    def _from_loss(self, chunk: Chunk) -> None:
        root = chunk.loss
        assert root is not None
        gradient = self.memory.fresh(root.shape, root.dtype, None, "gradient of activation", "gradient of the loss")
        backward(self.memory, [(root.node, root.output, gradient)] if root.node else [], self.forward.standing)
        self.memory.release(gradient)

    def _detach(self, array: Array) -> None:
        """detach_: an output that is no view lets go of its graph."""
        node = array.node
        if node and not array.view:
            array.node = None
            self.memory.release_node(node)

    def _gradient(self, array: Array) -> Array:
        """The gradient that is sent back; zeros where backward gave none."""
        assert array.leaf is not None
        gradient, array.leaf.grad = array.leaf.grad, None
        if gradient is None:
            gradient = self.memory.fresh(array.shape, array.dtype, array.strides, "temporary", f"{PIPELINING}: zeros for no gradient")
        return gradient

    def _return(self) -> None:
        """All micro-batches are done: gradients are divided by how many, and what the model returned is put together."""
        for arrays in (self.output, *self.sent.values()):
            self._let_go(arrays)
        self._release_others()
        for leaf in self.forward.leaves.values():
            if leaf.grad:
                self.heap.launch([leaf.grad.extent], [leaf.grad.extent], leaf.tensor.storage.loops, gradient=True)
        if not (self.stage.is_last and self.run.outputs == "kept"):
            return
        self.heap.op, self.heap.origin = PIPELINING, Origin("")
        merged = [self._merged(name, tensor) for name, tensor in self.graph.outputs.items()]
        for name, array in zip(self.graph.outputs, merged):
            self.forward.bind(f"output.{name}", array)
            self.memory.release(array)

    def _merged(self, name: str, tensor: Tensor) -> Array:
        shape = (tensor.shape[0] * symbol(MICROBATCHES), *tensor.shape[1:])
        return self.memory.fresh(shape, tensor.dtype, None, "activation", f"{name}, of all micro-batches")

    # micro-batches that are not run

    def _room(self, start: int) -> int:
        """A time at which blocks can be made later, as many as were made since a block; when it begins."""
        room = self.heap.clock + 2
        self.heap.clock = room + 2 * (len(self.heap.blocks) - start + 1)
        return room

    def _stand_for_others(self, start: int, end: int, room: int, times: Poly) -> None:
        """What is still there of the first micro-batch's forward is there for others too; made in the room that was left for them."""
        if not times:
            return
        step, beside = self.heap.place.step, []
        for tick, block in enumerate(b for b in self.heap.blocks[start:end] if b.death is None and b.place.phase == "forward"):
            place = Place(step, "forward", block.place.loops, micro=self.order.microbatches)
            beside.append(Block(block.size * times, block.kind, block.label, block.origin, room + 2 * tick, place, op=block.op))
            self.others.append((block, beside[-1]))
        self.heap.blocks[end:end] = beside

    def _release_others(self) -> None:
        """Blocks of micro-batches that are not run go when those of the first one have."""
        gone = [(block, other) for block, other in self.others if block.death is not None]
        self.others = [(block, other) for block, other in self.others if block.death is None]
        for _, other in gone:
            self.heap.release(other)


def _one_more(array: Array) -> Array:
    array.refs += 1
    return array


def _gradient_of(tensor: Tensor) -> str:
    return f"{tensor.storage.label}: gradient"
