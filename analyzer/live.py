"""What a page needs to evaluate a report by itself at other values: formulas as data, the lives of the step, conditions, cards.

A form is a list of terms `[number, atom, power, ...]`, an atom a symbol or `[function, form, ...]`; forms, atoms, words and columns
of numbers are told by their place in lists that all programs of the page share. templates/page/exact.js evaluates them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from heapq import nlargest
from typing import Any

from analyzer.analysis import Analysis, peak_of
from analyzer.assumptions import Assumption
from analyzer.conditions import essential
from analyzer.evaluate import evaluate
from analyzer.explain import KINDS
from analyzer.feasibility import Verdict
from analyzer.gpus import Gpu
from analyzer.iterations import FOREVER
from analyzer.parsing import Expression, Literal, Operation, Span, parse
from analyzer.peaks import Piece
from analyzer.polynomial import Atom, Number, Poly, total
from analyzer.problems import COMMAND_LINE, Origin
from analyzer.replay import cublas_workspace
from analyzer.sliders import ABOVE, BELOW, FEW, LEAST, STEPS
from analyzer.timeline import Life
from analyzer.typesetting import unicode
from analyzer.validity import rivals, whole
from analyzer.verdict import convolutions, limits

TOLD = 10  # groups of tensors at a tick
SAFE = 1 << 53  # from here on a number of JSON loses digits where JavaScript reads it


class Ledger:
    """Forms, atoms, words and columns of numbers by their places, each once."""

    def __init__(self) -> None:
        self.forms: list[list[Any]] = []
        self.atoms: list[Any] = []
        self.texts: dict[int, str] = {}  # of forms that are shown by themselves
        self._forms: dict[Poly, int] = {}
        self._atoms: dict[Atom, int] = {}
        self._words: dict[str, int] = {}
        self._columns: dict[tuple[int, ...], int] = {}

    def form(self, value: Poly) -> int:
        """The number of a form."""
        if value not in self._forms:
            terms = [[_number(c), *(part for atom, e in m for part in (self.atom(atom), e))] for m, c in value.terms.items()]
            self._forms[value] = len(self.forms)
            self.forms.append(terms)
        return self._forms[value]

    def atom(self, atom: Atom) -> int:
        """The number of a symbol or a call."""
        if atom not in self._atoms:
            told = atom if isinstance(atom, str) else [atom.name, *(self.form(arg) for arg in atom.args)]
            self._atoms[atom] = len(self.atoms)
            self.atoms.append(told)
        return self._atoms[atom]

    def word(self, text: str) -> int:
        """The number of a text."""
        return self._words.setdefault(text, len(self._words))

    def column(self, numbers: Iterable[int]) -> int:
        """The number of a column."""
        return self._columns.setdefault(tuple(numbers), len(self._columns))

    def told(self) -> dict[str, Any]:
        """All of it, for JSON."""
        columns = [list(column) for column in self._columns]
        return {"forms": self.forms, "atoms": self.atoms, "texts": self.texts, "words": list(self._words), "columns": columns}


def _number(number: Number) -> int | str:
    return number if isinstance(number, int) and abs(number) < SAFE else str(number)


def live(programs: Sequence[Analysis], gpus: Sequence[Gpu], ledger: Ledger) -> dict[str, Any]:
    """The symbols and every program, that of the report first; what programs share goes into the ledger."""
    first = programs[0]
    return {
        "symbols": {name: str(value) for name, value in first.symbols.values.items()},
        "definitions": definitions(first),
        "range": {"few": FEW, "steps": STEPS, "above": ABOVE, "below": BELOW, "least": LEAST},
        "programs": [_program(program, gpus, ledger) for program in programs],
    }


def _program(analysis: Analysis, gpus: Sequence[Gpu], ledger: Ledger) -> dict[str, Any]:
    """One program: under which conditions it holds, its moments, the lives of its blocks, and the limits of cards."""
    conditions = sorted(analysis.assumptions, key=lambda a: a.demanded)
    return {
        "conditions": [*(_condition(a, ledger) for a in conditions), *(_whole(a, ledger) for a in whole(analysis))],
        "briefly": [ledger.word(text) for text in essential(analysis.assumptions)],
        "rivals": _rivals(analysis, ledger),
        "pieces": [_piece(piece, ledger) for piece in analysis.pieces],
        "spans": {phase: list(map(list, spans)) for phase, spans in analysis.timeline.spans.items()},
        "start": analysis.timeline.marks["start"],
        "lives": _lives(analysis.timeline.lives, ledger),
        "sums": _sums(analysis, ledger),
        "cards": [_card(gpu, analysis) for gpu in gpus],
    }  # fmt: skip


def _rivals(analysis: Analysis, ledger: Ledger) -> list[list[int]]:
    """Peaks of a pipeline's stages, as forms: of the one that is meant, of those before and behind it; nothing where none was chosen."""
    found = rivals(analysis)
    return [list(map(ledger.form, forms)) for forms in (found.own, found.before, found.behind)] if found else []


def _condition(a: Assumption, ledger: Ledger) -> list[int | str]:
    """Two forms and their relation, whether an op asks for it, and how it is told."""
    told = f"{unicode(a.left)} {RELATIONS[a.relation]} {unicode(a.right)}"
    return [ledger.form(a.left), a.relation, ledger.form(a.right), int(a.demanded), ledger.word(told)]


