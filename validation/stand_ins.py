"""What stands for CUDA's kernels on other devices: results of the right shape, and what autograd keeps for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Made = tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]  # results, and what is kept


class Kernel(torch.autograd.Function):
    """A kernel that makes results out of tensors, and keeps tensors for a backward that nobody runs here."""

    @staticmethod
    def forward(ctx: Any, make: Callable[..., Made], *tensors: Tensor | None) -> tuple[Tensor, ...]:
        """The results of `make`; what it says is kept is saved."""
        results, kept = make(*tensors)
        ctx.save_for_backward(*kept)
        return results


class FusedRMSNorm(nn.RMSNorm):
    """_fused_rms_norm: keeps its input, the weight and one number a row."""

    def forward(self, x: Tensor) -> Tensor:
        """x w / √(mean x² + eps)"""
        y: Tensor = Kernel.apply(self._made, x, self.weight)[0]  # type: ignore[no-untyped-call]
        return y

    def _made(self, x: Tensor, weight: Tensor | None) -> Made:
        return (torch.empty(x.shape),), (x, weight, torch.empty(x.shape[: x.dim() - len(self.normalized_shape)]))
