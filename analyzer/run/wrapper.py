"""What stands around a model that is trained: nothing, or one of PyTorch's wrappers for several GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.polynomial import Poly

if TYPE_CHECKING:
    from analyzer.graph import Storage, Unit
    from analyzer.run.arrays import Array, Leaf, Node


class Wrapper:
    """A model that is not wrapped; what a wrapper does is told of at each moment."""

    def size(self, storage: Storage) -> Poly:
        """Bytes of a parameter, buffer or input on this GPU."""
        return storage.size

    def wrap(self) -> None:
        """The model is wrapped, before the first step."""

    def before_forward(self) -> None:
        """A forward of the wrapped model begins."""

    def enter(self, unit: Unit) -> None:
        """The forward of a part of the model begins."""

    def leave(self, unit: Unit, results: Sequence[Array]) -> None:
        """The forward of a part of the model has returned."""

    def after_forward(self) -> None:
        """The forward of the wrapped model has returned."""

    def on_gradient(self, leaf: Leaf) -> None:
        """A parameter has its gradient."""

    def before_node(self, node: Node) -> None:
        """Backward comes to a node that has hooks."""

    def across(self, node: Node, incoming: dict[int, Array]) -> dict[str, Array] | None:
        """The gradients of a node of the wrapper itself; None for any other."""
        return None

    def after_unit(self, path: str) -> None:
        """The gradients of a unit's inputs are there."""

    def after_backward(self) -> None:
        """Backward is done."""

    def owned(self, leaves: list[Leaf]) -> list[Leaf]:
        """Those of the optimizer's parameters that this GPU steps."""
        return leaves

    def trained(self, leaves: list[Leaf]) -> list[Leaf]:
        """What the optimizer is given for the model's parameters."""
        return leaves
