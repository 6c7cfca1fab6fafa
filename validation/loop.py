"""The program around the model, as `run:` describes it: training steps until they repeat, or one inference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from analyzer.run.settings import Run
from validation.rendering import Program

OPTIMIZERS: Mapping[str, Callable[[Iterable[torch.Tensor]], torch.optim.Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters),
    "SGD-momentum": lambda parameters: torch.optim.SGD(parameters, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters),
    "AdamW": lambda parameters: torch.optim.AdamW(parameters),
    "RMSprop": lambda parameters: torch.optim.RMSprop(parameters),
    "Adagrad": lambda parameters: torch.optim.Adagrad(parameters),
}
Moment = Callable[[str], None]
STEPS = 2  # the second step is the steady one: the optimizer has its state, and the first step's variables are bound


def train(program: Program, run: Run, at: Moment) -> torch.optim.Optimizer:
    """Train for two steps; `at` is told when each phase of a step begins."""
    optimizer = OPTIMIZERS[run.optimizer](p for p in program.parameters.values() if p.requires_grad)
    for _ in range(STEPS):
        at("forward")
        program.forward()
        if run.zero_grad == "before_backward":
            optimizer.zero_grad()
        at("backward")
        program.variables["loss"].backward()  # type: ignore[no-untyped-call]
        at("step")
        optimizer.step()
        at("end")
        if run.zero_grad == "after_step":
            optimizer.zero_grad()
        if run.outputs == "dropped":
            del program.variables["loss"]
    return optimizer


def infer(program: Program, run: Run, at: Moment) -> None:
    """Infer once."""
    with torch.set_grad_enabled(not run.no_grad):
        at("inference")
        program.forward()
        at("end")


def state_of(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """The state tensors that an optimizer keeps on the device."""
    values: Iterable[Any] = (value for state in optimizer.state.values() for value in state.values())
    return [value for value in values if isinstance(value, torch.Tensor) and value.is_cuda]
