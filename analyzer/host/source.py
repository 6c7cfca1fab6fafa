"""The `data:` section as values: arrays, the steps that prepare them, what loads batches, what gathers predictions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from analyzer.graph import ITEMSIZE
from analyzer.polynomial import ONE, ZERO, Poly, poly, product
from analyzer.problems import Origin

Shape = tuple[Poly, ...]
FORMATS = ("dense", "csr", "csc", "coo")
NUMPY = ITEMSIZE | {"uint16": 2, "uint32": 4, "uint64": 8, "object": 8}
UNSUPPORTED = frozenset({"float16", "bfloat16", "float8", "object"})  # "scipy.sparse does not support dtype ..."
POINTER = 8
PREFETCH = poly(2)  # DataLoader's default with workers


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says is saved: a fraction below 1, or bytes."""

    value: Fraction
    origin: Origin


@dataclass(frozen=True, slots=True)
class Array:
    """An array in host memory; `nonzeros` are the elements that a sparse format stores, `at_least` those it always has."""

    name: str
    shape: Shape
    dtype: str
    origin: Origin
    format: str = "dense"
    nonzeros: Poly = ZERO
    at_least: Poly = ZERO
    index: str = ""  # dtype of the indices; empty for scipy's choice
    claims: tuple[Claim, ...] = ()
    doc: str = ""

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return NUMPY[self.dtype]

    @property
    def rows(self) -> Poly:
        """The first dimension."""
        return self.shape[0] if self.shape else ONE

    @property
    def columns(self) -> Poly:
        """Elements of one row."""
        return product(self.shape[1:])

    @property
    def dense(self) -> Poly:
        """Bytes of the elements when every one of them is stored."""
        return product(self.shape) * self.itemsize


def array_object(dimensions: int) -> int:
    """Bytes of numpy's array object without its elements: PyArrayObject_fields of numpy 1.22 to 2.x, and its dims and strides."""
    return 96 + 2 * POINTER * dimensions


@dataclass(frozen=True, slots=True)
class Step:
    """One step of preparing: a function of numpy or scipy, the names it reads, the array it makes."""

    word: str
    origin: Origin
    inputs: tuple[tuple[str, Origin], ...] = ()
    result: str = ""
    shape: Shape | None = None
    dtype: str = ""
    parts: str = ""  # of vstack: what its rows are


@dataclass(frozen=True, slots=True)
class Loader:
    """A torch.utils.data.DataLoader over arrays; `cast` is the dtype of its batches, empty for that of the array."""

    batch: Poly
    arrays: tuple[str, ...]
    origin: Origin
    workers: Poly = ZERO
    prefetch: Poly = PREFETCH
    pinned: bool = False
    start: str = "fork"
    collate: str = "batch"
    cast: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Results of batches gathered into `arrays` arrays of one shape."""

    name: str
    shape: Shape
    dtype: str
    batch: Poly
    origin: Origin
    arrays: Poly = ONE
    by: str = "lists"
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """The whole section."""

    arrays: tuple[Array, ...]
    steps: tuple[Step, ...]
    loader: Loader | None
    predictions: tuple[Prediction, ...]
    origin: Origin
