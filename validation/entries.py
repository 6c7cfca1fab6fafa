"""How PyTorch calls the ops whose function has other arguments, or another name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Entry = Callable[..., Any]


def _slice(x: Tensor, *, dim: int = 0, start: int = 0, length: int, step: int = 1) -> Tensor:
    index = [slice(None)] * (dim % x.dim()) + [slice(start, start + (length - 1) * step + 1, step)]
    return x[tuple(index)]


def _made(name: str) -> Entry:
    """A factory that takes a shape."""
    function: Entry = getattr(torch, name)
    return lambda *, shape, dtype="float32", device: function(shape, dtype=getattr(torch, dtype), device=device)


def _new(name: str) -> Entry:
    """A method that makes another tensor of the dtype of one."""
    method: Entry = getattr(Tensor, name)
    return lambda x, *, size, dtype=None: method(x, size, dtype=getattr(torch, dtype) if dtype else None)


def _counted(name: str) -> Entry:
    """A factory that takes numbers."""
    function: Entry = getattr(torch, name)

    def made(*, dtype: str = "float32", device: str, **numbers: Any) -> Tensor:
        result: Tensor = function(*numbers.values(), dtype=getattr(torch, dtype), device=device)
        return result

    return made


def _like(name: str) -> Entry:
    """A factory that takes the shape of a tensor."""
    function: Entry = getattr(torch, name)

    def made(x: Tensor, *, dtype: str | None = None, **numbers: Any) -> Tensor:
        values = [numbers[k] for k in ("value", "low", "high") if k in numbers]
        result: Tensor = function(x, *values, dtype=getattr(torch, dtype) if dtype else None)
        return result

    return made


def _arange(*, end: int, dtype: str = "int64", device: str) -> Tensor:
    return torch.arange(end, dtype=getattr(torch, dtype), device=device)


def _full(*, shape: list[int], value: float, dtype: str = "float32", device: str) -> Tensor:
    return torch.full(shape, value, dtype=getattr(torch, dtype), device=device)


def _randint(*, high: int, shape: list[int], low: int = 0, dtype: str = "int64", device: str) -> Tensor:
    return torch.randint(low, high, shape, dtype=getattr(torch, dtype), device=device)


ENTRIES: Mapping[str, Entry] = {
    "grad": lambda outputs, inputs: torch.autograd.grad(outputs, inputs, create_graph=True)[0],
    "requires_grad_": lambda x: x.requires_grad_(),
    "slice": _slice,
    "tensor_split": lambda x, *, indices_or_sections, dim=0: torch.tensor_split(x, indices_or_sections, dim),
    "batch_norm": lambda *tensors, **attributes: F.batch_norm(*tensors, **attributes),
    "instance_norm": lambda *tensors, **attributes: F.instance_norm(*tensors, **attributes),
    "meshgrid": lambda tensors, *, indexing="ij": torch.meshgrid(*tensors, indexing=indexing),
    "rms_norm": lambda x, weight=None, *, normalized_shape, eps=None: F.rms_norm(x, normalized_shape, weight, eps),
    "split": lambda x, *, split_size, dim=0: x.split(split_size, dim),
    "repeat_interleave": lambda x, *, repeats, dim=None: x.repeat_interleave(repeats, dim),
    "pad": lambda x, *, pad, mode="constant", value=0.0: F.pad(x, pad, mode, value if mode == "constant" else None),
    "roll": lambda x, *, shifts, dims=None: torch.roll(x, shifts, dims),
    "dropout_": lambda x, *, p=0.5, training: F.dropout(x, p, training, inplace=True),
    **{name: _made(name) for name in ("zeros", "ones", "rand", "randn")},
    **{name: _counted(name) for name in ("eye", "linspace")},
    **{name: _new(name) for name in ("new_zeros", "new_ones")},
    **{name: _like(name) for name in ("zeros_like", "ones_like", "full_like", "randint_like")},
    "arange": _arange,
    "full": _full,
    "randint": _randint,
}
