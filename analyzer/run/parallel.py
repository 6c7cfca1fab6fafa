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
SEVERAL = ("data_parallel", *SHARDED)  # what is another program with one GPU
UNROLLED = ("data_parallel", "zero1")  # what is divided by the sizes of parameters has no formula in the number of layers
BELONGS = {
    "bucket_cap_mb": REPLICATED, "gradient_as_bucket_view": REPLICATED, "find_unused_parameters": REPLICATED,
    "static_graph": REPLICATED, "broadcast_buffers": REPLICATED,
    "sequence_parallel": ("tensor",), "loss_parallel": ("tensor",),
    "shard": SHARDED, "reshard_after_forward": SHARDED, "param_dtype": SHARDED, "reduce_dtype": SHARDED,
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
    for key in ("param_dtype", "reduce_dtype"):
        if run.parallel in SHARDED and getattr(run, key) != "none":
            yield Problem(places[key], f"run.{key} is not simulated yet", "leave it out: parameters are gathered and reduced as they are")
    if run.parallel == "tensor":
        yield from _unknown_with_tensor(run, places)
    if run.parallel != "none" and run.mode != "train" and run.parallel not in ("fsdp", "tensor"):
        yield Problem(places["parallel"], f"run.parallel={run.parallel} is for training", "leave it out: each GPU infers alone")


def _unknown_with_tensor(run: Run, places: Mapping[str, Origin]) -> Iterator[Problem]:
    if run.scaler:
        message = "with run.parallel=tensor a GradScaler would stop: it takes divided and whole gradients (DTensor and Tensor) for alike"
        yield Problem(places["precision"], message, "run.precision=amp-bf16")
    if run.weights != "precision":
        yield Problem(places["weights"], f"run.weights={run.weights} is not simulated with run.parallel=tensor", "run.weights=precision")
