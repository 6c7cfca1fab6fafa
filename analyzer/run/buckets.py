"""DistributedDataParallel: gradients go through buckets, which are reduced over all ranks.

At first one bucket of each dtype holds everything, in order of registration; when the second step begins they are made anew, in the
order in which gradients arrived, first a small one (a step later with static_graph: not simulated). All ranks are alike.

Source: torch/csrc/distributed/c10d/reducer.cpp (Reducer::initialize_buckets, mark_variable_ready_dense, rebuild_buckets,
compute_bucket_assignment_by_size), torch/nn/parallel/distributed.py (_BucketCapacityConfig, _sync_buffers), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analyzer.graph import Tensor
from analyzer.polynomial import Poly, poly, total
from analyzer.problems import InvalidConfig, Origin, Problem
from analyzer.run.arrays import Array, Leaf, Memory
from analyzer.run.forward import Forward
from analyzer.run.heap import Block
from analyzer.run.settings import Run
from analyzer.run.wrapper import Wrapper
from analyzer.sizes import sizes

MIB = 1 << 20
FIRST, CAP, BROADCAST = MIB, 25 * MIB, 250 * MIB  # bytes: the first bucket, all others, what is broadcast at once
IN_FLIGHT = 2  # broadcasts that are under way


@dataclass(slots=True)
class Buckets(Wrapper):
    """The gradient buckets of one rank, and who has its gradient in which."""

    run: Run
    forward: Forward
    buffers: Sequence[Tensor]
    whole: bool  # whether all iterations of loops are there; else each parameter has a share of the buckets
    arrived: list[Leaf] = field(default_factory=list)
    made: list[Array] = field(default_factory=list)
    of: dict[Leaf, Array] = field(default_factory=dict)
    rebuilt: bool = False

    @property
    def memory(self) -> Memory:
        """The memory of this rank."""
        return self.forward.memory

    @property
    def leaves(self) -> list[Leaf]:
        """The parameters that are trained."""
        return list(self.forward.leaves.values())

    def wrap(self) -> None:
        """DistributedDataParallel(model): everything is broadcast once, then the first buckets are made."""
        heap = self.memory.heap
        heap.op = "DistributedDataParallel"
        self._broadcast([*(leaf.tensor for leaf in self.leaves), *self.buffers])
        late = self.run.find_unused_parameters and not self.run.static_graph
        limits = self._limits() if late else []
        self._make([self.leaves[i] for i in bucket] for bucket in reversed(assigned([leaf.tensor for leaf in self.leaves], limits)))
        self.rebuilt = late
        if self.run.find_unused_parameters or self.run.static_graph:
            heap.alloc(4 * _count(self.leaves), "bucket", "which parameters were used")

    def before_forward(self) -> None:
        """Buckets are made anew once all gradients have come, and rank 0's buffers arrive."""
        heap = self.memory.heap
        heap.op, heap.origin = "DistributedDataParallel", Origin("")
        if self.arrived and not self.rebuilt:
            self._rebuild()
        if self.run.broadcast_buffers:
            self._broadcast(self.buffers)

    def on_gradient(self, leaf: Leaf) -> None:
        """A parameter has its gradient: it goes into a bucket, and with gradient_as_bucket_view is there only."""
        if not self.rebuilt and not self.run.static_graph:
            self.arrived.append(leaf)
        grad, bucket = leaf.grad, self.of[leaf]
        if self.run.gradient_as_bucket_view and grad is not None and grad.block is not bucket.block:
            leaf.grad = self.memory.alias(bucket, leaf.tensor.shape, leaf.tensor.strides)
            self.memory.release(grad)

    def after_backward(self) -> None:
        """Raises InvalidConfig where a parameter has no gradient and PyTorch would stop for it at the next step."""
        absent = [leaf.tensor for leaf in self.leaves if leaf not in self.arrived]
        if self.rebuilt or not absent or self.run.find_unused_parameters or self.run.static_graph:
            return
        names = ", ".join(tensor.name for tensor in absent[:3]) + (", ..." if len(absent) > 3 else "")
        message = f"DistributedDataParallel would stop at the second step: {len(absent)} parameters get no gradient ({names})"
        raise InvalidConfig(Problem(absent[0].origin, message, "run.find_unused_parameters=true"))

    def _limits(self) -> list[int]:
        cap = self.run.bucket_cap_mb * MIB
        return [cap] if cap else [FIRST, CAP]

    def _rebuild(self) -> None:
        """rebuild_buckets: rank 0 says which parameter goes where, the old buckets go, new ones come."""
        self.rebuilt = True
        buckets = [[self.arrived[i] for i in bucket] for bucket in assigned([leaf.tensor for leaf in self.arrived], self._limits())]
        self.memory.heap.scratch("sync_bucket_indices", 4 * (_count(self.arrived) + 1), poly(4 * len(buckets)))
        for bucket in self.made:
            self.memory.release(bucket)
        self.made = []
        self._make(buckets)

    def _make(self, buckets: Iterable[list[Leaf]]) -> None:
        kind = "gradient" if self.run.gradient_as_bucket_view else "bucket"
        for members in buckets:
            parts = [members] if self.whole else [[leaf] for leaf in members]
            for part in parts:
                storage, dtype = part[0].tensor.storage, part[0].tensor.dtype
                loops = () if self.whole else storage.loops
                elements = total(leaf.tensor.elements for leaf in part)
                block = self.memory.heap.alloc(
                    total(leaf.tensor.bytes for leaf in part), kind, f"{storage.label} gradient bucket", storage.origin, loops
                )
                bucket = Array((elements,), (poly(1),), dtype, block)
                self.made.append(bucket)
                for leaf in part:
                    self._enter(leaf, bucket)

    def _enter(self, leaf: Leaf, bucket: Array) -> None:
        """A parameter is in this bucket; a gradient that is a view of another one becomes a view of this one."""
        old, self.of[leaf] = leaf.grad, bucket
        if self.run.gradient_as_bucket_view and old is not None:
            leaf.grad = self.memory.alias(bucket, leaf.tensor.shape, leaf.tensor.strides)
            self.memory.release(old)

    def _broadcast(self, tensors: Sequence[Tensor]) -> None:
        """_broadcast_coalesced: tensors of a dtype in one flat copy of up to 250 MiB, two of which are under way."""
        flying: list[list[Block]] = []
        heap = self.memory.heap
        for bucket in assigned(tensors, [BROADCAST]):
            if len(flying) == IN_FLIGHT:
                heap.give_back(flying.pop(0))
            flat = total(tensors[i].bytes * tensors[i].storage.copies for i in bucket)
            flying.append(heap.take("broadcast", flat) if len(bucket) > 1 else [])
        for blocks in flying:
            heap.give_back(blocks)


