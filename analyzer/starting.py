"""A bundled config as the text of a user's own: renamed, comments kept, included blocks written out if wanted."""

from __future__ import annotations

from pathlib import Path

from analyzer.build.includes import BLOCKS
from analyzer.document import Mapping, Scalar, Sequence, Value, loads


def like_bundled(path: Path, name: str, *, written_out: bool = False) -> str:
    """The text of a config called `name` that says what a bundled one says. Raises InvalidConfig."""
    text = renamed(path.read_text(encoding="utf-8"), name)
    text = f"# Begun from peakform's {path.stem}.\n{text}"
    return with_blocks(text, path.name) if written_out else text


def renamed(text: str, name: str) -> str:
    """The text with another value of `name:`."""
    start, end = section_lines(text, "name")
    lines = text.splitlines()
    quoted = name if not name.replace(".", "").replace("_", "").isdigit() else f"'{name}'"
    return "\n".join((*lines[:start], f"name: {quoted}", *lines[end:])) + "\n"


def section_lines(text: str, key: str) -> tuple[int, int]:
    """The lines of a top-level section, its comments not counted: the first and the one after the last; both the end when there is none."""
    lines, entries = text.splitlines(), loads(text, "config").entries
    starts = [place.origin.line - 1 for place, _ in entries] + [len(lines)]
    for (word, _), start, end in zip(entries, starts, starts[1:]):
        if word.value == key:
            while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
                end -= 1
            return start, end
    return len(lines), len(lines)


def with_blocks(text: str, shown: str) -> str:
    """The text with the blocks of included libraries in a `blocks:` section of its own, and no `include:`."""
    document = loads(text, shown)
    texts = _library_blocks(document.get("include"), ())
    own = document.get("blocks")
    for key in own.keys() if isinstance(own, Mapping) else ():
        texts.pop(key, None)
    lines = text.splitlines()
    start, end = section_lines(text, "include")
    lines = [*lines[:start], *lines[end:]]
    if not texts:
        return "\n".join(lines) + "\n"
    start, end = section_lines("\n".join(lines), "blocks")
    if start == len(lines):
        start, _ = section_lines("\n".join(lines), "layers")
        return "\n".join((*lines[:start], "blocks:", *texts.values(), *lines[start:])) + "\n"
    return "\n".join((*lines[: start + 1], *texts.values(), *lines[start + 1 :])) + "\n"


def _library_blocks(include: Value | None, seen: tuple[str, ...]) -> dict[str, str]:
    """The text of each block of bundled libraries by name; of one that several define, the last."""
    found: dict[str, str] = {}
    items = include.items if isinstance(include, Sequence) else (include,) if isinstance(include, Scalar) else ()
    for item in items:
        path = BLOCKS / f"{item.value}.yaml" if isinstance(item, Scalar) else BLOCKS
        if str(path) in seen or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        document = loads(text, path.name)
        found |= _library_blocks(document.get("include"), (*seen, str(path)))
        found |= _texts(document.get("blocks"), text.splitlines())
    return found


def _texts(blocks: Value | None, lines: list[str]) -> dict[str, str]:
    entries = blocks.entries if isinstance(blocks, Mapping) else ()
    starts = [key.origin.line - 1 for key, _ in entries] + [len(lines)]
    return {str(key.value): "\n".join(lines[a:b]).rstrip() for (key, _), a, b in zip(entries, starts, starts[1:])}
