"""The program around the model, as `run:` describes it: training steps until they repeat, or one inference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from analyzer.run.settings import Run
from validation.optimizers import holder, optimizer

Moment = Callable[[str], None]
STEPS = 2  # the second step is the steady one: the optimizer has its state, and the first step's variables are bound


class Runnable(Protocol):
    """A model on a device with a batch. `forward` runs one forward and, in training, binds `variables["loss"]`."""

    run: Run
    parameters: dict[str, torch.nn.Parameter]
    buffers: dict[str, torch.Tensor]
    variables: dict[str, Any]  # of the training loop, until rebound

    @property
    def inputs(self) -> Iterable[torch.Tensor]:
        """The tensors of a batch."""
        ...

    def forward(self) -> None:
        """One forward."""
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A stage of a pipeline, whose schedule runs backward itself."""

    def gradients(self, at: Moment) -> list[torch.Tensor]:
        """Forwards and backwards of all micro-batches; the losses."""
        ...


def train(program: Runnable, at: Moment) -> list[torch.Tensor]:
    """Train for two steps; `at` is told when each phase of a step begins. What the optimizer and its like keep."""
    run = program.run
    trained = [p for p in program.parameters.values() if p.requires_grad]
    scaler = torch.amp.GradScaler("cuda") if run.scaler else None
    model = holder(program.parameters.values(), program.buffers.values())
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn()) if run.ema else None  # type: ignore[no-untyped-call]
    made = optimizer(run, program.parameters)
    for _ in range(STEPS):
        at("start")
        losses = _gradients(program, made, scaler, at)
        at("step")
        _step(program, made, scaler, trained)
        if average:
            average.update_parameters(model)
        at("end")
        if run.zero_grad == "after_step":
            made.zero_grad(run.set_to_none)
        if run.outputs == "dropped":
            program.variables.pop("loss", None)
        del losses
    averages = [] if average is None else [*average.parameters(), *average.buffers()]
    return [*_state(made, scaler), *averages]


def _gradients(program: Runnable, made: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None, at: Moment) -> list[torch.Tensor]:
    """Forwards and backwards of all micro-batches; the losses of a schedule, which runs them itself."""
    run = program.run
    if isinstance(program, Scheduled):
        return program.gradients(at)
    for micro in range(run.accumulation):
        at("forward")
        program.forward()
        if micro == 0 and run.zero_grad == "before_backward":
            made.zero_grad(run.set_to_none)
        at("backward")
        _backward(program, scaler)
    return []


def _backward(program: Runnable, scaler: torch.amp.GradScaler | None) -> None:
    """`scaler.scale(loss / k).backward()`, in one expression: nothing of it has a name."""
    _scaled(program.variables["loss"], program.run.accumulation, scaler).backward()  # type: ignore[no-untyped-call]


def _scaled(loss: torch.Tensor, parts: int, scaler: torch.amp.GradScaler | None) -> torch.Tensor:
    if scaler is None:
        return loss / parts if parts > 1 else loss
    return scaler.scale(loss / parts if parts > 1 else loss)


def _step(program: Runnable, made: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None, trained: list[Any]) -> None:
    if scaler:
        scaler.unscale_(made)
    if program.run.clip_grad_norm:
        torch.nn.utils.clip_grad_norm_(trained, 1.0, foreach=None if program.run.clip_foreach else False)
    if scaler:
        scaler.step(made)
        scaler.update()
    else:
        made.step()


def infer(program: Runnable, at: Moment) -> None:
    """Infer once."""
    with torch.set_grad_enabled(not program.run.no_grad):
        at("start")
        at("inference")
        program.forward()
        at("end")


def _state(made: torch.optim.Optimizer, scaler: torch.amp.GradScaler | None) -> list[torch.Tensor]:
    local = getattr(made, "optim", made)  # of a ZeroRedundancyOptimizer: what this rank steps
    values: list[Any] = [value for state in local.state.values() for value in state.values()]
    if scaler:
        values += [scaler._scale, scaler._growth_tracker]
    return [value for value in values if isinstance(value, torch.Tensor) and value.is_cuda]
