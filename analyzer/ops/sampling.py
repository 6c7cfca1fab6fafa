"""Samples that gradients go through, and images read at computed places.

Sources: torch/nn/functional.py (gumbel_softmax), ATen/native/GridSampler.cpp, cuda/GridSampler.cu, cudnn/GridSampler.cpp; torch 2.13.
"""

from __future__ import annotations

from fractions import Fraction

from analyzer.graph import Rule, Spec, Tensor
from analyzer.ops import plan
from analyzer.ops.elementwise import add, div, neg, statement, sub
from analyzer.ops.registry import op, primitive
from analyzer.ops.selecting import max
from analyzer.ops.shape import detach
from analyzer.ops.softmax import softmax
from analyzer.ops.unary import log
from analyzer.polynomial import Poly, poly
from analyzer.sizes import sizes
from analyzer.tracing import Refused, current, show


@primitive
def _row_major_like(x: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype))


@primitive
def _scatter_inplace(x: Tensor, index: Tensor) -> Rule:
    return Rule(Spec(x.shape, x.dtype, x.strides), inplace="x")


@op
def gumbel_softmax(logits: Tensor, *, tau: float = 1.0, hard: bool = False, dim: int = -1) -> Tensor:
    """y = softmax((logits + Gumbel noise) / tau); hard: 1 at its largest and 0 elsewhere, with the same gradient"""
    drawn = _row_major_like(logits)
    logged = statement(log(drawn), drawn)
    noise = statement(neg(logged), logged)
    shifted = add(logits, noise)
    gumbels = statement(div(shifted, poly(Fraction(str(tau)))), shifted, noise)
    soft: Tensor = softmax(gumbels, dim=dim)
    if not hard:
        return soft
    largest, index = max(soft, dim=dim, keepdim=True)
    current().release(largest)
    zeros = _row_major_like(logits)
    ones = statement(_scatter_inplace(zeros, index), zeros)
    free = detach(soft)
    difference = statement(sub(ones, free), free)
    y: Tensor = statement(add(difference, soft), difference)
    return y


@primitive
def _grid_sample(x: Tensor, grid: Tensor, shape: tuple[Poly, ...], fused: bool) -> Rule:
    """The kernel makes the gradient of the grid always, cuDNN's that of x too."""
    order = (plan.result("x", x), plan.result("grid", grid)) if fused or x.requires_grad else (plan.result("grid", grid),)
    return Rule(Spec(shape, x.dtype), plan.gradients("grid_sampler_backward", "g, x, grid", order), constants={"plan": order})


@op
def grid_sample(x: Tensor, grid: Tensor, *, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """y = x read at the places of grid, (n, h, w, 2) or (n, d, h, w, 3), from -1 to 1"""
    rank = len(x.shape) - 2
    if rank not in (2, 3) or len(grid.shape) != rank + 2 or not sizes().same(grid.shape[0], x.shape[0]):
        raise Refused(f"grid_sample needs an image and a grid of one batch, not {show(x.shape)} and {show(grid.shape)}")
    if sizes().number(grid.shape[-1]) != rank:
        raise Refused(f"grid_sample of {show(x.shape)} needs {rank} coordinates, its grid is {show(grid.shape)}")
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border", "reflection"):
        raise Refused(f"grid_sample has no rule for mode '{mode}' with padding_mode '{padding_mode}'")
    fused = rank == 2 and bool(align_corners) and (mode, padding_mode) == ("bilinear", "zeros") and not plan.exceeds(x.shape[1], 1024)
    y: Tensor = _grid_sample(x, grid, (*x.shape[:2], *grid.shape[1:-1]), fused)
    return y
