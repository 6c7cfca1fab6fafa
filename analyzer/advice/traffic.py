"""Bytes that each GPU receives in an optimizer step, as closed forms: what goes around a ring, or comes from the stages beside it.

A ring passes on `(ranks - 1) / ranks` of what is gathered or of what is reduced and scattered; an all-reduce is both.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis import Analysis
from analyzer.build.ranks import RANKS
from analyzer.evaluate import evaluate
from analyzer.formula import text
from analyzer.graph import Checkpoint, EndCheckpoint, Enter, Leave, Stage, Step, Tensor, nested
from analyzer.memory import categories
from analyzer.polynomial import ONE, Poly, product, symbol, total
from analyzer.run.parallel import REPLICATED
from analyzer.run.schedules import MICROBATCHES

# How often a rank receives all but its own share of the parameters, and of the gradients. A ring's all-reduce is a reduce-scatter
# and an all-gather: torch/nn/parallel/distributed.py all-reduces gradients; ZeroRedundancyOptimizer then broadcasts each parameter
# from the rank that stepped it; fully_shard gathers parameters before forward, again before backward where they were let go, and
# reduce-scatters gradients (Rajbhandari et al. 2020, ZeRO, section 7).
PASSES = {"ddp": (0, 2), "zero1": (1, 2), "zero2": (1, 1), "zero3": (2, 1)}
# Of what tensor parallel runs, how often its larger side goes around in forward, and in backward (analyzer.ops.collectives).
FORWARD = {"all_reduce": 2, "all_gather": 1, "reduce_scatter": 1}
BACKWARD = {"whole_input": 2, "reduce_scatter": 1, "scatter": 1}


def traffic(way: str, analysis: Analysis, base: Analysis) -> tuple[str, int] | None:
    """The closed form and the bytes of one GPU, of a pipeline the one that receives most; None where it is not known."""
    if way == "pipeline":
        return _between_stages(analysis)
    if way == "tensor":
        return _around(_activations(analysis) * analysis.run.accumulation, analysis)
    whole = base.run.parallel in ("none", *REPLICATED)
    return _around(passed(way, base), analysis) if way in PASSES and whole else None


def passed(way: str, base: Analysis) -> Poly:
    """Bytes of parameters and gradients that go around in an optimizer step, in all its micro-batches; `base` has them whole."""
    memory, micro = categories(base), base.run.accumulation
    gathered, reduced = PASSES[way]
    times = micro if way != "zero1" else 1  # an optimizer broadcasts once, whatever the micro-batches
    return memory["parameters"] * (gathered * times) + memory["gradients"] * (reduced * micro)


def _around(form: Poly, analysis: Analysis) -> tuple[str, int]:
    values = analysis.symbols.values
    ranks = values[RANKS]
    return f"({text(form)})*({RANKS} - 1)//{RANKS}", evaluate(form, values) * (ranks - 1) // ranks


def _between_stages(analysis: Analysis) -> tuple[str, int]:
    """What comes in forward from the stage before, and in backward from the one after, of all micro-batches."""
    stages = [one.graph.stage for one in analysis.stages or (analysis,) if one.graph.stage]
    forms = [_received(stage) * symbol(MICROBATCHES) for stage in stages]
    most = max(forms, key=lambda form: evaluate(form, analysis.symbols.values))
    return text(most), evaluate(most, analysis.symbols.values)


def _received(stage: Stage) -> Poly:
    return total([*(t.bytes for t in stage.received), *(t.bytes for t in stage.sent if t.requires_grad)])


def _activations(analysis: Analysis) -> Poly:
    """What goes around in forward and backward of tensor parallel: each tensor that is whole on one side of it, as often as it does."""
    return total(_whole(step).bytes * _passes(step, analysis, again) * times for step, times, again in _repeated(analysis) if _goes(step))


def _goes(step: Step) -> bool:
    return step.op in FORWARD or step.op in BACKWARD


def _whole(step: Step) -> Tensor:
    return step.outputs[0] if step.op == "all_gather" else next(iter(step.inputs.values()))


def _passes(step: Step, analysis: Analysis, again: bool) -> int:
    """How often a step's tensor goes around, also where a checkpoint runs its forward a second time."""
    forward = FORWARD.get(step.op, 0)
    passes = forward * (1 + again)
    if analysis.run.mode != "train" or not step.needed:
        return passes
    return passes + ("distributed" in step.rule.constants if step.op == "all_gather" else BACKWARD.get(step.op, 0))


def _repeated(analysis: Analysis) -> Iterator[tuple[Step, Poly, bool]]:
    """Every step, how often it runs, and whether it is in a block that is run again in backward."""
    times: dict[str, Poly] = {}
    regions: list[bool] = []
    for instruction in nested(analysis.graph.instructions):
        match instruction:
            case Enter(loop=loop, iteration=iteration, skipped=skipped):
                times[loop] = skipped + 1 if iteration == analysis.graph.simulated // 2 - 1 else ONE
            case Leave(loop=loop):
                times.pop(loop, None)
            case Checkpoint(again=again):
                regions.append(again is None)  # a reentrant one has its second run beside the first
            case EndCheckpoint():
                regions.pop()
            case Step():
                yield instruction, product(times.values()), any(regions)
