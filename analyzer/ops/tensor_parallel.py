"""Linear layers of which each GPU has a part, as torch.distributed.tensor.parallel divides them: by columns or by rows.

The input of a column-parallel layer is whole, and its gradients are summed over the GPUs into a new tensor; a row-parallel layer's
input is a part, and its outputs are summed into a new tensor. Its bias is whole: a part of it for the sum is made in each forward.

Source: torch/distributed/tensor/parallel/style.py (ColwiseParallel, RowwiseParallel), _api.py (_FromTorchTensor, _ToTorchTensor),
_redistribute.py, placement_types.py (Partial), torch/distributed/_functional_collectives.py (all_reduce), torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer.graph import Rule, Spec, Tensor, View
from analyzer.ops import layout
from analyzer.ops.dense import linear
from analyzer.ops.matmul import addmm, transposed
from analyzer.ops.registry import primitive
from analyzer.ops.shape import as_shape
from analyzer.polynomial import Poly, product
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _whole_input(x: Tensor) -> Rule:
    """The input of every GPU; its gradient is the sum of theirs."""
    return Rule(View("x", x.shape, x.strides), {"x": "clone(g)"}, constants={"untracked": True})


@primitive
def _all_reduce(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), {"x": "g"})


@primitive
def _all_gather(x: Tensor) -> Rule:
    """Whole again in its last dimension: what comes of the ranks is gathered along the first one, and then rearranged."""
    shape = (*x.shape[:-1], x.shape[-1] * current().ranks)
    out = Spec(shape, x.dtype)
    rearranged = not all(sizes().is_one(size) for size in x.shape[:-1])
    return Rule(out, {"x": "part(g, x.shape)"}, copies=(out.bytes,) if rearranged else ())


@primitive
def _addmm(x: Tensor, mat1: Tensor, mat2: Tensor) -> Rule:
    """addmm with a bias that is divided by the number of GPUs first."""
    rule: Rule = addmm.rule(x, mat1, mat2)  # type: ignore[attr-defined]
    return replace(rule, copies=(x.bytes, *rule.copies))


def _part(size: Poly, what: str, ranks: Poly) -> Poly:
    """A GPU's part of a size. Raises Refused where the GPUs cannot have equal parts."""
    if not sizes().demand(size % ranks, "==", 0):
        told = f"{size!r}, which is {sizes().number(size)}," if size.constant is None else f"{size!r}"
        raise Refused(f"{what} {told} cannot be divided among {sizes().number(ranks)} ranks", "run.ranks has to divide it")
    return size / ranks


def colwise(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """A part of the columns: y = x Wᵀ + b, W: (out_features / ranks, in_features)."""
    width = _width(x, in_features)
    part = _part(out_features, "out_features", current().ranks)
    weight = current().parameter("weight", (part, width))
    b = current().parameter("bias", (part,)) if bias else None
    y: Tensor = linear(_whole_input(x), weight, b)
    return y


def colwise_gather_output(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """As colwise, and the output is gathered: y = x Wᵀ + b, W: (out_features / ranks, in_features)."""
    y: Tensor = _all_gather(colwise(x, out_features=out_features, bias=bias, in_features=in_features))
    return y


def rowwise(x: Tensor, *, out_features: Poly, bias: bool = True, in_features: Poly | None = None) -> Tensor:
    """A part of the rows: y = Σ over GPUs x Wᵀ, + b, W: (out_features, in_features / ranks)."""
    width = _width(x, None if in_features is None else _part(in_features, "in_features", current().ranks))
    weight = current().parameter("weight", (out_features, width))
    b = current().parameter("bias", (out_features,)) if bias else None
    y: Tensor = _all_reduce(linear(x, weight) if b is None else _biased(x, weight, b))
    return y


def _width(x: Tensor, told: Poly | None) -> Poly:
    if not x.shape or (told is not None and not sizes().same(told, x.shape[-1])):
        raise Refused(f"Linear has in_features {told!r} on a rank, but its input is {show(x.shape)} from {x.origin}")
    return x.shape[-1]


def _biased(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if len(x.shape) != 2 and not layout.is_contiguous(x):
        raise Refused("a row-parallel Linear with a bias of an input that is not contiguous is not simulated", "- contiguous")
    rows = x if len(x.shape) == 2 else as_shape(x, (product(x.shape[:-1]), x.shape[-1]))
    y: Tensor = _addmm(bias, rows, transposed(weight))
    return y if len(x.shape) == 2 else as_shape(y, (*x.shape[:-1], weight.shape[0]))


STYLES: dict[str, Callable[..., Tensor]] = {"colwise": colwise, "colwise_gather_output": colwise_gather_output, "rowwise": rowwise}
