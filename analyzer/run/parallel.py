"""Settings of several GPUs: which go together, and what their names stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.problems import Origin, Problem

if TYPE_CHECKING:
    from analyzer.run.settings import Run

NAMED = {"zero2": False, "zero3": True}  # other names of fsdp, and whether gathered parameters go after the forward
REPLICATED = ("ddp", "zero1")
SHARDED = ("fsdp", *NAMED)
SEVERAL = ("data_parallel", *SHARDED, "pipeline")  # what is another program with one GPU
UNROLLED = ("data_parallel", "zero1")  # what is divided by the sizes of parameters has no formula in the number of layers
BELONGS = {
    "bucket_cap_mb": REPLICATED, "gradient_as_bucket_view": REPLICATED, "find_unused_parameters": REPLICATED,
    "static_graph": REPLICATED, "broadcast_buffers": REPLICATED,
    **dict.fromkeys(("n_microbatches", "schedule", "split_spec", "stage"), ("pipeline",)),
    "sequence_parallel": ("tensor",), "loss_parallel": ("tensor",),
    "shard": SHARDED, "reshard_after_forward": SHARDED, "param_dtype": SHARDED, "reduce_dtype": SHARDED, "output_dtype": SHARDED,
    "cast_forward_inputs": SHARDED, "replicate": SHARDED, "offload_policy": SHARDED,
}  # fmt: skip


def resolved(run: Run) -> Run:
    """The settings with zero2 and zero3 as the fully_shard that they are."""
    if run.parallel not in NAMED:
        return run
    return replace(run, parallel="fsdp", reshard_after_forward=NAMED[run.parallel])


def refused(run: Run, places: Mapping[str, Origin]) -> Iterator[Problem]:
    """Settings of several GPUs that mean nothing together; `places` is where each setting that was given stands."""
    if run.parallel != "none" and not run.ranks:
        yield Problem(places["parallel"], f"run.parallel={run.parallel} needs the number of GPUs", "run.ranks=8")
    if run.parallel == "data_parallel" and run.checkpoint and run.use_reentrant:
        message = "a reentrant checkpoint runs backward inside DataParallel's: not simulated"
        yield Problem(places["use_reentrant"], message, "run.use_reentrant=false")
    if run.parallel == "none" and run.ranks:
        yield Problem(places["ranks"], "run.ranks needs to know how the GPUs share the work", "run.parallel=ddp")
    for key in (key for key in places if key in BELONGS and run.parallel not in BELONGS[key]):
        yield Problem(places[key], f"run.{key} means nothing with run.parallel={run.parallel}", f"run.parallel={BELONGS[key][0]}")
    told = NAMED.get(run.parallel)
    if told is not None and "reshard_after_forward" in places and run.reshard_after_forward != told:
        yield Problem(
            places["reshard_after_forward"], f"{run.parallel} is fsdp with reshard_after_forward={told}".lower(), "run.parallel=fsdp"
        )
    if run.parallel in SHARDED and not run.cast_forward_inputs and run.param_dtype == "none":
        yield Problem(places["cast_forward_inputs"], "run.cast_forward_inputs=false means nothing without run.param_dtype")
    if run.parallel in SHARDED and run.ema:
        yield Problem(places["ema"], "AveragedModel copies the model, which fully_shard does not allow")
    if run.offloaded and run.scaler:
        yield Problem(places["precision"], "a GradScaler of gradients in host memory is not simulated", "run.precision=amp-bf16")
    if run.parallel == "tensor":
        yield from _unknown_with_tensor(run, places)
    if run.parallel == "pipeline":
        yield from _unknown_in_a_pipeline(run, places)
    if run.parallel != "none" and run.mode != "train" and run.parallel not in ("fsdp", "tensor"):
        yield Problem(places["parallel"], f"run.parallel={run.parallel} is for training", "leave it out: each GPU infers alone")


def _unknown_with_tensor(run: Run, places: Mapping[str, Origin]) -> Iterator[Problem]:
    if run.scaler:
        message = "with run.parallel=tensor a GradScaler would stop: it takes divided and whole gradients (DTensor and Tensor) for alike"
        yield Problem(places["precision"], message, "run.precision=amp-bf16")
    if run.weights != "precision":
        yield Problem(places["weights"], f"run.weights={run.weights} is not simulated with run.parallel=tensor", "run.weights=precision")


def _unknown_in_a_pipeline(run: Run, places: Mapping[str, Origin]) -> Iterator[Problem]:
    if not run.n_microbatches:
        yield Problem(places["parallel"], "run.parallel=pipeline needs the number of micro-batches", "run.n_microbatches=8")
    if run.stage != "worst" and not run.stage.isdigit():
        yield Problem(places["stage"], f"run.stage cannot be '{run.stage}'", "worst, or the number of a stage, from 0")
    if run.accumulation > 1:
        message = "run.accumulation means nothing with run.parallel=pipeline: a schedule accumulates its micro-batches"
        yield Problem(places["accumulation"], message, f"run.n_microbatches={run.accumulation}")
    if run.scaler:
        message = "with run.parallel=pipeline a GradScaler has no place: the schedule runs backward itself"
        yield Problem(places["precision"], message, "run.precision=amp-bf16")
    if run.zero_grad != "after_step":
        message = "the schedule runs backward itself: zero_grad() can only be called before its step or after it"
        yield Problem(places["zero_grad"], message, "run.zero_grad=after_step")
