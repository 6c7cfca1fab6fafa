"""Tensor objects at run time, and the graph that autograd builds from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.graph import ITEMSIZE, Checkpoint, Instruction, Shape, Step, Tensor, contiguous
from analyzer.polynomial import Poly, product
from analyzer.run.heap import Block, Extent, Heap, Place
from analyzer.run.wrapper import Wrapper
from analyzer.tensors import DIVIDED, PARTIAL


@dataclass(slots=True, eq=False)
class Array:
    """A tensor object: `refs` counts who holds the object, the block counts objects and saved variables.

    `view` says that autograd knows it as a view, whose base keeps the storage shared.
    """

    shape: Shape
    strides: Shape
    dtype: str
    block: Block
    view: bool = False
    refs: int = 1
    node: Node | None = None
    output: int = 0
    base: Array | None = None  # what a differentiable view looks at, held while the view lives
    leaf: Leaf | None = None  # set for a tensor that was made a leaf (requires_grad_)

    @property
    def bytes(self) -> Poly:
        """Bytes of a dense array of this shape."""
        return product((*self.shape, ITEMSIZE[self.dtype]))

    @property
    def extent(self) -> Extent:
        """What a kernel reads or writes of it."""
        return self.shape, self.strides, self.dtype


@dataclass(slots=True, eq=False)
class Leaf:
    """AccumulateGrad of a parameter, or of another leaf, whose tensor it holds: where its gradient ends."""

    tensor: Tensor
    grad: Array | None = None
    array: Array | None = None

    @property
    def is_whole(self) -> bool:
        """Whether each GPU has all of the gradient, of its own part of the parameter or not."""
        return self.tensor.storage.placement != DIVIDED or self._is_apart

    @property
    def is_partial(self) -> bool:
        """Whether each GPU has another gradient, still to be summed."""
        return self.tensor.storage.placement == PARTIAL

    @property
    def is_moved(self) -> bool:
        """Whether the gradient lies otherwise over the GPUs than its parameter: what reads it moves it first."""
        return self.is_partial or self._is_apart

    @property
    def graded(self) -> Shape:
        """The shape of the gradient that a GPU has."""
        return self.grad.shape if self.grad else self.tensor.shape

    @property
    def _is_apart(self) -> bool:
        return self.tensor.storage.placement == DIVIDED and self.graded != self.tensor.shape


@dataclass(slots=True, eq=False)
class Node:
    """A step that autograd recorded: what it saved, and where its gradients go."""

    step: Step
    number: int
    place: Place
    saved: dict[str, Array]
    edges: dict[str, tuple[Node | Leaf, int]]
    shapes: dict[str, Array]  # inputs as metadata: shape, strides, dtype
    refs: int = 0
    blocks: list[Block] = field(default_factory=list)
    region: Region | None = None  # set when it was recorded under a checkpoint and saves something, or is one
    inner: Node | None = None  # set for an op in place on a view: what it does to the view
    hooks: list[str] = field(default_factory=list)  # units whose results it made, as hooks of these know them
    begins: Checkpoint | None = None  # set when it saves the inputs of a region for the region around


@dataclass(slots=True, eq=False)
class Region:
    """A checkpointed region: what it was called with is kept until none of its nodes needs it, and its saving nodes.

    Inside another region it keeps nothing: the other one's second run gives it its inputs, through the node `saver`.
    """

    begin: Checkpoint
    place: Place
    depth: int  # 1 for one that is in no other
    instructions: tuple[Instruction, ...]
    inputs: dict[Tensor, Array]
    leaves: dict[Tensor, Leaf]
    variables: dict[str, Array]
    nodes: list[Node] = field(default_factory=list)
    waiting: int = 1  # itself while it is run first, and nodes that have not let go of what they save
    recomputed: bool = False
    saver: Node | None = None

    def wait_for(self, node: Node) -> None:
        """A node that saves nothing itself: what the region was called with stays until it lets go."""
        self.nodes.append(node)
        self.waiting += 1


class Memory:
    """Reference counting over a heap: arrays hold blocks and nodes, nodes hold blocks and nodes."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self.wrapper = Wrapper()

    def fresh(self, shape: Shape, dtype: str, strides: Shape | None, kind: str, label: str) -> Array:
        """A new array with one reference."""
        size = product((*shape, ITEMSIZE[dtype]))
        return Array(shape, strides or contiguous(shape), dtype, self.heap.alloc(size, kind, label))

    def alias(self, array: Array, shape: Shape, strides: Shape, *, view: bool = True) -> Array:
        """A new tensor object over the same block."""
        array.block.refs += 1
        return Array(shape, strides, array.dtype, array.block, view)

    def release(self, array: Array) -> None:
        """One holder of the object less."""
        array.refs -= 1
        if array.refs:
            return
        self.heap.release(array.block)
        node, array.node = array.node, None
        if node:
            self.release_node(node)
        if array.base:
            self.release(array.base)
        if array.leaf and array.leaf.grad:
            self.release(array.leaf.grad)

    def save(self, node: Node, name: str, array: Array) -> None:
        """Keep an array's storage for the node's backward."""
        array.block.refs += 1
        node.saved[name] = Array(array.shape, array.strides, array.dtype, array.block)
        node.blocks.append(array.block)

    def unpack(self, node: Node) -> None:
        """What the node saved goes."""
        if node.inner:
            self.forget(node.inner)
        blocks, node.blocks = node.blocks, []
        node.saved = {}
        for block in blocks:
            self.heap.release(block)

    def forget(self, node: Node) -> None:
        """release_variables: what the node saved goes, and with the last node of a checkpointed region what that was called with."""
        self.unpack(node)
        region, node.region = node.region, None
        if region:
            self.leave(region)

    def leave(self, region: Region) -> None:
        """A node of a region is done; after the last one the region's inputs go."""
        region.waiting -= 1
        if not region.waiting:
            for array in region.inputs.values():
                self.release(array)
            region.inputs = {}
            saver, region.saver = region.saver, None
            if saver:
                self.release_node(saver)

    def release_node(self, node: Node) -> None:
        """One reference to a node less; a dead node lets go of what it saved and of the nodes behind it."""
        pending, around = [node], self.heap.belonging
        while pending:
            dead = pending.pop()
            dead.refs -= 1
            if dead.refs:
                continue
            self.heap.belonging = dead.place.loops
            self.forget(dead)
            pending.extend(target for target, _ in dead.edges.values() if isinstance(target, Node))
            for leaf in (target for target, _ in dead.edges.values() if isinstance(target, Leaf)):
                if leaf.array:
                    self.release(leaf.array)
            dead.edges = {}
        self.heap.belonging = around
