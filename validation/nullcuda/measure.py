"""What a training step or an inference of any torch.nn module takes on a CUDA device, by category and phase.

    from validation.nullcuda.measure import Settings, measure
    report, timeline = measure(build_model, make_inputs, loss, Settings(optimizer="SGD"))

The figures are those of the last step. With a null device or a GPU: they come from the allocator's own history.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from validation.nullcuda.hooks import module_paths
from validation.nullcuda.recorder import Recorder
from validation.nullcuda.summary import Owners, summary
from validation.nullcuda.timeline import Timeline

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is run. `options` go to the optimizer (lr, foreach, fused, momentum, ...)."""

    mode: str = "train"  # or infer, under inference_mode
    optimizer: str = "AdamW"
    options: Mapping[str, Any] = field(default_factory=dict)
    amp: str = ""  # bf16, or fp16 with a GradScaler
    dtype: torch.dtype | None = None  # of the whole model
    steps: int = 2
    keep_output: bool = False  # loss() returns (scalar, output), and the output lives through backward


Build = Callable[[], nn.Module]
Loss = Callable[[nn.Module, Any], Any]


def measure(
    build_model: Build, make_inputs: Callable[[], Any], loss: Loss, settings: Settings = Settings()
) -> tuple[dict[str, Any], Timeline]:
    """Make a model and a batch on the device, run the steps, and describe the last one: a report and every allocation."""
    started, recorder = time.monotonic(), Recorder()
    with torch.device("cuda"):
        recorder.mark("build")
        model = build_model()
        model = model if settings.dtype is None else model.to(settings.dtype)
        recorder.mark("inputs")
        inputs = make_inputs()
    model.train(settings.mode == "train")
    gc.collect()
    recorder.read_bools_as(True)
    reads, program = recorder.host_reads(), _Program(model, inputs, loss, settings, recorder, Owners(model, inputs))
    with module_paths(model, recorder):
        program.train() if settings.mode == "train" else program.infer()
    reads = recorder.host_reads() - reads
    timeline = recorder.finish()
    report = program.owners.counts() | summary(timeline, settings.mode, program.owners, program.peaks)
    return report | {"host_reads": reads, "seconds": round(time.monotonic() - started, 2)}, timeline


@dataclass(frozen=True, slots=True)
class _Program:
    """A model and how it is run; `peaks` are the allocator's own, by phase."""

    model: nn.Module
    inputs: Any
    loss: Loss
    settings: Settings
    recorder: Recorder
    owners: Owners
    peaks: dict[str, dict[str, int]] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.recorder.mark(name)
        self.recorder.reset_peak()
        yield
        self.peaks[name] = self.recorder.allocator_peaks()

    def forward(self) -> Any:
        half = HALF.get(self.settings.amp)
        with self.phase("forward"), torch.autocast("cuda", dtype=half) if half else contextlib.nullcontext():
            return self.loss(self.model, self.inputs)

    def train(self) -> None:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = getattr(torch.optim, self.settings.optimizer)(trained, **self.settings.options)
        scaler = torch.amp.GradScaler("cuda") if self.settings.amp == "fp16" else None
        for _ in range(self.settings.steps):
            result = self.forward()
            value = result[0] if self.settings.keep_output else result
            with self.phase("backward"):
                (scaler.scale(value) if scaler else value).backward()
            self.owners.gradients(self.model)
            with self.phase("step"):
                if scaler:
                    scaler.step(optimizer)
                    scaler.update()
                else:
                    optimizer.step()
            self.recorder.mark("zero")
            optimizer.zero_grad()
            del result, value
            self.owners.state(optimizer)
        self.recorder.mark("end")

    def infer(self) -> None:
        with torch.inference_mode():
            for _ in range(self.settings.steps):
                output = self.forward()
                self.owners.outputs(output)
                self.recorder.mark("end")
                del output
