"""The bundled block libraries as values: every block with its inputs, symbols, documentation and text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analyzer.build.includes import BLOCKS, LIBRARY
from analyzer.build.source import CONTROL, Block, Problems, Statement, as_items
from analyzer.build.statements import read_blocks
from analyzer.document import Mapping, Scalar, Value, load, plain
from analyzer.ops import OPS
from analyzer.problems import Origin

CONTROLS = frozenset((*CONTROL, ""))
WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Described:
    """One block of a library: what a call gives it, what it calls that other libraries define, and its YAML."""

    name: str
    file: str  # without the ending
    line: int
    doc: str
    source: str  # what the library's own line says of where it comes from
    inputs: tuple[str, ...]
    symbols: tuple[tuple[str, str], ...]  # with their defaults
    outputs: tuple[str, ...]
    reads: tuple[str, ...]  # symbols of the including file that defaults are written in
    calls: tuple[str, ...]  # blocks that neither the library nor what it includes has
    text: str


@dataclass(frozen=True, slots=True)
class Library:
    """One file of blocks."""

    name: str
    doc: str
    includes: tuple[str, ...]
    blocks: tuple[Described, ...]


def libraries(folder: Path = BLOCKS) -> tuple[Library, ...]:
    """The libraries of a folder in the order of their names. Raises InvalidConfig."""
    paths = sorted(folder.glob("*.yaml"))
    read = {path.stem: _sections(path) for path in paths}
    return tuple(_library(path, read) for path in paths)


@dataclass(frozen=True, slots=True)
class _Sections:
    """What a library's file says, as read."""

    doc: str
    includes: tuple[str, ...]
    blocks: dict[str, Block]
    places: tuple[Origin, ...]  # of the blocks' names, in file order


def _sections(path: Path) -> _Sections:
    document, problems = load(path, path.name), Problems()
    blocks, doc = document.get("blocks"), document.get("doc")
    includes = tuple(str(i.value) for i in as_items(document.get("include"), "include", problems) if isinstance(i, Scalar))
    read = read_blocks(blocks, problems)
    problems.raise_any()
    places = tuple(key.origin for key, _ in blocks.entries) if isinstance(blocks, Mapping) else ()
    return _Sections(str(doc.value) if isinstance(doc, Scalar) else "", includes, read, places)


def _library(path: Path, read: dict[str, _Sections]) -> Library:
    own = read[path.stem]
    known = _reachable(path.stem, read, set())
    lines = path.read_text(encoding="utf-8").splitlines()
    ends = [place.line - 1 for place in own.places[1:]] + [len(lines)]
    texts = {str(b): lines[place.line - 1 : end] for b, place, end in zip(own.blocks, own.places, ends)}
    blocks = tuple(_described(block, path.stem, own.doc, known, "\n".join(texts[name])) for name, block in own.blocks.items())
    return Library(path.stem, own.doc, own.includes, blocks)


def _reachable(name: str, read: dict[str, _Sections], seen: set[str]) -> dict[str, Block]:
    """The blocks that a library and what it includes define."""
    found: dict[str, Block] = {}
    if name in seen or name not in read:
        return found
    seen.add(name)
    for other in read[name].includes:
        found |= _reachable(other, read, seen)
    return found | read[name].blocks


def _described(block: Block, file: str, source: str, known: dict[str, Block], text: str) -> Described:
    symbols = tuple((name, _shown(value)) for name, value in block.symbols)
    own = {name for name, _ in symbols}
    reads = {word for _, default in symbols for word in WORD.findall(default)} - own - {"true", "false", "min", "max", "ceil", "floor"}
    calls = dict.fromkeys(_unknown(block, known, set()))
    outputs = tuple(str(o.value) for o in block.outputs)
    line = block.origin.line
    return Described(
        block.name, file, line, block.doc, source, block.inputs, symbols, outputs, tuple(sorted(reads)), tuple(calls), text.rstrip()
    )


def _unknown(block: Block, known: dict[str, Block], seen: set[str]) -> Iterator[str]:
    """What a block, and the blocks that it calls, call that is neither an op nor among the known blocks."""
    seen.add(block.name)
    for word in _words(block.layers):
        if word in known and word not in seen:
            yield from _unknown(known[word], known, seen)
        elif word not in known and word not in OPS and word not in CONTROLS and word not in block.modules:
            yield word


def _words(statements: tuple[Statement, ...]) -> Iterator[str]:
    for statement in statements:
        yield statement.word
        yield from _words(statement.body)


def _shown(value: Value) -> str:
    found = plain(value)
    return {True: "true", False: "false", None: "null"}.get(found, "") if isinstance(found, (bool, type(None))) else str(found)


def usage(block: Described, providers: tuple[str, ...]) -> str:
    """A config's lines that call the block; `providers` are libraries that define what it calls beside its own."""
    include = ", ".join((block.file, *providers))
    given = {"in": f"[{', '.join(block.inputs)}]" if len(block.inputs) > 1 else "".join(block.inputs)} if block.inputs else {}
    named = {"as": f"[{', '.join(block.outputs)}]" if len(block.outputs) > 1 else block.outputs[0]} if block.outputs else {}
    arguments = ", ".join(f"{key}: {value}" for key, value in {**given, **dict(block.symbols), **named}.items())
    call = f"{block.name}: {{{arguments}}}" if arguments else block.name
    return f"include: [{include}]\nlayers:\n  - {call}"


def providers(block: Described, every: tuple[Library, ...]) -> tuple[tuple[str, ...], ...]:
    """For each block that `block` calls and its library lacks: the libraries that have it, those that bundled models pair it with first."""
    paired = _paired(block.file) if block.calls else frozenset()
    found = [[lib.name for lib in every if any(b.name == call for b in lib.blocks)] for call in block.calls]
    return tuple(tuple(sorted(names, key=lambda name: name not in paired)) for names in found)


@cache
def _paired(library: str) -> frozenset[str]:
    """The libraries that bundled models include together with one."""
    includes = (load(path, path.name).get("include") for path in (LIBRARY / "models").glob("*.yaml"))
    named = [{str(i.value) for i in as_items(value, "include", Problems()) if isinstance(i, Scalar)} for value in includes]
    return frozenset().union(*(names for names in named if library in names))
