"""torchvision under any build of torch.

The wheels on PyPI are made for CUDA: where torch is a CPU build, torchvision's compiled ops cannot be loaded, and its Python
registers rules for them all the same, so that neither it nor transformers, which imports it, can be imported. No model here uses
these ops; declared, they let the packages be imported.
"""

from __future__ import annotations

import functools

import torch
from torch import library


@functools.cache
def declare() -> library.Library | None:
    """Declare the ops that torchvision's Python needs, where its own are absent; once, before it is imported."""
    if torch.version.cuda is not None:
        return None
    declared = library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    return declared
