"""What a page needs to evaluate a report by itself at other values: formulas as data, the lives of the step, conditions, cards.

A form is a list of terms `[number, atom, power, ...]`, an atom a symbol or `[function, form, ...]`; both are told by their place
in a list, so that each stands once. templates/page/exact.js evaluates them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from heapq import nlargest
from typing import Any

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.explain import KINDS
from analyzer.expressions import Expression, Literal, Operation, parse
from analyzer.gpus import Gpu
from analyzer.iterations import FOREVER
from analyzer.peaks import Piece
from analyzer.polynomial import Atom, Number, Poly, total
from analyzer.problems import COMMAND_LINE, Origin
from analyzer.replay import cublas_workspace
from analyzer.timeline import Life
from analyzer.typesetting import unicode
from analyzer.verdict import convolutions, limits

TOLD = 10  # groups of tensors at a tick
SAFE = 1 << 53  # from here on a number of JSON loses digits where JavaScript reads it


class Ledger:
    """Forms and atoms by number, each once."""

    def __init__(self) -> None:
        self.forms: list[list[Any]] = []
        self.atoms: list[Any] = []
        self._forms: dict[Poly, int] = {}
        self._atoms: dict[Atom, int] = {}

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


def _number(number: Number) -> int | str:
    return number if isinstance(number, int) and abs(number) < SAFE else str(number)


def live(analysis: Analysis, gpus: Sequence[Gpu], ledger: Ledger) -> dict[str, Any]:
    """Everything but the forms, which go into the ledger."""
    lives = _lives(analysis.timeline.lives, ledger)
    return {
        "symbols": {name: str(value) for name, value in analysis.symbols.values.items()},
        "definitions": definitions(analysis),
        "conditions": [[ledger.form(a.left), a.relation, ledger.form(a.right)] for a in analysis.assumptions],
        "told": [f"{unicode(a.left)} {RELATIONS[a.relation]} {unicode(a.right)}" for a in analysis.assumptions],
        "pieces": [_piece(piece) for piece in analysis.pieces],
        "spans": {phase: list(map(list, spans)) for phase, spans in analysis.timeline.spans.items()},
        "start": analysis.timeline.marks["start"],
        **lives,
        **_sums(analysis, {word: number for number, word in enumerate(lives["words"])}),
        "cards": [_card(gpu, analysis) for gpu in gpus],
    }  # fmt: skip


RELATIONS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥"}


def definitions(analysis: Analysis) -> dict[str, Any]:
    """The symbols that follow others: how, as a tree of lists."""
    trees = {name: parse(text, Origin(COMMAND_LINE)) for name, text in analysis.symbols.definitions.items()}
    return {name: _tree(tree) for name, tree in trees.items() if _reads(tree)}


def _reads(tree: Expression) -> bool:
    return isinstance(tree, str) or (isinstance(tree, Operation) and any(map(_reads, tree.args)))


def _tree(tree: Expression) -> Any:
    """A name as a text, a number as one where it is short, everything else as a list that begins with its operator."""
    assert not isinstance(tree, Literal)  # what binds is made of numbers
    if isinstance(tree, Operation):
        return [tree.name, *map(_tree, tree.args)]
    if isinstance(tree, Fraction):
        return ["/", _tree(tree.numerator), _tree(tree.denominator)]
    return tree if isinstance(tree, str) or abs(tree) < SAFE else ["#", str(tree)]


def _piece(piece: Piece) -> dict[str, Any]:
    origin = piece.last.origin
    return {
        "phase": piece.phase, "tick": piece.tick, "where": f"{piece.last.label} ({piece.last.op})",
        "line": f"{origin.path}:{origin.line}", "formula": unicode(piece.form),
    }  # fmt: skip


def _lives(lives: Sequence[Life], ledger: Ledger) -> dict[str, Any]:
    """By life: form, when it is born and dies (-1 for never), label, kind, category and op by number, whether it stands for several."""
    words: dict[str, int] = {}
    rows = [
        (ledger.form(life.size), life.birth, -1 if life.death == FOREVER else life.death,
         *(words.setdefault(word, len(words)) for word in (life.label, life.kind, KINDS.get(life.kind, "temporary"), life.op)),
         int(life.bulk))
        for life in lives
    ]  # fmt: skip
    texts = {ledger.form(life.size): unicode(life.size) for life in {life.size: life for life in lives}.values()}
    return {"lives": list(map(list, zip(*rows))), "words": list(words), "texts": texts}


def _sums(analysis: Analysis, words: Mapping[str, int]) -> dict[str, Any]:
    """At the ticks of the pieces: what the largest groups of tensors of one label and kind take together."""
    told: dict[str, int] = {}
    sums: dict[int, dict[str, int]] = {}
    for tick in {piece.tick for piece in analysis.pieces}:
        groups: dict[str, Counter[Poly]] = {}
        for life in analysis.timeline.alive(tick):
            groups.setdefault(f"{words[life.label]} {words[life.kind]}", Counter())[life.size] += 1
        together = {key: total(form * many for form, many in forms.items()) for key, forms in groups.items() if forms.total() > 1}
        largest = nlargest(TOLD, together, key=lambda key: evaluate(together[key], analysis.symbols.values))
        sums[tick] = {key: told.setdefault(unicode(together[key]), len(told)) for key in largest}
    return {"sums": sums, "told_sums": list(told)}


def _card(gpu: Gpu, analysis: Analysis) -> dict[str, Any]:
    """A card's limits for the closed form and cuBLAS's workspaces, as for a program too long to replay."""
    band = limits(gpu, analysis.run, convolutions(analysis), estimated=True)
    workspaces = cublas_workspace(gpu.capability) * (2 if analysis.run.mode == "train" else 1)
    return {
        "name": gpu.name, "capacity": gpu.capacity, "context": gpu.context, "workspaces": workspaces,
        "sure": band.sure, "hopeful": band.hopeful, "why": band.why,
    }  # fmt: skip
