"""torch.optim as the run's settings name it, and an averaged copy of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from analyzer.run.settings import Run

NOT_IN_TORCH = ("Lion", "Adam8bit", "AdamW8bit")
FORMS: dict[str, dict[str, bool]] = {
    "default": {}, "foreach": {"foreach": True}, "forloop": {"foreach": False}, "fused": {"fused": True},
}  # fmt: skip


def optimizer(run: Run, parameters: Iterable[torch.Tensor]) -> torch.optim.Optimizer:
    """The optimizer that a run trains with. Raises LookupError for one that torch does not have."""
    if run.optimizer in NOT_IN_TORCH:
        raise LookupError(f"{run.optimizer} is not part of torch.optim and cannot be measured here")
    given: dict[str, Any] = dict(FORMS[run.optimizer_form])
    given |= {"momentum": 0.9} if run.momentum else {}
    given |= {"weight_decay": 0.01} if run.weight_decay else {}
    given |= {name: True for name in ("nesterov", "amsgrad", "centered") if getattr(run, name)}
    made: torch.optim.Optimizer = getattr(torch.optim, run.optimizer)(parameters, **given)
    return made


def averaged(parameters: Iterable[nn.Parameter], buffers: Iterable[torch.Tensor]) -> AveragedModel:
    """AveragedModel of a model that has these parameters and buffers."""
    model = nn.Module()
    for i, parameter in enumerate(parameters):
        model.register_parameter(f"parameter{i}", parameter)
    for i, buffer in enumerate(buffers):
        model.register_buffer(f"buffer{i}", buffer)
    return AveragedModel(model)
