"""Tied parameters: `tie: {head.weight: embedding.weight}`, as `head.weight = embedding.weight` in PyTorch.

There is one parameter, under the name on the right; the name on the left is another way to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.build.source import Problems, Tie, as_mapping
from analyzer.document import Scalar, Value
from analyzer.paths import without_counters
from analyzer.problems import InvalidConfig, Problem, nearest
from analyzer.tracing import Tracer


def read_ties(value: Value | None, problems: Problems) -> tuple[Tie, ...]:
    """The `tie` section of a model or a block."""
    mapping = as_mapping(value, "tie", problems)
    result = []
    for key, target in mapping.entries if mapping else ():
        if isinstance(target, Scalar) and "." in str(key.value) and isinstance(target.value, str):
            result.append(Tie(str(key.value), str(target.value), key.origin, target.origin))
        else:
            problems.add(key.origin, f"'{key.value}' is not tied to a parameter", "expected two paths: {head.weight: embedding.weight}")
    return tuple(result)


class Ties:
    """What a model and the blocks that it calls say is tied; names are checked when all parameters are known."""

    def __init__(self) -> None:
        self.declared: dict[Tie, tuple[str, str]] = {}  # and the last path and label it was said at

    def declare(self, ties: Iterable[Tie], tracer: Tracer, place: tuple[str, str] = ("", "")) -> None:
        """Tell the tracer the ties of a model, or of a block at its path and label. Raises InvalidConfig for a circle.

        A name on the left may leave out the counters of loops: then it is that parameter of every iteration.
        """
        path, label = (f"{above}." if above else "" for above in place)
        for tie in ties:
            name, target = f"{path}{tie.name}", f"{path}{tie.target}"
            while target in tracer.ties and target != name:
                target = tracer.ties[target]
            if target == name:
                raise InvalidConfig(Problem(tie.origin, f"'{tie.name}' is tied to itself"))
            tracer.ties[name] = tracer.ties[f"{label}{tie.name}"] = f"{path}{tie.target}"
            self.declared[tie] = path, label

    def unknown(self, tracer: Tracer) -> Iterator[Problem]:
        """Tied names that no parameter has."""
        used = {name for path in tracer.tied for name in (path, without_counters(path))}
        for tie, (path, label) in self.declared.items():
            known = [name.removeprefix(path) for name in (*tracer.made, *tracer.tied) if name.startswith(path)]
            known += [without_counters(name) for name in known]
            if not used & {f"{path}{tie.name}", f"{label}{tie.name}"}:
                yield Problem(tie.origin, f"no parameter '{tie.name}' to tie", nearest(tie.name, known))
            if tie.target not in known:
                yield Problem(tie.target_origin, f"no parameter '{tie.target}' to tie '{tie.name}' to", nearest(tie.target, known))
