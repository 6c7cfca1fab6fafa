"""Where a formula comes from: every block of memory in it with its shape, its rule, its line of YAML and how often it is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.formulas import joint, reads
from analyzer.graph import Shape, Step, nested
from analyzer.memory import kept
from analyzer.peaks import largest
from analyzer.polynomial import ONE, Poly, product, total
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest
from analyzer.timeline import Life

MOST = 3  # formulas told that read one tensor
OF_KIND = {"parameters": "parameter", "buffers": "buffer", "gradients": "gradient", "optimizer": "optimizer", "inputs": "input"}
BECAUSE = {
    "parameter": "a parameter of the module", "buffer": "a buffer of the module", "input": "an input of the model",
    "gradient": "the gradient of a parameter that is trained", "optimizer": "state of the optimizer for a parameter that is trained",
    "temporary": "made by this op, not yet let go", "workspace": "scratch of a kernel that runs",
    "gradient of activation": "a gradient on its way back", "gathered": "parameters gathered from the ranks",
    "received": "what another stage of the pipeline sends, for every micro-batch",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One block: what it is, where it is made and why it is there; bytes of one, how many there are, bytes of all."""

    label: str
    op: str
    place: str
    shape: Shape | None
    dtype: str
    reasons: tuple[str, ...]
    each: Poly
    times: Poly
    bytes: Poly


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is derived, the moment that is meant, the lines, their sum and its value."""

    term: str
    moment: str
    lines: tuple[Line, ...]
    form: Poly
    value: int


def derivation(analysis: Analysis, term: str) -> Derivation:
    """A category, a peak, a module or a tensor by its blocks. Raises InvalidConfig for what is none of these."""
    lives, moment = _meant(analysis, term)
    known, reasons = _tensors(analysis), _reasons(analysis)
    groups: dict[tuple[str, str, str, str], list[Life]] = {}
    for life in lives:
        groups.setdefault((life.label, life.kind, life.op, str(life.origin)), []).append(life)
    lines = [line for group in groups.values() for line in _lines(group, analysis, known, reasons)]
    form = total(line.bytes for line in lines)
    return Derivation(term, moment, tuple(lines), form, evaluate(form, analysis.symbols.values))


def _meant(analysis: Analysis, term: str) -> tuple[list[Life], str]:
    """The lives that a term is the sum of, and when."""
    timeline, values = analysis.timeline, analysis.symbols.values
    phases = {"peak": list(analysis.pieces)} | {f"peak_{name}": [p for p in analysis.pieces if p.phase == name] for name in timeline.spans}
    if term in phases:
        piece = largest(phases[term], values)
        where = f"alive when memory is largest, in {piece.phase}, after {piece.last.label} ({piece.last.origin})"
        return timeline.alive(piece.tick), where
    if term in OF_KIND:
        marks = {"gradients": timeline.marks.get("backward done", 0), "inputs": timeline.marks["start"]}
        tick = marks.get(term, timeline.marks.get("step done", timeline.marks["end"]))
        return [life for life in timeline.alive(tick) if life.kind == OF_KIND[term]], f"what is there of {term}"
    held = kept(analysis)
    if term in ("kept", "kept_for_backward"):
        return held, "made by the forward and there when backward begins"
    found = [life for life in held if f".{_module(life)}.".find(f".{term}.") >= 0 or _is(life, term)]
    if not found:
        paths = {part for life in held for part in (*_module(life).split("."), _module(life))}
        hint = nearest(term, [*phases, *OF_KIND, "kept", *paths])
        raise InvalidConfig(
            Problem(Origin(COMMAND_LINE), f"'{term}' keeps nothing for backward, or is no category, module or tensor", hint)
        )
    return found, f"kept for backward by {term} and all below it"


def _module(life: Life) -> str:
    return life.label.partition(":")[0]


def _is(life: Life, term: str) -> bool:
    return term in (life.label, life.label.partition(": ")[2])


def _lines(
    group: list[Life], analysis: Analysis, known: Mapping[str, tuple[Shape, str, Poly]], reasons: Mapping[str, dict[str, None]]
) -> Iterable[Line]:
    """One line for the blocks of one label and size; a block of iterations left out counts as many as it stands for."""
    sizes = dict.fromkeys(life.size for life in group if not life.bulk)
    found: dict[Poly, list[tuple[Poly, Poly]]] = {}
    for life in group:
        each, times = next(((e, t) for e in sizes for t in _counts(life, analysis) if e * t == life.size), (life.size, ONE))
        found.setdefault(each, []).append((times, life.size))
    first = group[0]
    shape, dtype, size = known.get(first.label, (None, "", None))
    because = tuple(reasons.get(first.label, ())) if first.kind in ("activation", "retained") else (BECAUSE.get(first.kind, first.kind),)
    because = because or ("no formula reads it: a variable holds it, or a part that is run again begins with it",)
    for each, counted in found.items():
        fits = shape if size == each else None
        place = f"{first.origin.path}:{first.origin.line}"
        times, of_all = total(t for t, _ in counted), total(s for _, s in counted)
        yield Line(first.label, first.op, place, fits, dtype if fits is not None else "", because, each, times, of_all)


def _counts(life: Life, analysis: Analysis) -> list[Poly]:
    """How many blocks one may stand for: 1, or the iterations that were left out of some of the loops around it."""
    if not life.bulk:
        return [ONE]
    around = [analysis.program.skipped[loop] for loop, _ in life.born.loops if loop in analysis.program.skipped]
    return [product(chosen) for n in range(1, len(around) + 1) for chosen in combinations(around, n)]


def _tensors(analysis: Analysis) -> dict[str, tuple[Shape, str, Poly]]:
    """Shape, dtype and bytes of what is stored under each label: the first tensor that fills its storage."""
    found: dict[str, tuple[Shape, str, Poly]] = {}
    own = (*analysis.graph.parameters.values(), *analysis.graph.buffers.values(), *analysis.graph.inputs.values())
    steps = (i for i in nested(analysis.graph.instructions) if isinstance(i, Step))
    for tensor in (*own, *(t for step in steps for t in (*step.outputs, *step.aux.values()))):
        if tensor.bytes == tensor.storage.size:
            found.setdefault(tensor.storage.label, (tensor.shape, tensor.dtype, tensor.bytes))
    return found


def _reasons(analysis: Analysis) -> dict[str, dict[str, None]]:
    """Which gradient formulas read what is stored under a label."""
    found: dict[str, dict[str, None]] = {}
    for step in nested(analysis.graph.instructions):
        if not isinstance(step, Step):
            continue
        outputs = {f"y{i}" if i else "y": tensor for i, tensor in enumerate(step.outputs)}
        tensors = {**step.inputs, **outputs, **step.aux}
        read: dict[tuple[str, str], list[str]] = {}
        for key, formula in step.rule.grads.items():
            for name in sorted(reads(formula) & tensors.keys()) if step.needed & set(joint(key)) else ():
                read.setdefault((name, formula.replace(f"'{key}', ", "")), []).append(key)
        for (name, formula), keys in read.items():
            told = f"{step.op} ({step.origin.path}:{step.origin.line}) reads it as {name}: gradient of {', '.join(keys)} = {formula}"
            labelled = found.setdefault(tensors[name].storage.label, {})
            if len(labelled) < MOST:
                labelled[told] = None
    return found
