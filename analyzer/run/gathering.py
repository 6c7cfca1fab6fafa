"""fully_shard (FSDP2) in forward: what a rank keeps of every parameter, and what is gathered where a unit runs.

Rank 0 needs most: its part of every first dimension is rounded up. A unit's gathered parameters come as one flat buffer, which is
copied out to a tensor each; in forward the flat buffer stays until the next unit has copied out.

Source: torch/distributed/fsdp/_fully_shard (_fsdp_param_group.py: unshard, wait_for_unshard;
_fsdp_collectives.py: foreach_all_gather, foreach_all_gather_copy_out), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from analyzer.graph import ITEMSIZE, Graph, Storage, Tensor, Unit, contiguous
from analyzer.paths import without_counters
from analyzer.polynomial import ZERO, Poly, call, poly, product, symbol, total
from analyzer.problems import InvalidConfig, Problem
from analyzer.run.arrays import Array, Leaf
from analyzer.run.forward import Forward
from analyzer.run.heap import Block
from analyzer.run.settings import DTYPES, Run
from analyzer.run.wrapper import Wrapper
from analyzer.sizes import sizes

RANKS = symbol("ranks")
FULLY_SHARD = "fully_shard"
GATHERING = "all_gather_copy_in_stream"


@dataclass(slots=True, eq=False)
class Group:
    """The parameters of one unit: their shards, and what is gathered of them now."""

    unit: Unit
    parameters: list[Tensor] = field(default_factory=list)
    flat: Block | None = None  # gathered, not copied out yet
    gathered: list[Block] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)  # its places in the order of forward
    backward: str = ""  # what it has come to in this backward: pre, post
    summing: Block | None = None  # what is summed over the copies of a sharded model, before it is cast

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


class Gathering(Wrapper):
    """The units of a model on rank 0, and their forward."""

    def __init__(self, graph: Graph, run: Run, forward: Forward) -> None:
        self.run, self.memory, self.heap = run, forward.memory, forward.heap
        self.reduced = DTYPES.get(run.reduce_dtype, "")
        self.among = RANKS / run.replicate  # how many GPUs a parameter is divided among
        self.units: dict[str, Group] = {}
        for unit in graph.instructions:
            if isinstance(unit, Unit):
                self.units.setdefault(unit.path, Group(unit))
        self.shards: dict[Storage, Tensor] = {}
        self.leaves = forward.leaves
        for path in children_first(list(graph.parameters)):
            self._add(path, graph.parameters[path])
        self.optimized = {t: Leaf(self.shards[t.storage]) for t in graph.parameters.values() if t.requires_grad}
        for path, target in graph.tied.items():
            if self._unit_of(path) is not self._unit_of(target):
                message = f"{path} is tied to {target}, which another unit shards: fully_shard refuses it"
                raise InvalidConfig(Problem(graph.parameters[target].origin, message, "shard both in one unit"))
        self.order: list[Group] = []
        self.last: Block | None = None  # the flat buffer of the unit before, in forward
        self.reducing: Block | None = None  # what the last gradients are reduced from
        sizes().assume(self.among, ">=", 2)
        sizes().demand(RANKS % run.replicate, "==", 0)

    def _add(self, path: str, tensor: Tensor) -> None:
        unit = self._unit_of(path)
        if tensor.storage in self.shards:
            raise InvalidConfig(Problem(tensor.origin, f"{tensor.name} shares a buffer with others: fully_shard of it is not simulated"))
        if not tensor.shape:
            raise InvalidConfig(Problem(tensor.origin, f"{tensor.name} has no dimension to be sharded: fully_shard refuses it"))
        shape = (call("ceildiv", tensor.shape[0] * self.run.replicate, RANKS), *tensor.shape[1:])
        old, dtype = tensor.storage, self.run.dtype if tensor.dtype == self.run.gathered else tensor.dtype
        storage = Storage(product(shape) * ITEMSIZE[dtype], old.kind, old.label, old.origin, old.copies, old.loops)
        shard = replace(tensor, shape=shape, strides=contiguous(shape), dtype=dtype, storage=storage)
        unit.parameters.append(tensor)
        self.shards[old] = shard

    def _unit_of(self, path: str) -> Group:
        """The innermost unit that a parameter is in."""
        around = (path.rsplit(".", depth)[0] for depth in range(1, path.count(".") + 1))
        return self.units[next((name for name in around if name in self.units), "")]

    def size(self, storage: Storage) -> Poly:
        """Bytes of a parameter's shard, none where it is on the host, or of anything else as it is."""
        if storage not in self.shards:
            return storage.size
        return ZERO if self.run.offloaded else self.shards[storage].storage.size

    def trained(self, leaves: list[Leaf]) -> list[Leaf]:
        """The shards."""
        return list(self.optimized.values())

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

    def after_forward(self) -> None:
        """A variable of the root's _post_forward has held the last flat buffer until its results were cast."""
        self._let_go(self.last)
        self.last = None

    def _let_go(self, block: Block | None) -> None:
        if block:
            self.heap.release(block)

    def part(self, tensor: Tensor, dtype: str = "") -> Poly:
        """Bytes of a parameter's shard in the dtype in which it is gathered, or in another."""
        return self.shards[tensor.storage].elements * ITEMSIZE[dtype or tensor.dtype]

    def _gather(self, group: Group) -> None:
        if group.flat or group.gathered or not group.parameters:
            return
        with self.heap.on(GATHERING):
            copy = self._brought(group) if self.run.offloaded else self._cast(group)
            size = self.among * total(self.part(t) * group.copies(t) for t in group.parameters)
            group.flat = self.heap.alloc(size, "gathered", f"{group.label}: gathered parameters, flat")
            self.heap.give_back(copy)

    def _cast(self, group: Group) -> list[Block]:
        """Shards in the dtype in which they are gathered, in one buffer."""
        cast = [t for t in group.parameters if t.dtype != self.shards[t.storage].dtype]
        return self.heap.take(f"{group.label}: shards as they are gathered", total(self.part(t) * group.copies(t) for t in cast))

    def _brought(self, group: Group) -> list[Block]:
        """Shards that come from the host, one by one, each cast where it is gathered in another dtype."""
        made = []
        for tensor, shard in ((t, self.shards[t.storage]) for t in group.parameters):
            label, loops = f"{tensor.storage.label} from the host", tensor.storage.loops
            block = self.heap.alloc(shard.storage.size, "workspace", label, loops=loops)
            if tensor.dtype != shard.dtype:
                wide, block = block, self.heap.alloc(self.part(tensor), "workspace", f"{label}, cast", loops=loops)
                self.heap.release(wide)
            made.append(block)
        return made

    def _copy_out(self, group: Group, *, forward: bool = False) -> None:
        """wait_for_unshard: from the flat buffer to a tensor for each parameter."""
        if not group.flat:
            return
        group.gathered = [
            self.heap.alloc(self.among * self.part(t), "gathered", f"{t.storage.label} gathered", t.storage.origin, t.storage.loops)
            for t in group.parameters
        ]
        device = sizes().device
        blocks = poly(device.sms * device.threads_per_sm // 128 * 2)
        self.heap.scratch("split_with_sizes_copy", call("split_copy_scratch", blocks, self.among, *self._parts(group)))
        flat, group.flat = group.flat, None
        self._let_go(flat if not forward else self.last)  # a variable of wait_for_unshard holds it until that returns
        if forward:
            self.last = flat

    def _parts(self, group: Group) -> list[Poly]:
        return [p for t in group.parameters for p in (group.copies(t), self.part(t))]

    def _reshard(self, group: Group) -> None:
        for block in group.gathered:
            self.heap.release(block)
        group.gathered = []


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
