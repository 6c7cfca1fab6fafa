"""What a primitive op does with memory: its outputs, what its kernels take, and the gradient formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from analyzer.polynomial import Poly, product
from analyzer.tensors import ITEMSIZE, Shape
from analyzer.work import NO_WORK, Work

Scratch = Union[Poly, tuple[Poly, ...]]


@dataclass(frozen=True, slots=True)
class Spec:
    """An output that a kernel allocates. `size` replaces shape times itemsize where the storage is larger."""

    shape: Shape
    dtype: str
    strides: Shape | None = None
    differentiable: bool = True
    size: Poly | None = None

    @property
    def bytes(self) -> Poly:
        """Bytes that the kernel asks for."""
        return product((*self.shape, ITEMSIZE[self.dtype])) if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class View:
    """An output that shares the storage of an input."""

    of: str
    shape: Shape
    strides: Shape


@dataclass(frozen=True, slots=True)
class Rule:
    """What one primitive op does with memory.

    `grads` maps an input's name, or several joined by commas for one fused kernel, to its gradient formula (see
    `analyzer.formulas` for the words). `aux` are further tensors the kernel makes; they stay only if a needed formula
    reads them; `first` names those that are made before the outputs. `copies` lists bytes taken before anything else and
    held until the op returns, `scratch` bytes held while the forward kernel runs (those in a tuple of their own are given
    back before the next are taken), `workspace` the same for a formula's. `work` is what the kernels compute and read.
    """

    out: Spec | View | tuple[Spec | View, ...]
    grads: Mapping[str, str] = field(default_factory=dict)
    aux: Mapping[str, Spec] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    copies: tuple[Scratch, ...] = ()
    scratch: tuple[Scratch, ...] = ()
    workspace: Mapping[str, tuple[Poly, ...]] = field(default_factory=dict)
    constants: Mapping[str, object] = field(default_factory=dict)
    inplace: str = ""
    work: Work = NO_WORK
