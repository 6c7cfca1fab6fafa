"""What can be changed about how a model is run, each with what it costs: the words of the advice.

Memory formulas know nothing of this list: a change is settings and values as a user would type them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from re import compile as pattern

from analyzer.analysis import Analysis
from analyzer.assemble import batch_symbol
from analyzer.build.model import Model
from analyzer.build.source import Statement
from analyzer.catalogue import Gpu
from analyzer.polynomial import symbols_of
from analyzer.run.optimizer import OPTIMIZERS

SAME, ROUNDING, APART, CHANGED = "same", "rounding", "apart", "changed"
BF16 = 80  # the compute capability from which on bfloat16 is fast
FORMS = (("fused", 2, "none; the fused step is the faster one"), ("forloop", 3, "a slower optimizer step: one kernel at a time"))
WORD = pattern(r"[^\W\d]\w*")
BLOCKS = 8  # so many blocks are tried for checkpointing


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do: what to type, how intrusive it is, what it costs, and what it leaves as it was."""

    kind: str  # of two changes of one kind only one can be made
    says: str
    level: int  # the lower, the less intrusive
    cost: str
    run: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, str] = field(default_factory=dict)
    config: str = ""  # another config in place of this one
    numerics: str = SAME  # same, rounding, apart (where samples do not meet), changed
    batch_kept: bool = True  # the number of samples that one optimizer step sees


def changes(analysis: Analysis, gpu: Gpu) -> list[Change]:
    """What may be changed in a config as it is set, the least intrusive first; sizes are left alone."""
    run = analysis.run
    found = [*_for_nothing(analysis), *_variants(analysis.model)]
    if run.mode == "train":
        found += [*_optimizers(analysis), *_checkpoints(analysis)]
    if run.attention == "math":
        found.append(Change("attention", "let PyTorch choose the attention kernel", 2, "none", {"attention": "auto"}, numerics=ROUNDING))
    found += _precisions(analysis, gpu)
    return sorted(found, key=lambda change: change.level)


def _for_nothing(analysis: Analysis) -> Iterator[Change]:
    """Settings that change no number."""
    run, train = analysis.run, analysis.run.mode == "train"
    if not run.no_grad and not train:
        yield Change("no_grad", "infer under torch.no_grad()", 1, "none", {"no_grad": "true"})
    if train and not run.set_to_none:
        yield Change("set_to_none", "let zero_grad() set gradients to None", 1, "none", {"set_to_none": "true"})
    if train and run.zero_grad == "before_backward":
        yield Change("zero_grad", "call zero_grad() right after the optimizer's step", 1, "none", {"zero_grad": "after_step"})
    if run.outputs == "kept":
        said = "compute the loss in a function that returns only the loss"
        yield Change("outputs", said, 1, "outputs are gone after the step", {"outputs": "dropped"})
    if not run.expandable_segments and not run.max_split_size_mb:
        said = "set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
        yield Change("allocator", said, 1, "none to speak of", {"expandable_segments": "true"})


def _optimizers(analysis: Analysis) -> Iterator[Change]:
    run, optimizer = analysis.run, OPTIMIZERS[analysis.run.optimizer]
    for form, level, cost in FORMS:
        if run.form == "foreach" and getattr(optimizer, form) is not None:
            said = f"take the {form} form of {run.optimizer}"
            yield Change("optimizer_form", said, level, cost, {"optimizer_form": form}, numerics=ROUNDING)
    small = f"{run.optimizer}8bit"
    if small in OPTIMIZERS:
        said = f"keep the optimizer's states in 8 bits ({small} of bitsandbytes)"
        settings = {"optimizer": small, "optimizer_form": "default"}
        yield Change("optimizer", said, 8, "states are quantized by blocks", settings, numerics=CHANGED)


def _checkpoints(analysis: Analysis) -> Iterator[Change]:
    """A checkpoint around each block that the model calls, on top of those that it has."""
    given = [name for name in analysis.run.checkpoint.split(",") if name]
    called = [name for name in blocks_called(analysis.model) if name not in given][:BLOCKS]
    for name in called:
        cost = f"the forward of every {name} runs a second time in backward"
        yield Change("checkpoint", f"checkpoint {name}", 5, cost, {"checkpoint": ",".join([*given, name])})


