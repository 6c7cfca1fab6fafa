"""The table of a model's modules."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping

from analyzer.layers import Module
from analyzer.render.units import count

Rows = Iterable[tuple[int, Module]]
LEAST = 20  # columns of a name


def as_table(rows: Rows, totals: Mapping[str, str], width: int) -> str:
    """One line per module, indented by depth; a module that stands for several neighbours shows one of them."""
    found = [(" " * 2 * level + module.name, _kind(module), _shape(module), _parameters(module)) for level, module in rows]
    found.insert(0, ("layer", "class", "output shape", "parameters"))
    _, kinds, shapes, numbers = (max(len(row[i]) for row in found) for i in range(4))
    kinds = min(kinds, max(LEAST, width - shapes - numbers - LEAST - 6))
    names = min(max(len(row[0]) for row in found), max(LEAST, width - kinds - shapes - numbers - 6))
    lines = [f"{_short(a, names):<{names}}  {_short(b, kinds):<{kinds}}  {c:<{shapes}}  {d:>{numbers}}".rstrip() for a, b, c, d in found]
    rule = "─" * max(len(line) for line in lines)
    return "\n".join((lines[0], rule, *lines[1:], rule, *(f"{name:<12}{value:>18}" for name, value in totals.items()))) + "\n"


def as_markdown(rows: Rows, totals: Mapping[str, str]) -> str:
    """The same as a table of Markdown."""
    lines = ["| layer | class | output shape | parameters |", "| --- | --- | --- | ---: |"]
    lines += [
        f"| {'&nbsp;' * 2 * level}{module.name} | {_kind(module)} | {_shape(module)} | {_parameters(module)} |" for level, module in rows
    ]
    return "\n".join((*lines, "", *(f"- {name}: {value}" for name, value in totals.items()))) + "\n"


def as_csv(rows: Rows) -> str:
    """depth, name, class, times, output shape, parameters."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("depth", "name", "class", "times", "output_shape", "parameters"))
    for level, module in rows:
        shape = "" if module.shape is None else " ".join(map(str, module.shape))
        writer.writerow((level, module.name, module.kind or module.block, module.times, shape, module.parameters))
    return out.getvalue()


def as_json(rows: Rows) -> str:
    """A list of modules, outer ones before those below them."""
    listed = [
        {
            "depth": level, "name": module.name, "class": module.kind or None, "block": module.block or None, "times": module.times,
            "calls": module.calls, "output_shape": None if module.shape is None else list(module.shape), "parameters": module.parameters,
        }
        for level, module in rows
    ]  # fmt: skip
    return json.dumps(listed, indent=2) + "\n"


def _kind(module: Module) -> str:
    times = f"{module.times} × " if module.times > 1 else ""
    called = f" (called {module.calls} times)" if module.calls > 1 else ""
    return f"{times}{module.kind or module.block}{called}".strip()


def _shape(module: Module) -> str:
    return "--" if module.shape is None else str(list(module.shape))


def _parameters(module: Module) -> str:
    return count(module.parameters) if module.parameters else "--"


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