def _count(leaves: Iterable[Leaf]) -> Poly:
    """How many parameters there are, those of loops as often as the loop runs."""
    return total(leaf.tensor.storage.copies for leaf in leaves)


def assigned(tensors: Sequence[Tensor], limits: Sequence[int]) -> list[list[int]]:
    """compute_bucket_assignment_by_size: tensors of a dtype together until there is as much as the limit, no limit when there is none."""
    running: dict[str, tuple[list[int], Poly]] = {}
    closed: list[list[int]] = []
    counts = dict[str, int]()
    for index, tensor in enumerate(tensors):
        members, size = running.get(tensor.dtype, ([], poly(0)))
        members, size = [*members, index], size + tensor.bytes * tensor.storage.copies
        limit = limits[min(counts.get(tensor.dtype, 0), len(limits) - 1)] if limits else None
        if limit is not None and reaches(size, limit):
            closed.append(members)
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + 1
            members, size = [], poly(0)
        running[tensor.dtype] = members, size
    closed += [members for members, _ in running.values() if members]
    return sorted(closed, key=min)


def reaches(size: Poly, limit: int) -> bool:
    """Whether bytes are as many as a limit; a decision that depends on symbols is written down."""
    reached = sizes().number(size) >= limit
    if size.constant is None:
        sizes().assume(size, ">=" if reached else "<=", limit if reached else limit - 1)
    return reached
