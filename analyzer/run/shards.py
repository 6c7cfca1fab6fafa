"""fully_shard (FSDP2): each rank keeps a part of every parameter, gradient and state; a unit's parameters are gathered where it runs.

Rank 0 needs most: its part of every first dimension is rounded up. A unit's gathered parameters come as one flat buffer, which is copied
out to a tensor each; in forward the flat buffer stays until the next unit has copied out. In backward the unit before is gathered
ahead, and what gradients are reduced from stays until the next unit has its gradients.

Source: torch/distributed/fsdp/_fully_shard (_fsdp_param_group.py: unshard, wait_for_unshard, pre_backward, post_backward;
_fsdp_collectives.py: foreach_all_gather, foreach_all_gather_copy_out, foreach_reduce; _fsdp_state.py: _root_post_backward_final_callback);
aten/src/ATen/native/cuda/TensorShape.cu (pack_vecs), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from analyzer.graph import ITEMSIZE, Graph, Storage, Tensor, Unit, contiguous
from analyzer.kernel_scratch import TILE
from analyzer.paths import without_counters
from analyzer.polynomial import Poly, call, poly, symbol, total
from analyzer.problems import InvalidConfig, Problem
from analyzer.run.arrays import Array, Leaf, Node
from analyzer.run.forward import Forward
from analyzer.run.heap import Block
from analyzer.run.settings import Run
from analyzer.run.wrapper import Wrapper
from analyzer.sizes import sizes

RANKS = symbol("ranks")
FULLY_SHARD = "fully_shard"
GATHERING, REDUCING = "all_gather_copy_in_stream", "reduce_scatter_stream"


@dataclass(slots=True, eq=False)
class Group:
    """The parameters of one unit: their shards, and what is gathered of them now."""

    unit: Unit
    parameters: list[Tensor] = field(default_factory=list)
    flat: Block | None = None  # gathered, not copied out yet
    gathered: list[Block] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)  # its places in the order of forward
    backward: str = ""  # what it has come to in this backward: pre, post

    @property
    def path(self) -> str:
        """Where the unit is in the model; empty for the root, which is the rest of it."""
        return self.unit.path

    @property
    def label(self) -> str:
        """What it is called, without the counters of loops."""
        return without_counters(self.path) or "(root)"

    def copies(self, tensor: Tensor) -> Poly:
        """How many parameters of the unit one of them stands for: those of loops inside."""
        return tensor.storage.copies / self.unit.copies


class Shards(Wrapper):
    """The units of a model on rank 0."""

    def __init__(self, graph: Graph, run: Run, forward: Forward) -> None:
        self.run, self.memory, self.heap = run, forward.memory, forward.heap
        self.units: dict[str, Group] = {}
        for unit in graph.instructions:
            if isinstance(unit, Unit):
                self.units.setdefault(unit.path, Group(unit))
        self.shards: dict[Storage, Tensor] = {}
        self.leaves = forward.leaves
        self.optimized: dict[Tensor, Leaf] = {}
        for path in children_first(list(graph.parameters)):
            self._add(path, graph.parameters[path])
        for path, target in graph.tied.items():
            if self._unit_of(path) is not self._unit_of(target):
                message = f"{path} is tied to {target}, which another unit shards: fully_shard refuses it"
                raise InvalidConfig(Problem(graph.parameters[target].origin, message, "shard both in one unit"))
        self.order: list[Group] = []
        self.last: Block | None = None  # the flat buffer of the unit before, in forward
        self.reducing: Block | None = None  # what the last gradients are reduced from
        sizes().assume(RANKS, ">=", 2)

    def _add(self, path: str, tensor: Tensor) -> None:
        unit = self._unit_of(path)
        if tensor.storage in self.shards:
            raise InvalidConfig(Problem(tensor.origin, f"{tensor.name} shares a buffer with others: fully_shard of it is not simulated"))
        if not tensor.shape:
            raise InvalidConfig(Problem(tensor.origin, f"{tensor.name} has no dimension to be sharded: fully_shard refuses it"))
        shape = (call("ceildiv", tensor.shape[0], RANKS), *tensor.shape[1:])
        old = tensor.storage
        storage = Storage(_bytes(shape, tensor.dtype), old.kind, old.label, old.origin, old.copies, old.loops)
        shard = replace(tensor, shape=shape, strides=contiguous(shape), storage=storage)
        unit.parameters.append(tensor)
        self.shards[old] = shard
        if tensor.requires_grad:
            self.optimized[tensor] = Leaf(shard)

    def _unit_of(self, path: str) -> Group:
        """The innermost unit that a parameter is in."""
        around = (path.rsplit(".", depth)[0] for depth in range(1, path.count(".") + 1))
        return self.units[next((name for name in around if name in self.units), "")]

    def size(self, storage: Storage) -> Poly:
        """Bytes of a parameter's shard, or of anything else as it is."""
        return self.shards[storage].storage.size if storage in self.shards else storage.size

    def trained(self, leaves: list[Leaf]) -> list[Leaf]:
        """The shards."""
        return list(self.optimized.values())

    # forward

    def enter(self, unit: Unit) -> None:
        """pre_forward: gather the unit's parameters."""
        group = self.units[unit.path]
        self.heap.op, self.heap.origin = FULLY_SHARD, unit.origin
        self._gather(group)
        self._copy_out(group, forward=True)

    def leave(self, unit: Unit, results: Sequence[Array]) -> None:
        """post_forward: what was gathered goes, but for the root's; backward will come to the unit at its results."""
        group = self.units[unit.path]
        if self.run.reshard_after_forward and group.path:
            self._reshard(group)
        if group.parameters:
            group.calls.append(len(self.order))
            self.order.append(group)
        for array in results:
            if array.node:
                array.node.hooks.append(unit.path)
        if not group.path:
            self._let_go(self.last)
            self.last = None

    def _let_go(self, block: Block | None) -> None:
        if block:
            self.heap.release(block)

    def _gather(self, group: Group) -> None:
        if group.flat or group.gathered or not group.parameters:
            return
        size = RANKS * total(self.size(t.storage) * group.copies(t) for t in group.parameters)
        with self.heap.on(GATHERING):
            group.flat = self.heap.alloc(size, "gathered", f"{group.label}: gathered parameters, flat")

    def _copy_out(self, group: Group, *, forward: bool = False) -> None:
        """wait_for_unshard: from the flat buffer to a tensor for each parameter."""
        if not group.flat:
            return
        group.gathered = [
            self.heap.alloc(RANKS * self.size(t.storage), "gathered", f"{t.storage.label} gathered", t.storage.origin, t.storage.loops)
            for t in group.parameters
        ]
        device = sizes().device
        blocks = poly(device.sms * device.threads_per_sm // 128 * 2)
        self.heap.scratch("split_with_sizes_copy", call("split_copy_scratch", blocks, RANKS, *self._parts(group)))
        flat, group.flat = group.flat, None
        self._let_go(flat if not forward else self.last)  # a variable of wait_for_unshard holds it until that returns
        if forward:
            self.last = flat

    def _parts(self, group: Group) -> list[Poly]:
        return [p for t in group.parameters for p in (group.copies(t), self.size(t.storage))]

    def _reshard(self, group: Group) -> None:
        for block in group.gathered:
            self.heap.release(block)
        group.gathered = []

    # backward

    def before_node(self, node: Node) -> None:
        """pre_backward of the units whose results the node made: gather, and ahead of time the unit before."""
        for path in node.hooks:
            group = self.units[path]
            if group.backward == "pre" or not group.parameters:
                continue
            group.backward = "pre"
            self.heap.op, self.heap.origin = FULLY_SHARD, group.unit.origin
            self._gather(group)
            self._copy_out(group)
            index = group.calls.pop() if group.calls else 0
            if index:
                self._gather(self.order[index - 1])

    def after_unit(self, path: str) -> None:
        """post_backward: gathered parameters go, gradients are reduced."""
        group = self.units[path]
        group.backward = "post"
        if not group.parameters:
            return
        leaves = [leaf for t in group.parameters if (leaf := self.leaves.get(t)) and leaf.grad]
        grads = [leaf.grad for leaf in leaves if leaf.grad]
        for leaf in leaves:
            leaf.grad = None
        self._reshard(group)
        self._let_go(self.reducing)
        self.reducing = None
        if grads:
            self._reduce(group, [leaf.tensor for leaf in leaves], grads)

    def _reduce(self, group: Group, tensors: list[Tensor], grads: list[Array]) -> None:
        """foreach_reduce: gradients to a flat buffer, that over all ranks to the part of this one."""
        heap, name = self.heap, group.label
        heap.op, heap.origin = FULLY_SHARD, group.unit.origin
        share = total(self.size(t.storage) * group.copies(t) for t in tensors)
        self.reducing = heap.alloc(RANKS * share, "gathered", f"{name}: gradients to reduce")
        packed = total(group.copies(t) * (6 + call("ceildiv", self.size(t.storage), poly(TILE))) for t in tensors)
        heap.scratch("chunk_cat", 8 * (packed + 2))
        for grad in grads[:-1]:
            self.memory.release(grad)
        with heap.on(REDUCING):
            reduced = heap.alloc(share, "gradient", f"{name}: reduced gradients")
        for tensor in tensors:
            self._take_over(self.optimized[tensor], reduced)
        self.memory.release(grads[-1])  # a loop's variable holds it until the function returns
        heap.release(reduced)

    def _take_over(self, leaf: Leaf, reduced: Block) -> None:
        if leaf.grad is None:
            reduced.refs += 1
            leaf.grad = Array(leaf.tensor.shape, leaf.tensor.strides, leaf.tensor.dtype, reduced)

    def after_backward(self) -> None:
        """The final callback: units that backward did not come to at their inputs, the root first."""
        for group in sorted(self.units.values(), key=lambda group: bool(group.path)):
            if group.backward != "post":
                self.after_unit(group.path)
            group.backward = ""
            group.calls.clear()
            self._let_go(group.flat)
            group.flat = None
        self.order.clear()
        self._let_go(self.reducing)
        self.reducing = None


def children_first(paths: Sequence[str], depth: int = 0) -> list[str]:
    """Paths of parameters in the order in which fully_shard finds them: those of a module's children, then its own."""
    own, inner = [], dict[str, list[str]]()
    for path in paths:
        names = path.split(".", depth + 1)
        if len(names) > depth + 1:
            inner.setdefault(names[depth], []).append(path)
        else:
            own.append(path)
    return [path for group in inner.values() for path in children_first(group, depth + 1)] + own


def _bytes(shape: Iterable[Poly], dtype: str) -> Poly:
    result = poly(ITEMSIZE[dtype])
    for size in shape:
        result = result * size
    return result
