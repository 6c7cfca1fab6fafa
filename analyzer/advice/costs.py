"""What an advice costs beyond what its change says: FLOPs of a step, and bytes that cross the network."""

from __future__ import annotations

from dataclasses import replace

from analyzer.advice.answers import Advice
from analyzer.analysis import Analysis
from analyzer.build.ranks import RANKS
from analyzer.compute import flops, kernels
from analyzer.evaluate import evaluate
from analyzer.formula import text
from analyzer.memory import categories
from analyzer.polynomial import Poly

# How often a rank receives all but its own share of the parameters, and of the gradients. A ring's all-reduce is a reduce-scatter
# and an all-gather: torch/nn/parallel/distributed.py all-reduces gradients; ZeroRedundancyOptimizer then broadcasts each parameter
# from the rank that stepped it; fully_shard gathers parameters before forward, again before backward where they were let go, and
# reduce-scatters gradients (Rajbhandari et al. 2020, ZeRO, section 7).
PASSES = {"ddp": (0, 2), "zero1": (1, 2), "zero2": (1, 1), "zero3": (2, 1)}


def costed(advice: Advice, analysis: Analysis, base: Analysis) -> Advice:
    """With what a step computes more, and what each GPU receives."""
    return _with_network(_with_flops(advice, analysis, base), analysis, base)


def _with_flops(advice: Advice, analysis: Analysis, base: Analysis) -> Advice:
    """With the FLOPs that a step has more; without where it is a step of other samples or sizes, or on several GPUs."""
    change = advice.change
    if not change.batch_kept or "ranks" in change.run or (change.symbols and "accumulation" not in change.run):
        return advice
    here, there = flops(kernels(analysis)), flops(kernels(base))
    before = evaluate(there["total"], base.symbols.values)
    more = evaluate(here["total"], analysis.symbols.values) - before
    recomputed = text(here["recomputation"]) if "recomputation" in here and change.kind != "batch" else ""
    return replace(advice, flops=more, share=more / before if before else 0.0, recomputed=recomputed)


def _with_network(advice: Advice, analysis: Analysis, base: Analysis) -> Advice:
    """With the bytes that each GPU receives in a step, as a ring sends them: at most these, where the root's parameters stay."""
    if advice.change.run.get("parallel") not in PASSES:
        return advice
    form, ranks = passed(advice.change.run["parallel"], base), analysis.symbols.values[RANKS]
    written = f"({text(form)})*({RANKS} - 1)//{RANKS}"
    return replace(advice, network=written, received=evaluate(form, base.symbols.values) * (ranks - 1) // ranks)


def passed(way: str, base: Analysis) -> Poly:
    """Bytes of parameters and gradients that go around in an optimizer step, its micro-batches together; `base` is on one GPU."""
    memory, micro = categories(base), base.run.accumulation
    gathered, reduced = PASSES[way]
    times = micro if way != "zero1" else 1  # an optimizer broadcasts once, whatever the micro-batches
    return memory["parameters"] * (gathered * times) + memory["gradients"] * (reduced * micro)