def _whole(a: Assumption, ledger: Ledger) -> list[int | str]:
    """The same of a size that has to come out whole."""
    return [*_condition(a, ledger)[:-1], ledger.word(f"{unicode(a.left)} whole")]


RELATIONS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}


def definitions(analysis: Analysis) -> dict[str, Any]:
    """The symbols that follow others: how, as a tree of lists."""
    trees = {name: parse(text, Origin(COMMAND_LINE)) for name, text in analysis.symbols.definitions.items()}
    return {name: _tree(tree) for name, tree in trees.items() if _reads(tree)}


def _reads(tree: Expression) -> bool:
    return isinstance(tree, str) or (isinstance(tree, Operation) and any(map(_reads, tree.args)))


def _tree(tree: Expression) -> Any:
    """A name as a text, a number as one where it is short, everything else as a list that begins with its operator."""
    assert not isinstance(tree, (Literal, Span))  # what binds is made of numbers
    if isinstance(tree, Operation):
        return [tree.name, *map(_tree, tree.args)]
    if isinstance(tree, Fraction):
        return ["/", _tree(tree.numerator), _tree(tree.denominator)]
    return tree if isinstance(tree, str) or abs(tree) < SAFE else ["#", str(tree)]


def _piece(piece: Piece, ledger: Ledger) -> list[int]:
    """Phase, tick, what was allocated last, its line and the formula; all but the tick as words."""
    origin = piece.last.origin
    where, line = f"{piece.last.label} ({piece.last.op})", f"{origin.path}:{origin.line}"
    return [ledger.word(piece.phase), piece.tick, *map(ledger.word, (where, line, unicode(piece.form)))]


def _lives(lives: Sequence[Life], ledger: Ledger) -> list[int]:
    """Columns, one number for each life: form, when it is born and dies (-1 for never), and as words label, kind, category and op."""
    for size in dict.fromkeys(life.size for life in lives):
        number = ledger.form(size)
        if number not in ledger.texts:
            ledger.texts[number] = unicode(size)
    columns = zip(*(
        (ledger.form(life.size), life.birth, -1 if life.death == FOREVER else life.death,
         *map(ledger.word, (life.label, life.kind, KINDS.get(life.kind, "temporary"), life.op)))
        for life in lives
    ))  # fmt: skip
    return [ledger.column(column) for column in columns]


def _sums(analysis: Analysis, ledger: Ledger) -> dict[int, dict[str, int]]:
    """At the ticks of the pieces: what the largest groups of tensors of one label and kind take together, as words."""
    values, lives = analysis.symbols.values, analysis.timeline.lives
    sizes = {size: evaluate(size, values) for size in {life.size for life in lives}}
    keys = [f"{ledger.word(life.label)} {ledger.word(life.kind)}" for life in lives]
    moves = [(life.birth, 1, i) for i, life in enumerate(lives)] + [(life.death, -1, i) for i, life in enumerate(lives)]
    groups: dict[str, Counter[Poly]] = {key: Counter() for key in keys}
    held, many = dict.fromkeys(keys, 0), dict.fromkeys(keys, 0)
    sums: dict[int, dict[str, int]] = {}
    ahead = iter(sorted(moves))
    tick, sign, i = next(ahead)
    for now in sorted({piece.tick for piece in analysis.pieces}):
        while tick <= now:
            key, size = keys[i], lives[i].size
            groups[key][size] += sign
            held[key] += sign * sizes[size]
            many[key] += sign
            tick, sign, i = next(ahead)
        largest = nlargest(TOLD, (key for key, count in many.items() if count > 1), key=held.__getitem__)
        sums[now] = {key: ledger.word(_together(frozenset(groups[key].items()))) for key in largest}
    return sums


@lru_cache(maxsize=4096)
def _together(forms: frozenset[tuple[Poly, int]]) -> str:
    return unicode(total(form * many for form, many in forms))


def overheads(analysis: Analysis, gpus: Sequence[Gpu], verdicts: Sequence[Verdict]) -> list[list[int]]:
    """Per card: segments of the replay, and what the closed form and cuBLAS's workspaces come to there; nothing without a replay."""
    peak = peak_of(analysis.pieces, analysis.symbols.values)
    return [
        [] if found.estimated else [found.needed - found.context, peak + _workspaces(gpu, analysis)]
        for gpu, found in zip(gpus, verdicts, strict=True)
    ]


def _workspaces(gpu: Gpu, analysis: Analysis) -> int:
    return cublas_workspace(gpu.capability) * (2 if analysis.run.mode == "train" else 1)


def _card(gpu: Gpu, analysis: Analysis) -> dict[str, Any]:
    """A card's limits: the room in which an estimate of the segments fits for sure, and the one that the closed form alone exceeds."""
    band, replayed = (limits(gpu, analysis.run, convolutions(analysis), estimated) for estimated in (True, False))
    return {
        "name": gpu.name, "capacity": gpu.capacity, "context": gpu.context, "workspaces": _workspaces(gpu, analysis),
        "sure": band.sure, "hopeful": replayed.hopeful,
    }  # fmt: skip
