"""What the kernels of a step compute and move, as closed forms, and how fast a card could do it at best.

A kernel is counted with the tensors that it reads and writes, each once; scratch is not. Kernels that are alike stand together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.gpus import Gpu
from analyzer.graph import ITEMSIZE
from analyzer.polynomial import ONE, ZERO, Poly, poly, product, symbol, total
from analyzer.run.heap import Extent, Launch
from analyzer.run.schedules import MICROBATCHES
from analyzer.work import TF32

PHASES = ("forward", "backward", "recomputation", "step", "inference")
SPEEDS = {"float64": "fp64", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float8": "fp8", TF32: "tf32"}


@dataclass(frozen=True, slots=True)
class Kernels:
    """Kernels of one phase that do the same: what one of them computes and moves, and how many there are."""

    phase: str
    dtype: str  # in which they multiply
    share: Fraction  # of the FLOPs, what they cannot do without
    flops: Poly
    read: Poly  # bytes
    written: Poly  # bytes
    times: Poly


@dataclass(frozen=True, slots=True)
class Floor:
    """What a step takes at least on a card, in seconds. It is a bound, not a forecast.

    Each kernel takes as long as its arithmetic at the published speed of its dtype, and as long as its reads and writes at
    the published bandwidth, less what a cache of the card's size may have held: the longer of the two.
    """

    gpu: str
    arithmetic: float  # all FLOPs at full speed
    memory: float  # all bytes at full bandwidth
    least: float


def kernels(analysis: Analysis) -> tuple[Kernels, ...]:
    """The kernels of one training step, or of one inference."""
    skipped, middle = analysis.program.skipped, analysis.graph.simulated // 2
    forms: dict[Extent, Poly] = {}
    found: dict[Kernels, Poly] = {}
    repeated = _repeated(analysis)
    for launch in analysis.launches:
        times = product(skipped[name] + 1 for name, i in launch.place.loops if name in skipped and i == middle)
        times = times * repeated.get(launch.place.micro, ONE)
        read, written = (total(_bytes(extent, forms) for extent in side) for side in (launch.reads, launch.writes))
        made = Kernels(_phase(launch), launch.dtype if launch.flops else "", launch.share, launch.flops, read, written, ONE)
        found[made] = found.get(made, ZERO) + times
    return tuple(Kernels(k.phase, k.dtype, k.share, k.flops, k.read, k.written, times) for k, times in found.items())


def _repeated(analysis: Analysis) -> dict[int, Poly]:
    """How many micro-batches one stands for: the second one for those that were not run, which like it find gradients."""
    if analysis.graph.stage is None:
        return {1: poly(analysis.run.accumulation - 1)}
    run = max(launch.place.micro for launch in analysis.launches)  # what ends the schedule comes after them
    return {1: symbol(MICROBATCHES) - run + 1} if run > 1 else {}


def _phase(launch: Launch) -> str:
    if launch.place.phase == "backward":
        return "backward" if launch.gradient else "recomputation"
    return launch.place.phase


def _bytes(extent: Extent, known: dict[Extent, Poly]) -> Poly:
    if isinstance(extent, Poly):
        return extent
    if extent not in known:
        shape, strides, dtype = extent
        known[extent] = product(size for size, step in zip(shape, strides) if step) * ITEMSIZE[dtype]
    return known[extent]


def flops(made: Iterable[Kernels]) -> dict[str, Poly]:
    """FLOPs of each phase that has kernels, and of all."""
    return _by_phase((k.phase, k.flops * k.times) for k in made)


def moved(made: Iterable[Kernels]) -> dict[str, Poly]:
    """Bytes that the kernels of each phase read and write, and those of all."""
    return _by_phase((k.phase, (k.read + k.written) * k.times) for k in made)


def _by_phase(amounts: Iterable[tuple[str, Poly]]) -> dict[str, Poly]:
    found: dict[str, list[Poly]] = {}
    for phase, amount in amounts:
        found.setdefault(phase, []).append(amount)
    sums = {phase: total(found[phase]) for phase in PHASES if phase in found}
    return {**sums, "total": total(sums.values())}


def by_dtype(made: Iterable[Kernels]) -> dict[str, Poly]:
    """FLOPs of all phases by the dtype that is multiplied."""
    found: dict[str, list[Poly]] = {}
    for k in made:
        if k.flops:
            found.setdefault(k.dtype, []).append(k.flops * k.times)
    return {dtype: total(amounts) for dtype, amounts in found.items()}


def floors(analysis: Analysis, made: Iterable[Kernels], cards: Iterable[Gpu]) -> Iterator[Floor]:
    """The least time of a step on each card whose speeds are known."""
    values, allowed = analysis.symbols.values, analysis.run.allow_tf32
    bound = [(k, [evaluate(form, values) for form in (k.flops, k.read, k.written, k.times)]) for k in made]
    for card in cards:
        if not card.bandwidth or "fp32" not in card.flops:
            continue
        arithmetic = memory = least = 0.0
        for k, (count, read, written, times) in bound:
            seconds = count / speed(card, k.dtype, allow_tf32=allowed) if count else 0.0
            beyond = max(0, read - card.cache) + max(0, written - card.cache)
            arithmetic += times * seconds
            memory += times * (read + written) / card.bandwidth
            least += times * max(seconds * float(k.share), beyond / card.bandwidth)
        yield Floor(card.name, arithmetic, memory, least)


def speed(card: Gpu, dtype: str, *, allow_tf32: bool) -> int:
    """FLOP/s of products in a dtype: that of fp32 where the card has none for it, or a lower one."""
    speeds: Mapping[str, int] = card.flops
    names = {SPEEDS.get(dtype, "fp32"), "fp32"} if dtype != "float64" else {"fp64"}
    if dtype == "float32" and allow_tf32:
        names.add("tf32")
    return max(speeds.get(name, 0) for name in names) or speeds["fp32"]
