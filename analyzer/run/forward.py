"""Executes the instructions of a graph: kernels allocate, autograd records, Python lets go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from analyzer.graph import (
    Bind,
    Checkpoint,
    Drop,
    EndCheckpoint,
    EndUnit,
    Enter,
    Instruction,
    Leave,
    Mark,
    Spec,
    Step,
    Storage,
    Tensor,
    Unit,
)  # fmt: skip
from analyzer.run import leaves, regions
from analyzer.run.arrays import Array, Leaf, Memory, Node, Region
from analyzer.run.heap import Block, Heap
from analyzer.run.slices import read_again, rebase


class Forward:
    """The forward side of a simulation; `state` maps the graph's tensors to live arrays."""

    def __init__(self, heap: Heap) -> None:
        self.heap, self.memory = heap, Memory(heap)
        self.state: dict[Tensor, Array] = {}
        self.standing: dict[Tensor, Array] = {}  # parameters, buffers, inputs
        self.leaves: dict[Tensor, Leaf] = {}
        self.variables: dict[str, Array] = {}
        self.nodes = self.recorded_nodes = 0
        self.recorded: dict[Step, Node] = {}
        self.regions: list[Region] = []

    def resident(self, tensors: Iterable[Tensor]) -> None:
        """Allocate what is there before the first step: parameters, buffers, inputs."""
        for storage, group in groupby(tensors, key=lambda tensor: tensor.storage):
            parts = tuple(group)
            block = self._block_of(storage, parts)
            block.refs = len(parts)
            for tensor in parts:
                self.state[tensor] = self.standing[tensor] = Array(tensor.shape, tensor.strides, tensor.dtype, block)
                if tensor.is_parameter and tensor.requires_grad:
                    self.leaves[tensor] = Leaf(tensor)

    def _block_of(self, storage: Storage, parts: Sequence[Tensor]) -> Block:
        """A storage; one that several parameters are moved into has found them on the device before (flatten_parameters)."""
        moved = [self.heap.alloc(t.bytes, "workspace", storage.label, storage.origin, storage.loops) for t in parts if len(parts) > 1]
        block = self.heap.alloc(self.memory.wrapper.size(storage), storage.kind, storage.label, storage.origin, storage.loops)
        self.heap.give_back(moved)
        return block

    def run(self, instructions: Sequence[Instruction]) -> None:
        """Execute instructions in order."""
        for position, instruction in enumerate(instructions):
            match instruction:
                case Checkpoint():
                    regions.begin(self, instructions, position, instruction)
                case EndCheckpoint():
                    regions.end(self, instruction)
                case Step():
                    self._step(instruction)
                case Drop(tensor=tensor):
                    self.memory.release(self.state.pop(tensor))
                case Bind(name=name, tensor=tensor):
                    self.bind(name, self.state[tensor])
                case Enter() | Leave():
                    self.turn(instruction)
                case Unit():
                    self.memory.wrapper.enter(instruction)
                case EndUnit(unit=unit, results=results):
                    self.memory.wrapper.leave(unit, [self.state[tensor] for tensor in results])
                case Mark(name=name):
                    self.memory.wrapper.after_forward()
                    self._set_apart_attributes()
                    self.heap.mark(name)

    def bind(self, name: str, array: Array | None) -> None:
        """A training-loop variable is rebound: the new value is held before the old one goes."""
        if array is not None:
            array.refs += 1
        old = self.variables.pop(name, None)
        if array is not None:
            self.variables[name] = array
        if old is not None:
            self.memory.release(old)

    def _set_apart_attributes(self) -> None:
        """What only an attribute of the model still holds is neither an output nor part of a graph."""
        for name, array in self.variables.items():
            kept_by_loop = name.startswith(("output.", "loop.")) or name == "loss"
            if not kept_by_loop and array.refs == 1 and array.block.refs == 1:
                array.block.kind = "retained"

    def turn(self, at: Enter | Leave) -> None:
        """An iteration of a loop begins, or the loop is over."""
        outer = tuple(item for item in self.heap.place.loops if item[0] != at.loop)
        begun = ((at.loop, at.iteration),) if isinstance(at, Enter) else ()
        self.heap.move(replace(self.heap.place, loops=(*outer, *begun)))

    def _step(self, step: Step) -> None:
        if "unpacked" in step.rule.constants:
            leaves.unpack(self, step)
            return
        known = self.apply(step)
        if step.needed:
            self._record(step, known)
        self.settle(step, known)
        if "leaf" in step.rule.constants:
            leaves.make_leaf(self, step.outputs[0])

    def array(self, tensor: Tensor) -> Array:
        """The array of a tensor; one that only the first run of a checkpointed region had is made again."""
        if tensor not in self.state:
            self.state[tensor] = self._allocated(tensor)
        return self.state[tensor]

    def apply(self, step: Step) -> dict[str, Array]:
        """Run a kernel: its inputs, outputs (y, y1, ...) and aux tensors by name."""
        heap = self.heap
        heap.op, heap.origin = step.op, step.origin
        known = {name: self.array(tensor) for name, tensor in step.inputs.items()}
        copies = heap.take(f"{step.label}: {step.op}", *step.rule.copies)
        known |= {name: self._allocated(step.aux[name]) for name in step.rule.first}
        outputs = [self._output(step, i, known) for i in range(len(step.outputs))]
        known |= {name: self._allocated(tensor) for name, tensor in step.aux.items() if name not in step.rule.first}
        heap.scratch(f"{step.label}: {step.op}", *step.rule.scratch)
        heap.give_back(copies)
        self._launch(step, known, outputs)
        return known | {f"y{i}" if i else "y": array for i, array in enumerate(outputs)}

    def _launch(self, step: Step, known: dict[str, Array], outputs: list[Array]) -> None:
        """Remember the kernel of a step; a view has none."""
        if not self.heap.is_steady:
            return
        specs = step.rule.out if isinstance(step.rule.out, tuple) else (step.rule.out,)
        made = [array.extent for spec, array in zip(specs, outputs) if isinstance(spec, Spec)]
        if not made:
            return
        work, arrays = step.rule.work, {known[name]: name for name in step.inputs}  # an array that is given twice is read once
        read = [work.reads.get(name, array.extent) for array, name in arrays.items()]
        first = next(iter(arrays), None)
        work = work if work.dtype or first is None else replace(work, dtype=first.dtype)
        self.heap.launch(read, [*made, *(known[name].extent for name in step.aux)], work=work)

    def _allocated(self, tensor: Tensor) -> Array:
        storage = tensor.storage
        block = self.heap.alloc(storage.size, storage.kind, storage.label, loops=storage.loops)
        return Array(tensor.shape, tensor.strides, tensor.dtype, block)

    def settle(self, step: Step, known: dict[str, Array]) -> None:
        """A kernel has returned: aux tensors that nothing kept go, outputs are Python's."""
        for name in step.aux:
            self.memory.release(known[name])
        for index, tensor in enumerate(step.outputs):
            self.state[tensor] = known[f"y{index}" if index else "y"]

    def _output(self, step: Step, index: int, inputs: dict[str, Array]) -> Array:
        tensor = step.outputs[index]
        if step.rule.inplace and index:  # the base of the view that is changed, as the same object
            base = inputs[step.rule.inplace].base
            assert base is not None
            base.refs += 1
            return base
        if step.rule.inplace:
            changed = inputs[step.rule.inplace]
            array = self.memory.alias(changed, tensor.shape, tensor.strides)
            if changed.node:
                array.node, array.output = changed.node, changed.output
                changed.node.refs += 1
            if changed.base:
                array.base = changed.base
                array.base.refs += 1
            return array
        specs = step.rule.out if isinstance(step.rule.out, tuple) else (step.rule.out,)
        spec = specs[index]
        if isinstance(spec, Spec):
            return self._allocated(tensor)
        array = self.memory.alias(inputs[spec.of], tensor.shape, tensor.strides)
        if not {"untracked", "detached"} & step.rule.constants.keys():  # else autograd knows no base of it
            array.base = inputs[spec.of].base or inputs[spec.of]
            array.base.refs += 1
        return array

    def _record(self, step: Step, known: dict[str, Array]) -> None:
        """Make the autograd node: save what needed formulas read, and link it to where gradients go."""
        inputs = {name: known[name] for name in step.inputs}
        outputs = [known[f"y{i}" if i else "y"] for i in range(len(step.outputs))]
        if step.op == "as_strided" and outputs[0].base:
            read_again(self, step, "x", outputs[0].base, outputs[0])
            return
        node = self.node(step, {n: Array(a.shape, a.strides, a.dtype, a.block) for n, a in inputs.items()})
        self._save(node, step, known)
        if step.rule.inplace and inputs[step.rule.inplace].base:
            rebase(self, node, known, outputs[0])
            return
        for name in (name for name in step.inputs if name in step.needed):
            node.edges[name] = self.target(step.inputs[name], inputs[name])
        for index, array in enumerate(outputs):
            if step.outputs[index].requires_grad:
                if array.node:
                    self.memory.release_node(array.node)
                array.node, array.output = node, index
                node.refs += 1

    def _save(self, node: Node, step: Step, known: dict[str, Array]) -> None:
        names = sorted(step.saved & set(known))
        if self.regions and names:
            node.region = self.regions[-1]
            node.region.wait_for(node)
            return
        for name in names:
            self.memory.save(node, name, known[name])

    def node(self, step: Step, inputs: dict[str, Array]) -> Node:
        """A node for a step, not linked to anything yet; each thread numbers those it makes."""
        on_engine = "recorded" in step.rule.constants
        self.nodes, self.recorded_nodes = self.nodes + (not on_engine), self.recorded_nodes + on_engine
        number = 2 * (self.recorded_nodes if on_engine else self.nodes) + on_engine
        self.recorded[step] = node = Node(step, number, self.heap.place, {}, {}, dict(inputs))
        return node

    def target(self, tensor: Tensor, array: Array) -> tuple[Node | Leaf, int]:
        """Where the gradient of a tensor goes: the node that made it, as which output, or the leaf that it is."""
        if array.node is not None:
            array.node.refs += 1
            return array.node, array.output
        if array.leaf is not None:
            array.refs += 1
            return array.leaf, 0
        return self.leaves[tensor], 0
