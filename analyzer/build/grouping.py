"""The parameters that run settings name: in groups of the optimizer, or left out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analyzer.document import Scalar
from analyzer.paths import is_named
from analyzer.problems import COMMAND_LINE, Origin, Problem, nearest
from analyzer.run.groups import patterns
from analyzer.run.settings import Run
from analyzer.tracing import Tracer


def chosen(run: Run) -> list[tuple[str, str]]:
    """Every pattern that a run names parameters by, and the setting that it stands in."""
    settings = {"exclude": run.exclude, "no_decay": run.no_decay, "groups": run.groups.replace(";", ",")}
    return [(key, word) for key, words in settings.items() for word in patterns(words)]


def ungrouped(written: Mapping[str, Scalar], run: Run, tracer: Tracer) -> Iterator[Problem]:
    """Patterns that no parameter has."""
    for key, word in chosen(run):
        if not any(is_named((word,), path) for path in tracer.parameters):
            told = written.get(key)
            origin = told.at(word) if told is not None and word in str(told.value) else Origin(COMMAND_LINE)
            modules = {path.rpartition(".")[0] for path in tracer.parameters}
            yield Problem(origin, f"run.{key} names no parameter '{word}'", nearest(word, [*tracer.parameters, *modules]))
    trainable = [path for path, parameter in tracer.parameters.items() if parameter.requires_grad]
    if run.mode == "train" and trainable and all(is_named(patterns(run.exclude), path) for path in trainable):
        told = written.get("exclude")
        yield Problem(told.origin if told else Origin(COMMAND_LINE), "run.exclude leaves the optimizer no parameter")


def unknown_frozen(frozen: Sequence[Scalar], tracer: Tracer) -> list[Problem]:
    """Paths under `frozen` that no parameter has."""
    paths = [path for name, tensor in tracer.parameters.items() for path in (name, tensor.storage.label)]
    paths += tracer.tied
    known = {".".join(path.split(".")[:length]) for path in paths for length in range(1, path.count(".") + 2)}
    return [
        Problem(path.origin, f"no module or parameter '{path.value}' to freeze", nearest(str(path.value), known))
        for path in frozen if not any(is_named((str(path.value),), known) for known in paths)
    ]  # fmt: skip
