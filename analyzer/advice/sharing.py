"""What can be changed by more GPUs: the batch spread, weights divided, the model cut into stages, and what is shared otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from analyzer.advice.changes import APART, CHANGED, ROUNDING, Change
from analyzer.analysis import Analysis
from analyzer.build.layouts import SCATTERED, SEQUENCE_PARALLEL, WHOLE
from analyzer.build.model import Model
from analyzer.run.parallel import REPLICATED

NETWORK = {
    "ddp": "gradients cross the network", "zero1": "gradients and updated parameters cross the network",
    "zero2": "parameters are gathered once a step, gradients cross the network",
    "zero3": "parameters are gathered twice a step, gradients cross the network",
}  # fmt: skip
WAYS = tuple(NETWORK)  # of sharing work between GPUs
DIVIDED = "activations cross the network in every block, so the GPUs should be linked by NVLink"
STAGED = "activations and their gradients cross the network between neighbours; the schedule runs the training step"
LOSS, SEQUENCE = "loss_parallel", "sequence_parallel"
ADDED = {LOSS: "cross_entropy on divided classes", SEQUENCE: "sequences divided between blocks"}
NODE, FARTHER = 8, 4  # so many GPUs are linked closely; more are so much more intrusive
MOST = 10**6  # micro-batches
MANY = 4  # so many micro-batches for each stage: Huang et al. 2019 (GPipe, section 2.3) found the bubble negligible from there on


def shared_settings(analysis: Analysis) -> Iterator[Change]:
    """What may be set otherwise where several GPUs share the work already."""
    run = analysis.run
    if run.parallel in REPLICATED and not run.gradient_as_bucket_view:
        said = "let gradients be views of the buckets (gradient_as_bucket_view)"
        yield Change("bucket_view", said, 1, "none; gradients cannot be detached in place", {"gradient_as_bucket_view": "true"})
    if run.parallel == "tensor":
        for setting in (LOSS, SEQUENCE):
            if not getattr(run, setting) and setting in divisible(analysis.model):
                cost = "none; fewer bytes cross the network" if setting == LOSS else "none; as many bytes cross the network"
                yield Change(setting, f"have {ADDED[setting]} ({setting})", 4, cost, {setting: "true"}, numerics=ROUNDING)
    if run.parallel == "fsdp" and not run.offloaded and run.mode == "train":
        cost = "parts cross PCIe in every step, and the CPU steps the optimizer"
        said = "keep parameters, gradients and states in host memory (CPUOffloadPolicy)"
        yield Change("offload", said, 9, cost, {"offload_policy": "cpu"}, numerics=ROUNDING)


def divisible(model: Model) -> frozenset[str]:
    """What tensor parallel can divide by what blocks say under `shard`: weights; loss_parallel, sequence_parallel."""
    words = {str(word.value) for block in model.blocks.values() for word in block.shard.values()}
    found = {"weights"} if words else set()
    found |= {LOSS} if "colwise_gather_output" in words else set()
    return frozenset(found | ({SEQUENCE} if words & {SEQUENCE_PARALLEL, WHOLE, SCATTERED} else set()))


def spread(batch: str, each: int, ranks: int, way: str, run: Mapping[str, str]) -> Change:
    """The batch on so many GPUs, so many samples on each; `run` are settings that go with the way."""
    said, cost = f"spread the batch over {ranks} GPUs, {each} on each ({way})", f"{ranks} GPUs; {NETWORK[way]}"
    settings = {"parallel": way, "ranks": str(ranks), **run}
    return Change("batch", said, 9 + WAYS.index(way) + _farther(ranks), cost, settings, {batch: str(each)}, numerics=APART)


def spread_further(batch: str, each: int, ranks: int) -> Change:
    """The batch on more GPUs than before, shared in the same way."""
    said = f"spread the batch over {ranks} GPUs, {each} on each"
    return Change("batch", said, 9 + _farther(ranks), f"{ranks} GPUs", {"ranks": str(ranks)}, {batch: str(each)}, numerics=APART)


def multiplied(batch: str, value: int, ranks: int, way: str, run: Mapping[str, str]) -> Change:
    """As many samples on each of several GPUs as one had, where a batch cannot be divided."""
    said = f"share parameters between {ranks} GPUs, {batch} = {value} on each ({way})"
    cost = f"{ranks} GPUs; {NETWORK[way]}; {ranks} times the effective batch, and a learning rate to match"
    settings = {"parallel": way, "ranks": str(ranks), **run}
    return Change("batch", said, 12 + WAYS.index(way) + _farther(ranks), cost, settings, batch_kept=False, numerics=CHANGED)


def instead(way: str, run: Mapping[str, str]) -> Change:
    """Another way of sharing between the GPUs that there are."""
    said = f"share states{', gradients and parameters' if way == 'zero3' else ' and gradients' if way == 'zero2' else ''} too ({way})"
    return Change("batch", said, 9 + WAYS.index(way), NETWORK[way], {"parallel": way, **run}, numerics=ROUNDING)


def divided(ranks: int, added: Iterable[str] = ()) -> Change:
    """Large weights in as many parts as there are GPUs, each with all of the batch; `added` are settings of what else is divided."""
    more = list(added)
    said = f"divide weights between {ranks} GPUs (tensor parallel)" + "".join(f", {ADDED[name]} ({name})" for name in more)
    run = {"parallel": "tensor", "ranks": str(ranks), **dict.fromkeys(more, "true")}
    return Change("batch", said, 11 + len(more), f"{ranks} GPUs; {DIVIDED}", run, numerics=ROUNDING)


def staged(batch: str, each: int, ranks: int, microbatches: int, run: Mapping[str, str]) -> Change:
    """The model in stages, one on each GPU, the batch in micro-batches."""
    said = f"cut the model into {ranks} stages on {ranks} GPUs, {microbatches} micro-batches of {each} (pipeline)"
    settings = {"parallel": "pipeline", "ranks": str(ranks), "n_microbatches": str(microbatches), **run}
    level = 13 + _farther(ranks)
    return Change("batch", said, level, f"{ranks} GPUs; {STAGED}", settings, {batch: str(each)}, numerics=APART)


def staged_larger(batch: str, value: int, ranks: int, run: Mapping[str, str]) -> Change:
    """The same where a batch has fewer samples than micro-batches are needed: each has as many as the batch had."""
    found = staged(batch, value, ranks, MANY * ranks, run)
    cost = f"{found.cost}; {MANY * ranks} times the effective batch, and a learning rate to match"
    return replace(found, level=found.level + 2, cost=cost, symbols={}, batch_kept=False, numerics=CHANGED)


def parted(batch: str, each: int, microbatches: int) -> Change:
    """More and smaller micro-batches of a pipeline."""
    said, settings = f"take {microbatches} micro-batches of {each} for each step", {"n_microbatches": str(microbatches)}
    return Change("batch", said, 4, "more and smaller kernels", settings, {batch: str(each)}, numerics=APART)


def microbatches(samples: int, ranks: int) -> list[int]:
    """Into how many equal parts a batch may be divided for so many stages: where the bubble is small, then four times as many."""
    divisors = [k for k in range(ranks, min(samples, MOST) + 1) if samples % k == 0]
    found = (next((k for k in divisors if k >= many * ranks), divisors[-1]) for many in (MANY, MANY * MANY) if divisors)
    return list(dict.fromkeys(found))


def _farther(ranks: int) -> int:
    return FARTHER if ranks > NODE else 0
