"""The results in Markdown: how many cases are equal to the byte, how far the others are off, and where they first differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analyzer.gpus import context_of
from validation.rows import ALLOCATOR, FULL_PRECISION, MODELS, NO_AUTOCAST, PEAKS, Results, Row

EXACT = ("parameters", "buffers", "inputs", "gradients", "optimizer", "left by forward")
ALLOCATOR_BOUNDS = {"allocated": 0.01, "reserved": 0.05}
SHOWN = {
    "parameters": "parameters", "buffers": "buffers", "inputs": "inputs", "gradients": "gradients", "optimizer": "optimizer state",
    "left by forward": "kept for backward, with results", "peak": "peak, requested bytes",
    **{phase: f"peak of {phase}" for phase in PEAKS}, "allocated": "`max_memory_allocated`",
    "reserved": "`max_memory_reserved`",
    **{f"allocated in {phase}": f"`max_memory_allocated` in {phase}" for phase in PEAKS},
}  # fmt: skip
HEAD = """# Predicted beside measured

{models} models, {own} of them written to measure with and {bundled} bundled, at three sizes each: {cases} cases. They are run in fp32 and
under autocast to bfloat16, with AdamW and SGD, and in inference. {half} are run in pure bfloat16 where autocast refuses them,
{full} in fp32 only, and what has no loss in inference only, in fp32 and bfloat16. Errors of rules that these cases brought
to light were mended before the predictions below were made, so this is agreement on known cases, not a test on unseen ones. Measured by
PyTorch {torch} on {device}, {date}: PyTorch's own CUDA build, its allocator's history and counters, no kernels run.
cuDNN's convolution workspaces and the random states of its dropout, which that build cannot choose, are 0 on both sides; cuDNN's reserve
and workspace of recurrent layers are the same estimate on both sides, so that for them agreement proves nothing.

Made by `python -m validation report --write` from `validation/results/null-cuda-sm80.json`; measured by
`NULLCUDA_MEM=2000 validation/nullcuda/run.sh -m validation run -o validation/results/null-cuda-sm80.json`. The models stand in
`validation/models` and `configs/models`, the sizes in `validation/sizes.yaml`. No row comes from a GPU yet: [validation.md](validation.md)
says what is missing. `.ci/nightly` measures a part of it again.
"""

PLOT = ("![Predicted against measured](accuracy.png)", "")


def summary(results: Results) -> str:
    """The whole page."""
    rows, models = results.rows, {row.model for row in results.rows}
    own = sum((MODELS / f"{model}.yaml").is_file() for model in models)
    lines = [
        HEAD.format(
            models=len(models), own=own, bundled=len(models) - own, cases=len(rows), half=", ".join(NO_AUTOCAST),
            full=", ".join(FULL_PRECISION), torch=results.torch, device=results.device.name, date=results.date,
        ),
        *figures(rows), "", *PLOT, "## By model", "", *_models(rows), "", "## Every case that is not equal", "", *_unequal(rows),
    ]  # fmt: skip
    return "\n".join(lines)


def figure(row: Row, name: str) -> tuple[int, int] | None:
    """A figure predicted and measured; None where the case has none. `peak` is the largest of the phases."""
    if name == "peak":
        phases = [phase for phase in PEAKS if phase in row.measured]
        return max(map(row.predicted, phases)), max(row.measured[phase] for phase in phases)
    return (row.predicted(name), row.measured[name]) if name in row.measured else None


def error(row: Row, name: str) -> float:
    """How far a prediction is off, as a share of what was measured."""
    pair = figure(row, name)
    if pair is None or pair[0] == pair[1]:
        return 0.0
    return abs(pair[0] - pair[1]) / pair[1] if pair[1] else float("inf")


def mean_error(rows: Sequence[Row], name: str) -> float:
    """The mean of errors over the rows that have the figure."""
    return _mean([error(row, name) for row in rows if figure(row, name)])


def overview(found: Sequence[Results]) -> list[str]:
    """One table of several files of results: how far predictions are off on each device."""
    lines = [
        "| measured on | torch | date | cases | all equal | worst peak | worst allocated | worst reserved |",
        f"| --- |{' ---: |' * 7}",
    ]
    for results in found:
        rows = results.rows
        equal = sum(not row.differing for row in rows)
        worst = " | ".join(f"{max((error(row, name) for row in rows), default=0):.3%}" for name in ("peak", *ALLOCATOR))
        lines.append(f"| {results.where} | {results.torch} | {results.date} | {len(rows)} | {equal} | {worst} |")
    return lines


def own_table(results: Results) -> list[str]:
    """The tables of a file of results: by figure, by model, and what differs."""
    rows = results.rows
    head = f"Measured on {results.where}, PyTorch {results.torch}, {results.date}: {len(rows)} cases."
    libraries = ", ".join(f"{name} {results.environment[name]}" for name in ("cuda", "cudnn") if name in results.environment)
    parts = [head, *([f"Libraries: {libraries}."] if libraries else []), "", *figures(rows), "", *_models(rows), ""]
    return [*parts, *_cards(rows, results), "Cases that are not equal:", "", *_unequal(rows)]


def _cards(rows: Sequence[Row], results: Results) -> list[str]:
    """What the card says of memory outside of the allocator."""
    contexts = [row.device - row.measured["reserved"] for row in rows if row.device is not None]
    if not contexts:
        return ["Bytes of the card and its context: needs a GPU.", ""]
    low, high, known = min(contexts), max(contexts), context_of(results.device)
    told = f"; the catalogue has {known:,}" if known else "; the catalogue does not have this card"
    return [f"In use of the card beside reserved memory: {low:,} to {high:,} bytes{told}.", ""]


def figures(rows: Sequence[Row]) -> list[str]:
    """The summary: a line for each figure."""
    lines = ["| figure | cases | equal to the byte | mean error | worst error |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, shown in SHOWN.items():
        having = [row for row in rows if figure(row, name)]
        if not having:
            continue
        errors = [error(row, name) for row in having]
        equal = sum(not e for e in errors)
        lines.append(f"| {shown} | {len(having)} | {_share(equal, len(having))} | {_mean(errors):.4%} | {max(errors):.3%} |")
    return lines


def _models(rows: Sequence[Row]) -> list[str]:
    lines = ["| model | cases | peak equal | worst peak | worst phase | worst allocated | worst reserved |", f"| --- |{' ---: |' * 6}"]
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model]
        equal = sum(not error(row, "peak") for row in own)
        worst = " | ".join(f"{max(errors):.3%}" for errors in _errors(own))
        lines.append(f"| {model} | {len(own)} | {equal} | {worst} |")
    return lines


def _errors(rows: Sequence[Row]) -> Iterable[list[float]]:
    """The errors of the peak, of any phase's peak, and of the allocator's counters."""
    for names in (("peak",), PEAKS, *((name,) for name in ALLOCATOR)):
        yield [error(row, name) for row in rows for name in names]


def _unequal(rows: Sequence[Row]) -> list[str]:
    if not any(row.differing for row in rows):
        return ["None."]
    lines = ["| case | differing, predicted less measured | first differing allocation |", "| --- | --- | --- |"]
    for row in rows:
        if row.differing:
            what = ", ".join(f"{name} {row.differing[name] - row.measured[name]:+,}" for name in row.differing)
            run = " ".join(word.partition("=")[2] for word in row.run.split())
            lines.append(f"| {row.model} {row.symbols} {run} | {what} | {row.first.replace('|', '/')} |")
    return lines


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else "0"


def _mean(errors: Sequence[float]) -> float:
    return sum(errors) / len(errors) if errors else 0.0
