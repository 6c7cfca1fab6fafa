"""Block libraries as text and JSON."""

from __future__ import annotations

import json

from analyzer.block_files import Described, Library, providers, usage


def as_list(every: tuple[Library, ...]) -> str:
    """Every block in a line, below its library."""
    lines = []
    for library in every:
        lines += [f"{library.name}  {library.doc}".rstrip(), *(f"  {line}" for b in library.blocks for line in _line(b)), ""]
    return "\n".join(lines)


def as_whole(blocks: tuple[Described, ...], every: tuple[Library, ...]) -> str:
    """All that there is to know of some blocks: signature, source, how to call it, and its YAML."""
    return "\n".join(_whole(block, every) for block in blocks)


def as_json(blocks: tuple[Described, ...], every: tuple[Library, ...]) -> str:
    """Blocks for a script."""
    return json.dumps({"blocks": [_plain(block, every) for block in blocks]}, indent=2) + "\n"


def signature(block: Described) -> str:
    """name(inputs; symbol=default) -> outputs"""
    symbols = ", ".join(f"{name}={default}" for name, default in block.symbols)
    outputs = f" -> {', '.join(block.outputs)}" if block.outputs else ""
    return f"{block.name}({'; '.join(part for part in (', '.join(block.inputs), symbols) if part)}){outputs}"


def _line(block: Described) -> list[str]:
    return [signature(block), *([f"    {block.doc}"] if block.doc else [])]


def _usage(block: Described, every: tuple[Library, ...]) -> str:
    return usage(block, tuple(dict.fromkeys(found[0] for found in providers(block, every) if found)))


def _whole(block: Described, every: tuple[Library, ...]) -> str:
    lines = [*_line(block), "", f"from    configs/blocks/{block.file}.yaml:{block.line}", f"source  {block.source}"]
    lines += [f"reads   {', '.join(block.reads)}: symbols of your file, where a call does not give its own"] if block.reads else []
    for call, found in zip(block.calls, providers(block, every)):
        lines.append(f"calls   {call}, which another library has: {', '.join(found) or 'none of the bundled ones; write it yourself'}")
    return "\n".join((*lines, "", *_indented(_usage(block, every)), "", block.text, ""))


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]


def _plain(block: Described, every: tuple[Library, ...]) -> dict[str, object]:
    return {
        "name": block.name, "library": block.file, "line": block.line, "doc": block.doc, "source": block.source,
        "inputs": list(block.inputs), "symbols": dict(block.symbols), "outputs": list(block.outputs), "reads": list(block.reads),
        "calls": dict(zip(block.calls, map(list, providers(block, every)))), "usage": _usage(block, every), "text": block.text,
    }  # fmt: skip
