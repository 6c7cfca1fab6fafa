"""An imported model as the text of a config."""

from __future__ import annotations

import json
import re
from fractions import Fraction

from analyzer.build.includes import LIBRARY
from analyzer.build.symbols import Symbol
from analyzer.document import Mapping, Scalar, Sequence, Value, loads
from analyzer.importing.apply import Imported
from analyzer.importing.family import word

PLAIN = re.compile(r"[A-Za-z_][\w ()/.*+-]*[\w)]|[A-Za-z_]")
SPOKEN = ("true", "false", "null", "True", "False")


def as_yaml(made: Imported, name: str, shown: str) -> str:
    """The config called `name` that says what the config.json `shown` says."""
    path = LIBRARY / "models" / f"{made.bundled}.yaml"
    sections = _sections(path.read_text(encoding="utf-8"), path.name)
    sections["name"] = f"name: {plain(name)}"
    sections["doc"] = f"doc: {plain(f'{made.family.described} as {shown} has it')}"
    sections["source"] = f"source: {plain(f'{made.family.source} ({made.family.described})')}"
    sections["symbols"] = "\n".join(("symbols:", *(_symbol(symbol) for symbol in made.symbols.values())))
    if "tie" in made.sections:
        sections["tie"] = _flow_section("tie", made.sections["tie"])
    if "run" in made.sections:
        run = {key: Scalar(value.value, value.origin) for key, value in made.model.run.items()}
        sections["run"] = _flow_section("run", {**run, **made.sections["run"]})
    if "blocks" in made.sections:
        sections["blocks"] = "\n".join(("blocks:", *(block(key, value) for key, value in made.sections["blocks"].items())))
    return "\n".join((*(f"# {line}" for line in accounts(made, shown)), *(text for text in sections.values() if text))) + "\n"


def _sections(text: str, shown: str) -> dict[str, str]:
    """The top-level sections of a config by name, without what stands above the first."""
    lines, entries = text.splitlines(), loads(text, shown).entries
    starts = [key.origin.line - 1 for key, _ in entries] + [len(lines)]
    return {str(key.value): "\n".join(lines[a:b]).rstrip() for (key, _), a, b in zip(entries, starts, starts[1:])}


def accounts(made: Imported, shown: str) -> list[str]:
    """Lines that account for every key: what was read, what has defaults, what is to be known."""
    by_key = [f"{key} ({became})" for key, became in made.read.items() if became]
    lines = [f"From {shown} by `peakform import`, on peakform's {made.bundled}.", f"Read: {', '.join(by_key)}."]
    if made.defaults:
        lines.append(f"Not given, as the class has it: {', '.join(f'{k} = {v}' for k, v in made.defaults.items())}.")
    lines += [f"Makes no difference: {', '.join(made.idle)}."] if made.idle else []
    lines += [f"Stands in no config.json: {', '.join(made.kept)}."] if made.kept else []
    return [_one_line(line) for line in (*lines, *made.warnings)]


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _symbol(symbol: Symbol) -> str:
    value = plain(symbol.definition)
    doc = f", doc: {plain(symbol.doc)}" if symbol.doc else ""
    return f"  {symbol.name}: {{value: {value}{doc}}}"


def _flow_section(key: str, entries: dict[str, Value] | object) -> str:
    assert isinstance(entries, dict)
    return f"{key}: {{{', '.join(f'{plain(name)}: {flow(value)}' for name, value in entries.items())}}}" if entries else ""


def block(name: str, value: Value) -> str:
    """One block of a `blocks:` section, statements a line each."""
    lines = [f"  {name}:"]
    for key, body in value.entries if isinstance(value, Mapping) else ():
        if key.value == "layers" and isinstance(body, Sequence):
            lines += ["    layers:", *(f"      {line}" for item in body.items for line in _statement(item))]
        else:
            lines.append(f"    {key.value}: {flow(body)}")
    return "\n".join(lines)


def _statement(value: Value) -> list[str]:
    """A statement in block style, so that a loop's own statements stand below it."""
    if not isinstance(value, Mapping):
        return [f"- {flow(value)}"]
    lines = []
    for key, body in value.entries:
        if key.value == "layers" and isinstance(body, Sequence):
            lines += [f"{key.value}:", *(f"  {line}" for item in body.items for line in _statement(item))]
        else:
            lines.append(f"{key.value}: {flow(body)}")
    return [f"{'- ' if i == 0 else '  '}{line}" for i, line in enumerate(lines)]


def flow(value: Value) -> str:
    """A value within a line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{plain(k.value)}: {flow(v)}' for k, v in value.entries)}}}"
    if isinstance(value, Sequence):
        return f"[{', '.join(flow(item) for item in value.items)}]"
    return plain(value.value)


def plain(value: str | int | Fraction | bool | None) -> str:
    """A scalar as YAML writes it, in quotes where it needs them."""
    if not isinstance(value, str):
        return word(value)
    return value if PLAIN.fullmatch(value) and value not in SPOKEN else json.dumps(value, ensure_ascii=False)
