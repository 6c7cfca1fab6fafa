"""The program around the model, as `run:` describes it: training steps until they repeat, or one inference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

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


def train(program: Program, at: Moment) -> list[torch.Tensor]:
    """Train for two steps; `at` is told when each phase of a step begins. The state tensors of the optimizer and scaler."""
    run = program.run
    scaler = torch.amp.GradScaler("cuda") if run.scaler else None
    optimizer = OPTIMIZERS[run.optimizer](p for p in program.parameters.values() if p.requires_grad)
    for _ in range(STEPS):
        at("forward")
        program.forward()
        if run.zero_grad == "before_backward":
            optimizer.zero_grad()
        at("backward")
        _backward(program, scaler)
        at("step")
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
        at("end")
        if run.zero_grad == "after_step":
            optimizer.zero_grad()
        if run.outputs == "dropped":
            del program.variables["loss"]
    return _state(optimizer, scaler)


def _backward(program: Program, scaler: torch.amp.GradScaler | None) -> None:
    loss = program.variables["loss"]
    (scaler.scale(loss) if scaler else loss).backward()  # type: ignore[no-untyped-call]


def infer(program: Program, at: Moment) -> None:
    """Infer once."""
    with torch.set_grad_enabled(not program.run.no_grad):
        at("inference")
        program.forward()
        at("end")


def _state(optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None) -> list[torch.Tensor]:
    values: list[Any] = [value for state in optimizer.state.values() for value in state.values()]
    if scaler:
        values += [scaler._scale, scaler._growth_tracker]
    return [value for value in values if isinstance(value, torch.Tensor) and value.is_cuda]
