"""torch.optim as the run's settings name it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn
from torch.distributed.optim import ZeroRedundancyOptimizer

from analyzer.paths import is_named
from analyzer.run.groups import group, patterns
from analyzer.run.settings import Run

ELSEWHERE = {"Lion": "lion_pytorch", "Adam8bit": "bitsandbytes.optim", "AdamW8bit": "bitsandbytes.optim", "Lion8bit": "bitsandbytes.optim"}
NOT_IN_TORCH = tuple(ELSEWHERE)
FORMS: dict[str, dict[str, bool]] = {
    "default": {}, "foreach": {"foreach": True}, "forloop": {"foreach": False}, "fused": {"fused": True},
}  # fmt: skip


def optimizer(run: Run, parameters: Mapping[str, nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a run trains with, of the parameters that it is given. Raises ImportError where its package is missing."""
    given: dict[str, Any] = {} if run.optimizer in ELSEWHERE else dict(FORMS[run.optimizer_form])
    given |= {"momentum": 0.9} if run.momentum else {}
    given |= {name: True for name in ("nesterov", "amsgrad", "centered") if getattr(run, name)}
    excluded = patterns(run.exclude)
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for path, parameter in parameters.items():
        if parameter.requires_grad and not is_named(excluded, path):
            groups.setdefault(group(run, path), []).append(parameter)
    decay = 0.01 if run.weight_decay else 0.0
    decays = {"weight_decay": decay} if run.weight_decay or run.no_decay else {}
    members = [{"params": groups[key], **decays, **({"weight_decay": 0.0} if key[1] else {})} for key in sorted(groups)]
    home = importlib.import_module(ELSEWHERE.get(run.optimizer, "torch.optim"))
    kind = getattr(home, run.optimizer)
    if run.parallel == "zero1":
        return ZeroRedundancyOptimizer(members, kind, **given)
    made: torch.optim.Optimizer = kind(members, **given)
    return made


def holder(parameters: Iterable[nn.Parameter], buffers: Iterable[torch.Tensor]) -> nn.Module:
    """A module that has these parameters and buffers."""
    model = nn.Module()
    for i, parameter in enumerate(parameters):
        model.register_parameter(f"parameter{i}", parameter)
    for i, buffer in enumerate(buffers):
        model.register_buffer(f"buffer{i}", buffer)
    return model
