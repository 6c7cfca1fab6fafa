"""ZeroRedundancyOptimizer (ZeRO-1): each rank keeps the states of some parameters, and steps these.

The largest parameter that is left goes to the rank that has least. The rank that ends with most is the one simulated.

Source: torch/distributed/optim/zero_redundancy_optimizer.py (_partition_parameters), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.polynomial import symbol
from analyzer.run.arrays import Leaf
from analyzer.run.buckets import Buckets
from analyzer.run.groups import grouped
from analyzer.sizes import sizes


class Partitioned(Buckets):
    """DistributedDataParallel with an optimizer whose states lie on one rank each."""

    def owned(self, leaves: list[Leaf]) -> list[Leaf]:
        """The parameters of the rank that has most of them."""
        for elements in dict.fromkeys(leaf.tensor.elements for leaf in leaves):
            if elements.constant is None:
                sizes().assume(elements, "==", sizes().number(elements))
        ranks = sizes().number(symbol("ranks"))
        sizes().assume(symbol("ranks"), "==", ranks)
        groups = [[sizes().number(leaf.tensor.elements) for leaf in members] for _, members in grouped(self.run, leaves)]
        members = [leaf for _, found in grouped(self.run, leaves) for leaf in found]
        return [members[i] for i in heaviest(groups, ranks)[1]]


def heaviest(groups: Sequence[Sequence[int]], ranks: int) -> tuple[int, list[int]]:
    """The rank with most elements, and which parameters it has, of groups of parameters by their elements, counted through."""
    loads, members, start = [0] * ranks, [list[int]() for _ in range(ranks)], 0
    for group in groups:
        for index in sorted(range(len(group)), key=lambda i: -group[i]):
            rank = loads.index(min(loads))
            loads[rank] += group[index]
            members[rank].append(start + index)
        start += len(group)
    worst = loads.index(max(loads))
    return worst, members[worst]
