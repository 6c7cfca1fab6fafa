"""The program of a stage as torch.distributed.pipelining runs it: the real PipelineStage and schedule, on a fake process group.

Sends and receives return at once. What the stages vote on before the first step, whether shapes are known, is taken as agreed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe
from torch.distributed.pipelining._utils import InferenceMode
from torch.distributed.pipelining.microbatch import TensorChunkSpec, _Replicate

from analyzer import graph as symbolic
from analyzer.graph import Call, Graph, Stage, Step, nested
from analyzer.run.settings import Run
from validation.modules import dtype, numbers
from validation.parallel import Whole, join
from validation.rendering import Program

SCHEDULES: dict[str, Any] = {"1f1b": Schedule1F1B, "gpipe": ScheduleGPipe}


class _Module(Whole):
    """What a stage runs: from what it receives, and its micro-batch of the inputs, to what it sends."""

    def forward(self, *received: torch.Tensor, **inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The outputs for one micro-batch."""
        return self.program.run_stage(received, inputs)  # type: ignore[union-attr, operator, no-any-return]


class _Watched(PipelineStage):
    """A stage that tells when forwards and backwards begin."""

    at: Callable[[str], None]

    def forward_one_chunk(self, *args: Any, **kwargs: Any) -> Any:
        """Forward of a micro-batch."""
        self.at("forward")
        return super().forward_one_chunk(*args, **kwargs)

    def backward_one_chunk(self, *args: Any, **kwargs: Any) -> None:
        """Backward of a micro-batch."""
        self.at("backward")
        super().backward_one_chunk(*args, **kwargs)


def stand_ins(program: Program, stage: Stage) -> dict[symbolic.Tensor, torch.Tensor]:
    """Views of parameters for tensors that a stage does not have: calls read only their shape and dtype."""
    made = {t for i in nested(stage.forward) if isinstance(i, Step) for t in i.outputs} | set(stage.received)
    calls = [i for i in stage.forward if isinstance(i, Call)]
    made |= {t for call in calls for t in call.outputs} | program.values.keys() | set(program.graph.inputs.values())
    taken = [t for call in calls for t in call.arguments.values() if isinstance(t, symbolic.Tensor) and t not in made]
    of_dtype = {p.dtype: p.detach().reshape(-1)[:1] for p in program.parameters.values()}
    return {t: of_dtype[dtype(t)].expand(numbers(t.shape, program.graph.symbols)) for t in taken}


class Staged(Program):
    """A program of one stage of a pipeline."""

    def __init__(self, graph: Graph, device: str, run: Run, ranks: int) -> None:
        assert graph.stage is not None
        self.stage: Stage = graph.stage
        self.results = (*graph.stage.sent, *graph.outputs.values())
        self.microbatches = graph.symbols["n_microbatches"]
        super().__init__(graph, device, run)
        join(ranks, self.stage.index)
        self.stand_ins = stand_ins(self, graph.stage)
        self.names = {f"input{i}": tensor for i, tensor in enumerate(graph.inputs.values())}
        sent = tuple(self._meta(tensor) for tensor in self.results)
        self.pipelined = _Watched(
            _Module(self), self.stage.index, ranks, torch.device(device, 0),
            input_args=tuple(self._meta(t) for t in self.stage.received), output_args=sent,
        )  # fmt: skip
        divided = {graph.inputs[name] for name in self.stage.divided}
        specs: dict[str, Any] = {name: TensorChunkSpec(0) if t in divided else _Replicate() for name, t in self.names.items()}  # type: ignore[no-untyped-call]
        self.schedule: Any = SCHEDULES[run.schedule](self.pipelined, self.microbatches, loss_fn=self._loss, kwargs_chunk_spec=specs)
        self.schedule._warmup_p2p = self._vote

    def _vote(self, stages: list[Any], *_: object) -> None:
        for stage in stages:
            stage._inference_mode = InferenceMode.STATIC

    def _meta(self, tensor: symbolic.Tensor) -> torch.Tensor:
        symbols = self.graph.symbols
        made = torch.empty_strided(numbers(tensor.shape, symbols), numbers(tensor.strides, symbols), dtype=dtype(tensor), device="meta")
        return made.requires_grad_(tensor.requires_grad)

    def _input(self, tensor: symbolic.Tensor) -> torch.Tensor:
        """All micro-batches of an input."""
        one = super()._input(tensor)
        divided = any(self.graph.inputs[name] is tensor for name in self.stage.divided)
        return torch.cat([one] * self.microbatches) if divided else one

    def gradients(self, at: Callable[[str], None]) -> list[torch.Tensor]:
        """One step of the schedule; the losses."""
        self.pipelined.at = at
        losses: list[torch.Tensor] = []
        inputs = {name: self._resident[tensor] for name, tensor in self.names.items()}
        target = torch.empty(self.microbatches) if self.stage.is_last else None
        kept = self.run.outputs == "kept"
        made = self.schedule.step(target=target, losses=losses, return_outputs=kept, **inputs)
        if made is not None:
            self.variables["output"] = made
        return losses

    def run_stage(self, received: tuple[torch.Tensor, ...], inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The forward of the stage."""
        self.values |= dict(zip(self.stage.received, received))
        self.values |= {self.names[name]: value for name, value in inputs.items()} | self.stand_ins
        with self._autocast():
            self._run(self.stage.forward)
        outputs = tuple(self.values[tensor] for tensor in self.results)
        for tensor in (*self.stage.received, *self.results):
            if tensor not in self._resident:
                self.values.pop(tensor, None)
        torch.cuda.memory._set_memory_metadata("")  # what follows is the schedule's
        return outputs

    def _loss(self, outputs: tuple[torch.Tensor, ...], _: torch.Tensor) -> torch.Tensor:
        self.values |= dict(zip(self.results, outputs))
        with self._autocast():
            self._run(self.stage.loss)
        assert self.graph.loss is not None
        loss = self.values.pop(self.graph.loss)
        torch.cuda.memory._set_memory_metadata("")
        return loss

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        kind: torch.dtype = getattr(torch, self.run.autocast or "float32")
        return torch.autocast("cuda", dtype=kind) if self.run.autocast else contextlib.nullcontext()
