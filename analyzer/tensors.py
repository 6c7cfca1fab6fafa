"""Symbolic tensors: shapes in polynomials, and the storages they look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from analyzer.polynomial import ONE, Poly, product
from analyzer.problems import Origin

ITEMSIZE = {
    "float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2,
    "int8": 1, "uint8": 1, "bool": 1, "float8": 1,
}  # fmt: skip
FLOATING = frozenset({"float64", "float32", "float16", "bfloat16"})
Shape = tuple[Poly, ...]
DIVIDED, PARTIAL = "divided", "partial"  # what a parameter is among GPUs, and what its gradients are
Loops = tuple[tuple[str, int], ...]  # (loop, simulated iteration), outermost first


@lru_cache(maxsize=65536)
def contiguous(shape: Shape) -> Shape:
    """Row-major strides, in elements."""
    strides = [ONE] * len(shape)
    for i in range(len(shape) - 2, -1, -1):
        strides[i] = strides[i + 1] * shape[i + 1]
    return tuple(strides)


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A block of memory, whoever views it. `kind` is parameter, buffer, input or activation."""

    size: Poly  # bytes
    kind: str
    label: str  # module path and role, without loop counters
    origin: Origin
    copies: Poly = ONE  # how many iterations of symbolic loops this one stands for
    loops: Loops = ()  # of a parameter or buffer: the iterations whose module it belongs to
    placement: str = ""  # of a parameter: divided, or partial where each GPU has another gradient, still to be summed


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A Python tensor object: shape, strides in elements, dtype, and the storage it looks at."""

    shape: Shape
    strides: Shape
    dtype: str
    storage: Storage
    requires_grad: bool = False
    base: Tensor | None = None  # set for a differentiable view
    name: str = ""
    origin: Origin = field(default=Origin(""))

    @property
    def elements(self) -> Poly:
        """How many elements the shape has."""
        return product(self.shape)

    @property
    def bytes(self) -> Poly:
        """Bytes of a dense tensor of this shape."""
        return product((*self.shape, ITEMSIZE[self.dtype]))

    @property
    def is_parameter(self) -> bool:
        """Whether it is a leaf that training updates or could update."""
        return self.storage.kind == "parameter" and self.base is None
