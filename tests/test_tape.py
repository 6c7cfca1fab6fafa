"""The tape written from a few iterations is that of the program simulated in full: every allocation, every end, in order."""

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.iterations import NotSteady
from analyzer.tape import FREE, PHASE, Tape, unrolled, written
from tests import programs
from tests.asking import analysis, model, text_model
from tests.test_timeline import QUICK

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("configs/models", "validation/models")
LOOPED = sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.yaml") if "repeat:" in path.read_text())
RUNS = {
    "fp32": {},
    "amp": {"precision": "amp-fp16", "accumulation": "2", "clip_grad_norm": "true", "ema": "true"},
    "forloop": {"precision": "amp-bf16", "optimizer_form": "forloop", "outputs": "dropped"},
    "infer": {"mode": "infer", "precision": "amp-bf16"},
}
MORE = ({}, {"optimizer_form": "forloop", "accumulation": "2"}, {"checkpoint": "mlp", "ema": "true"}, {"checkpoint": "deep"})
DEEP = "blocks:\n  deep: {inputs: [x], layers: [{repeat: L, layers: [mlp, {add: x}]}]}"


def events(tape: Tape, of: Analysis) -> list[tuple[str, int, int]]:
    """What happens to which block: its label, its number among those with bytes, and its bytes or the kind of event."""
    sizes = [evaluate(form, of.symbols.values) for form in tape.forms]
    numbers: dict[int, int] = {}
    found = []
    for index, form in tape.events:
        if form == PHASE:
            found.append((tape.phases[index], index, form))
        elif form < 0 or sizes[form]:  # a form may be no bytes at these values
            block = tape.blocks[index]
            number = numbers.setdefault(index, len(numbers)) if form != FREE else numbers.get(index)
            if number is not None:
                found.append((block.label if block else "", number, sizes[form] if form >= 0 else form))
    return found


def same_as_unrolled(of: Analysis) -> None:
    """Compare the tapes. Raises NotSteady where the short one cannot be written."""
    assert events(written(of), of) == events(unrolled(of), of)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("path", LOOPED, ids=lambda path: path.stem)
def test_models(path: Path, run: dict[str, str]) -> None:
    described = model(str(path))
    depth = {name: 8 for name in re.findall(r"repeat: (\w+)", path.read_text()) if name in described.symbols}

    same_as_unrolled(analysis(described, run, **depth))


@QUICK
@given(programs.programs, programs.settings, st.sampled_from(MORE), st.integers(7, 9), st.integers(7, 8))
def test_programs(tmp_path: Path, statements: str, run: dict[str, str], more: dict[str, str], depth: int, width: int) -> None:
    text = programs.model(f"deep, {statements}").replace("blocks:", DEEP, 1)
    described = text_model(text, tmp_path)

    try:
        same_as_unrolled(analysis(described, {**run, **more}, L=depth, D=width))
    except NotSteady:
        assume(False)  # such a program is simulated in full
