"""What a kernel with several results allocates, in order: for fused kernels, where one formula an input cannot say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from analyzer.graph import ITEMSIZE, Shape, Spec, Tensor
from analyzer.polynomial import Poly
from analyzer.sizes import sizes


@dataclass(frozen=True, slots=True)
class Result:
    """The gradient of an input; one that nobody wants goes when the kernel returns."""

    name: str
    spec: Spec
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes held until the kernel returns, or until `Gone` says the name."""

    size: Poly
    name: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """What was held under a name is given back."""

    name: str


@dataclass(frozen=True, slots=True)
class Brief:
    """Blocks taken together and given back before the next item."""

    sizes: tuple[Poly, ...]


@dataclass(frozen=True, slots=True)
class RowMajor:
    """A row-major copy of an argument that is not row-major, held until the kernel returns or `Gone` says its name."""

    of: str


@dataclass(frozen=True, slots=True)
class Laid:
    """A copy of an argument that lies otherwise than the kernel wants it, held until the kernel returns.

    It wants these strides; for none, a step of 1 in the last dimension.
    """

    of: str
    strides: Shape = ()


Item = Union[Result, Held, Gone, Brief, RowMajor, Laid]
Plan = tuple[Item, ...]


def results(**inputs: Tensor | None) -> Plan:
    """The gradients of the inputs that need one, each shaped as its input."""
    return tuple(result(name, tensor) for name, tensor in inputs.items() if tensor is not None and tensor.requires_grad)


def result(name: str, tensor: Tensor) -> Result:
    """The gradient of an input, that the kernel makes whether it is needed or not."""
    return Result(name, Spec(tensor.shape, tensor.dtype), tensor.requires_grad)


def gradients(kernel: str, reads: str | Mapping[str, str], plan: Sequence[Item]) -> dict[str, str]:
    """A formula for each gradient that the plan makes: the kernel runs once, and each formula takes its result.

    `reads` is what the kernel reads, or what it reads for each gradient.
    """
    wanted = [item.name for item in plan if isinstance(item, Result) and item.wanted]
    return {name: f"{kernel}('{name}', {reads if isinstance(reads, str) else reads[name]})" for name in wanted}


def accumulated(dtype: str) -> str:
    """The dtype in which a kernel adds up (at::toAccumulateType)."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def vector(length: Poly, dtype: str) -> Poly:
    """Bytes of so many elements."""
    return length * ITEMSIZE[dtype]


def exceeds(value: Poly, bound: int) -> bool:
    """Whether a size is larger than a bound: a decision that a kernel takes, written down."""
    here = sizes()
    yes = here.number(value) > bound
    if value.constant is None:
        here.assume(value, ">=" if yes else "<=", bound + 1 if yes else bound)
    return yes
