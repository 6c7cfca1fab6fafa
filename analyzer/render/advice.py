"""What `peakform advise` says: for a terminal of 80 columns, and as JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from re import compile as pattern
from textwrap import fill
from typing import Any

from rich.console import Console
from rich.text import Text

from analyzer.advice.answers import Advice, Advised
from analyzer.catalogue import Gpu
from analyzer.render.grids import written
from analyzer.render.units import binary, count
from analyzer.verdict import FITS

NUMERICS = {
    "same": "the same", "rounding": "the same but for rounding",
    "apart": "the same but for rounding, if samples do not meet (in a batch norm or a loss over pairs they do)", "changed": "changed",
}  # fmt: skip
SHORT, SIGN = 120, pattern(r" [+-] ")
DIVIDED = ("tensor", "pipeline")  # the model among GPUs, each of which computes a part


def as_text(found: Advised, gpu: Gpu, files: Sequence[Path] = (), width: int | None = None, color: bool = False) -> str:
    """The advice with what to type, the least intrusive first."""

    def draw(console: Console) -> None:
        console.print(Text(f"{gpu.name} {found.answer.answer}: {found.answer.reason}.", style="bold"))
        console.print(f"Requested at the peak: {binary(found.requested)} = {_short(found.formula)}", markup=False, highlight=False)
        if found.answer.answer == FITS:
            left = gpu.capacity - found.answer.needed
            console.print(f"Nothing has to change: {binary(left)} of {binary(gpu.capacity)} are left.", markup=False)
            return
        for number, advice in enumerate(found.advice, 1):
            _advice(console, number, advice, gpu, files, train=found.mode == "train")
        if not found.advice:
            _nothing(console, found, gpu)
        elif found.ended:
            console.print(f"\nThe search ended after {count(found.tried)} settings, before all combinations were tried.", markup=False)

    return written(draw, width, color)


def _advice(console: Console, number: int, advice: Advice, gpu: Gpu, files: Sequence[Path], *, train: bool) -> None:
    change, needed, each = advice.change, advice.answer.needed, "a step" if train else "an inference"
    batch = f"effective batch {'unchanged' if change.batch_kept else 'changed'}"
    console.print()
    console.print(Text(f"{number}. {change.says}", style="bold"))
    lines = {
        "needs": f"{binary(needed)} of {binary(gpu.capacity)}, {binary(advice.saved)} less",
        "peak": _peak(advice),
        "costs": change.cost,
        "network": f"each GPU receives {binary(advice.received)} {each} = {_short(advice.network)}" if advice.network else "",
        "waits": _waits(advice),
        "flops": _flops(advice, each),
        "batch": batch if train else "",
        "numbers": NUMERICS[change.numerics],
        "type": command(advice, gpu, files),
    }
    for name, said in lines.items():
        if said:
            _line(console, name, said, whole=name == "type")
    for line in yaml_lines(advice):
        console.print(f"   {line}", markup=False, highlight=False, soft_wrap=True)


def _line(console: Console, name: str, said: str, *, whole: bool = False) -> None:
    """A line under its word; `whole` where it is to be pasted."""
    room = 10**6 if whole else console.width
    text = fill(said, room, initial_indent=f"   {name:<8} ", subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False)
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _peak(advice: Advice) -> str:
    """What is requested at the peak, and by what closed form it is less."""
    if advice.lowered:
        return f"{binary(advice.requested)} requested, less by {_short(advice.lowered)}"
    return f"{binary(advice.requested)} requested = {_short(advice.formula)}"


def _waits(advice: Advice) -> str:
    """How long each stage of a pipeline has nothing to do."""
    return f"each GPU idles {advice.waits:.1%} of a step = {advice.bubble}, if stages take equally long" if advice.bubble else ""


def _flops(advice: Advice, each: str) -> str:
    """By how much an optimizer step or an inference computes more."""
    several = " on all GPUs" if advice.change.run.get("parallel") in DIVIDED else ""
    if not advice.flops:
        return "" if advice.flops is None else f"as many as before{several}"
    more = f"{advice.flops:+.3g} {each}{several} ({advice.share:+.1%})"
    return f"{more}; computed again: {_short(advice.recomputed)}" if advice.recomputed not in ("", "0") else more


def _nothing(console: Console, found: Advised, gpu: Gpu) -> None:
    said = ", before the time was up" if found.ended else ""
    console.print(f"\nNothing that was tried makes it fit: {count(found.tried)} settings{said}.", markup=False)
    if found.nearest is not None:
        needed, change = binary(found.nearest.answer.needed), found.nearest.change.says
        console.print(f"Nearest: {change}. It needs {needed} of {binary(gpu.capacity)}: {found.nearest.answer.answer}.", markup=False)


def command(advice: Advice, gpu: Gpu, files: Sequence[Path]) -> str:
    """The command that checks the advice; `files` are those that cards were read from."""
    cards = [word for path in files for word in ("--gpus-file", str(path))]
    return shlex.join(["peakform", "check", *advice.words, *cards, "--gpu", gpu.name])


def yaml_lines(advice: Advice) -> list[str]:
    """The same as sections of the config."""
    change = advice.change
    lines = [f"{'yaml' if not i else '':<8} {line}" for i, line in enumerate(_sections(advice))]
    return lines if change.run or change.symbols else []


def _sections(advice: Advice) -> list[str]:
    change = advice.change
    symbols = [f"symbols: {{{', '.join(f'{n}: {v}' for n, v in change.symbols.items())}}}"] if change.symbols else []
    run = [f"run: {{{', '.join(f'{k}: {_quoted(v)}' for k, v in change.run.items())}}}"] if change.run else []
    return symbols + run


def _quoted(value: str) -> str:
    return f"[{value.replace(',', ', ')}]" if "," in value else value


def _short(formula: str) -> str:
    """The leading terms of a formula."""
    if len(formula) <= SHORT:
        return formula
    ends = [sign.start() for sign in SIGN.finditer(formula) if sign.start() <= SHORT]
    return f"{formula[: ends[-1]] if ends else formula[:SHORT]} + ..."


def as_json(found: Advised, gpu: Gpu, files: Sequence[Path] = ()) -> str:
    """Every figure for a script: schema_files/advice.schema.json describes it. Bytes are whole numbers."""
    plain = {
        "schema": "peakform.advice/1", "gpu": gpu.name, "capacity_bytes": gpu.capacity, "answer": found.answer.answer,
        "reason": found.answer.reason,
        "needed_bytes": found.answer.needed, "headroom_bytes": gpu.capacity - found.answer.needed,
        "peak": {"formula": found.formula, "bytes": found.requested}, "tried": found.tried, "search_ended_early": found.ended,
        "advice": [_plain(advice, gpu, files) for advice in found.advice],
        "nearest": _plain(found.nearest, gpu, files) if found.nearest else None,
    }  # fmt: skip
    return json.dumps(plain, indent=2) + "\n"


def _plain(advice: Advice, gpu: Gpu, files: Sequence[Path]) -> dict[str, Any]:
    change = advice.change
    return {
        "says": change.says, "answer": advice.answer.answer, "needed_bytes": advice.answer.needed, "saved_bytes": advice.saved,
        "peak": {"formula": advice.formula, "bytes": advice.requested}, "lowered_by": advice.lowered or None,
        "cost": change.cost, "network": {"formula": advice.network, "bytes": advice.received} if advice.network else None,
        "bubble": {"formula": advice.bubble, "share": advice.waits} if advice.bubble else None,
        "extra_flops": advice.flops, "recomputed_flops": advice.recomputed or None, "numerics": change.numerics,
        "effective_batch_unchanged": change.batch_kept, "intrusiveness": change.level, "words": list(advice.words),
        "command": command(advice, gpu, files),
        "yaml": {"symbols": dict(change.symbols), "run": dict(change.run), "config": change.config or None},
    }  # fmt: skip
