"""fully_shard (FSDP2) in backward: each rank keeps a part of every parameter, gradient and state; gradients are reduced to that.

The unit before is gathered ahead, and what gradients are reduced from stays until the next unit has its gradients. Where the sharded
model is there several times (HSDP), what a unit's gradients are summed in over the copies stays until backward has ended.

Source: torch/distributed/fsdp/_fully_shard (_fsdp_param_group.py: pre_backward, post_backward; _fsdp_collectives.py: foreach_reduce;
_fsdp_state.py: _root_post_backward_final_callback); aten/src/ATen/native/cuda/TensorShape.cu (pack_vecs, _chunk_cat_out_cuda),
TensorShape.cpp (_chunk_cat_out), torch 2.13.
"""

from __future__ import annotations

from analyzer.graph import ITEMSIZE, Tensor
from analyzer.kernel_scratch import TILE
from analyzer.polynomial import ONE, call, poly, total
from analyzer.run.arrays import Array, Leaf, Node
from analyzer.run.gathering import FULLY_SHARD, RANKS, Gathering, Group
from analyzer.run.heap import Block
from analyzer.sizes import sizes

REDUCING, SUMMING = "reduce_scatter_stream", "all_reduce_stream"


class Shards(Gathering):
    """A model that fully_shard divides, on rank 0."""

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
            self._summed(group)
            self._reduce(group, [leaf.tensor for leaf in leaves], grads)

    def _reduce(self, group: Group, tensors: list[Tensor], grads: list[Array]) -> None:
        """foreach_reduce: gradients to a flat buffer, that over all ranks to the part of this one."""
        heap, name = self.heap, group.label
        heap.op, heap.origin = FULLY_SHARD, group.unit.origin
        dtype, kept = self.reduced or grads[0].dtype, self.shards[tensors[0].storage].dtype
        share = total(self.shards[t.storage].elements * group.copies(t) for t in tensors)
        self.reducing = heap.alloc(self.among * share * ITEMSIZE[dtype], "gathered", f"{name}: gradients to reduce")
        self._chunk_cat(group, tensors, grads[0].dtype, dtype)
        for grad in grads[:-1]:
            self.memory.release(grad)
        with heap.on(REDUCING):
            reduced = heap.alloc(share * ITEMSIZE[dtype], "gradient", f"{name}: reduced gradients")
        if self.run.replicate > 1:
            reduced.refs += 1
            group.summing = reduced
        with heap.on(SUMMING if group.summing else REDUCING):
            if dtype != kept:
                wide, reduced = reduced, heap.alloc(share * ITEMSIZE[kept], "gradient", f"{name}: reduced gradients in {kept}")
                heap.release(wide)
        heap.elsewhere = self.run.offloaded
        kept_in = heap.alloc(reduced.size, "gradient", f"{name}: gradients on the host") if self.run.offloaded else reduced
        heap.elsewhere = False
        for tensor in tensors:
            self._take_over(self.optimized[tensor], kept_in)
        self.memory.release(grads[-1])  # a loop's variable holds it until the function returns
        for block in {reduced, kept_in}:
            heap.release(block)

    def _summed(self, group: Group) -> None:
        self._let_go(group.summing)
        group.summing = None

    def _chunk_cat(self, group: Group, tensors: list[Tensor], dtype: str, into: str) -> None:
        """What the copy of gradients to one buffer takes: addresses for a kernel, or padded copies where none casts as it copies."""
        if dtype == into or (dtype, into) == ("bfloat16", "float32"):
            packed = total(group.copies(t) * (6 + call("ceildiv", self.part(t, into), poly(TILE))) for t in tensors)
            self.heap.scratch("chunk_cat", 8 * (packed + 2))
            return
        uneven = [t.storage for t in tensors if not sizes().is_one(ONE + t.shape[0] * self.run.replicate % RANKS)]
        padded = [self.among * self.shards[s].elements * ITEMSIZE[dtype] for s in uneven]
        made = [self.heap.alloc(size, "workspace", "chunk_cat scratch", loops=s.loops) for s, size in zip(uneven, padded)]
        self.heap.give_back(made)

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
            self._summed(group)
        self.order.clear()
        self._let_go(self.reducing)
        self.reducing = None