def blocks_called(model: Model) -> list[str]:
    """The blocks that a model's layers call, those inside loops first, then from the outermost in."""
    found: dict[str, int] = {}

    def visit(statements: Iterable[Statement], depth: int, looped: bool) -> None:
        for statement in statements:
            if statement.word in model.blocks and statement.word not in found:
                found[statement.word] = depth - (100 if looped else 0)
                visit(model.blocks[statement.word].layers, depth + 1, False)
            module = model.modules.get(statement.word)
            if module is not None:
                visit((module.statement,), depth + 1, looped)
            visit(statement.body, depth, looped or statement.word == "repeat")

    visit(model.layers, 0, False)
    return sorted(found, key=lambda name: found[name])


def _precisions(analysis: Analysis, gpu: Gpu) -> Iterator[Change]:
    run = analysis.run
    half = "bf16" if gpu.capability >= BF16 else "fp16"
    scaled = " with a GradScaler" if half == "fp16" else ""
    if run.precision == "fp32" and run.mode == "train":
        said = f"train under torch.autocast in {half}{scaled}"
        yield Change("precision", said, 6, "none; products are faster", {"precision": f"amp-{half}"}, numerics=CHANGED)
    if run.precision != "bf16" and half == "bf16" and run.mode == "train":
        said = "keep parameters, gradients and states in bf16"
        yield Change("precision", said, 10, "updates are rounded to 8 bits of mantissa", {"precision": "bf16"}, numerics=CHANGED)
    if run.precision in ("fp32", "amp-bf16", "amp-fp16") and run.mode == "infer":
        yield Change("precision", f"infer in {half}", 6, "none; it is faster", {"precision": half}, numerics=CHANGED)
    if run.mode == "infer" and run.weights == "precision" and not run.autocast:
        said, cost = "keep the weights of Linear layers in 8 bits", "weights are cast for every product"
        yield Change("weights", said, 8, cost, {"weights": "int8"}, numerics=CHANGED)


def _variants(model: Model) -> Iterator[Change]:
    """The other ways to compute the same that the config offers."""
    for variant in model.variants:
        level = {SAME: 2, ROUNDING: 3, CHANGED: 9}[variant.numerics]
        yield Change(
            "variant", variant.doc or f"take its variant {variant.name}", level, variant.cost or "see the config",
            {}, dict(variant.symbols), variant.config, variant.numerics,
        )  # fmt: skip


def accumulated(batch: str, value: int, parts: int, before: int) -> Change:
    """The batch in so many parts, their gradients added up."""
    cost = "more and smaller kernels"
    said = f"take {parts} micro-batches of {value // parts} for each step"
    return Change("batch", said, 4, cost, {"accumulation": str(parts * before)}, {batch: str(value // parts)}, numerics=APART)


def smaller(symbol: str, value: int, doc: str, *, batch: bool, train: bool) -> Change:
    """A smaller size."""
    what = f" ({doc})" if doc else ""
    if batch and not train:
        return Change("batch", f"lower {symbol}{what} to {value}", 4, "more batches for the same samples", {}, {symbol: str(value)})
    if batch:
        cost = "another effective batch: more steps, and a learning rate to match"
        return Change("batch", f"lower {symbol}{what} to {value}", 12, cost, {}, {symbol: str(value)}, batch_kept=False, numerics=CHANGED)
    return Change(
        f"size {symbol}", f"lower {symbol}{what} to {value}", 14, "another model or other data", {}, {symbol: str(value)}, numerics=CHANGED
    )


def sizes(analysis: Analysis) -> list[str]:
    """The symbols that sizes of the inputs are, or are computed from, the batch's first."""
    given = (n for tensor in analysis.graph.inputs.values() for size in tensor.shape for n in sorted(symbols_of(size)))
    names = (batch_symbol(analysis), *given)
    return list(dict.fromkeys(root for name in names for root in _roots(name, analysis.symbols.definitions)))


def _roots(name: str, definitions: Mapping[str, str]) -> Iterator[str]:
    """The symbols that a symbol is computed from; itself where it has a value."""
    if name not in definitions:
        yield name
        return
    for word in WORD.findall(definitions[name]):
        yield from _roots(word, definitions)


def joined(parts: Iterable[Change]) -> Change:
    """Several changes as one."""
    several = list(parts)
    result = several[0]
    for part in several[1:]:
        numerics = max(result.numerics, part.numerics, key=(SAME, ROUNDING, APART, CHANGED).index)
        result = replace(
            result, says=f"{result.says}; {part.says}", level=result.level + part.level, cost=f"{result.cost}; {part.cost}",
            run={**result.run, **part.run}, symbols={**result.symbols, **part.symbols}, config=part.config or result.config,
            numerics=numerics, batch_kept=result.batch_kept and part.batch_kept,
        )  # fmt: skip
    return result
