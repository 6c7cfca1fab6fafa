"""What an advice costs beyond what its change says: FLOPs of a step, bytes that cross the network, time that GPUs wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from analyzer.advice.answers import Advice
from analyzer.advice.traffic import traffic
from analyzer.analysis import Analysis
from analyzer.build.ranks import RANKS
from analyzer.build.splitting import alike
from analyzer.build.stages import COPIED
from analyzer.compute import flops, kernels
from analyzer.evaluate import evaluate
from analyzer.formula import text
from analyzer.polynomial import ZERO
from analyzer.run.schedules import MICROBATCHES

# Of the time of a step, what each stage has nothing to do: Huang et al. 2019 (GPipe, section 2.3), Narayanan et al. 2021 (section 2.2),
# who divide it by the rest. It is the same for 1F1B.
BUBBLE = f"({RANKS} - 1)/({MICROBATCHES} + {RANKS} - 1)"

TIED = "parameters that stages share are in each of them, and their gradients have to be summed"


def costed(advice: Advice, analysis: Analysis, base: Analysis, before: Callable[[], int]) -> Advice:
    """With what a step computes more, what each GPU receives, and how long it waits; `before` gives the FLOPs of `base`."""
    return _with_bubble(_with_network(_with_flops(advice, analysis, base, before), analysis, base), analysis)


def _with_flops(advice: Advice, analysis: Analysis, base: Analysis, before: Callable[[], int]) -> Advice:
    """With the FLOPs that a step has more, those of all GPUs; without where it is a step of other samples or sizes."""
    change, divided = advice.change, analysis.run.parallel in ("tensor", "pipeline") and base.run.parallel == "none"
    if not change.batch_kept or (change.symbols and "accumulation" not in change.run and not divided):
        return advice
    if analysis.run.parallel != base.run.parallel and not divided:
        return advice
    more = computed(analysis) - before()
    recomputed = ""
    if change.kind != "batch" and analysis.run.checkpoint != base.run.checkpoint:
        recomputed = text(flops(kernels(analysis)).get("recomputation", ZERO))
    return replace(advice, flops=more, share=more / before() if before() else 0.0, recomputed=recomputed)


def computed(analysis: Analysis) -> int:
    """FLOPs of a step, of all GPUs among which the model is divided."""
    values = analysis.symbols.values
    if analysis.graph.stage is None:
        ranks = values[RANKS] if analysis.run.parallel == "tensor" else 1
        return ranks * evaluate(flops(kernels(analysis))["total"], values)
    runs = dict(alike(analysis.graph.stage.begins))
    parts = ((one.graph.stage, flops(kernels(one))["total"]) for one in analysis.stages or (analysis,))
    return sum((runs[stage.index] - stage.index + 1) * evaluate(form, values) for stage, form in parts if stage)


def _with_network(advice: Advice, analysis: Analysis, base: Analysis) -> Advice:
    """With the bytes that each GPU receives in a step: at most these, where the root's parameters stay."""
    found = traffic(advice.change.run.get("parallel", ""), analysis, base)
    return replace(advice, network=found[0], received=found[1]) if found else advice


def _with_bubble(advice: Advice, analysis: Analysis) -> Advice:
    """With the time that each stage of a pipeline waits, and what is left to the training loop."""
    if analysis.graph.stage is None:
        return advice
    values, stages = analysis.symbols.values, analysis.stages or (analysis,)
    ranks, parts = values[RANKS], values[MICROBATCHES]
    if any(warning.endswith(COPIED) for stage in stages for warning in stage.graph.warnings):
        advice = replace(advice, change=replace(advice.change, cost=f"{advice.change.cost}; {TIED}"))
    return replace(advice, bubble=BUBBLE, waits=(ranks - 1) / (parts + ranks - 1))
