"""Block libraries that a file includes: `bioformer` is bundled, `my_blocks.yaml` lies beside the file or below it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from analyzer.build.source import Block, Problems, as_items, check_keys
from analyzer.build.statements import read_blocks
from analyzer.document import Scalar, Value, load
from analyzer.problems import InvalidConfig, nearest

LIBRARY = Path(__file__).resolve().parent.parent / "configs"
BLOCKS = LIBRARY / "blocks"
MAX_INCLUDES = 50
Chain = tuple[tuple[Path, str], ...]  # the files being read, and how to show them


def included(value: Value | None, folder: Path, shown: str, problems: Problems, chain: Chain) -> dict[str, Block]:
    """The blocks of the libraries that a file in `folder`, shown as `shown`, names."""
    blocks: dict[str, Block] = {}
    before = len(problems.found)
    for item in as_items(value, "include", problems):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            problems.add(item.origin, "include must name block libraries", "a bundled one, or a file beside this one")
            continue
        path = _library(item, folder, problems)
        if path is None:
            continue
        if any(path == before for before, _ in chain):
            told = " -> ".join((*(name for _, name in chain), str(item.value)))
            problems.add(item.origin, f"'{item.value}' includes itself", told)
        elif len(chain) >= MAX_INCLUDES:
            problems.add(item.origin, f"more than {MAX_INCLUDES} files that include each other")
        else:
            name = path.name if path.parent == BLOCKS else str(PurePosixPath(shown).parent / item.value)
            blocks |= _blocks(path, name, problems, (*chain, (path, str(item.value))))
    problems.unreadable |= len(problems.found) > before
    return blocks


def _library(item: Scalar, folder: Path, problems: Problems) -> Path | None:
    """The file that a name stands for; a problem when there is none or it lies elsewhere."""
    name = str(item.value)
    bundled = [path.stem for path in sorted(BLOCKS.glob("*.yaml"))]
    if name in bundled:
        return BLOCKS / f"{name}.yaml"
    if not name.endswith((".yaml", ".yml")):
        problems.add(item.origin, f"no block library '{name}'", nearest(name, bundled))
        return None
    try:
        path, home = (folder / name).resolve(), folder.resolve()
        if not path.is_relative_to(home):
            problems.add(item.origin, f"'{name}' lies outside the folder of the file that includes it")
        elif path.is_file():
            return path
        else:
            problems.add(item.origin, f"no file '{name}' beside this one")
    except (OSError, ValueError):
        problems.add(item.origin, f"'{name}' is no file name")
    return None


def _blocks(path: Path, shown: str, problems: Problems, chain: Chain) -> dict[str, Block]:
    try:
        document = load(path, shown)
    except InvalidConfig as error:
        problems.extend(error.problems)
        return {}
    check_keys(document, ("doc", "include", "blocks"), "a block library", problems)
    blocks = included(document.get("include"), path.parent, shown, problems, chain)
    return blocks | read_blocks(document.get("blocks"), problems)
