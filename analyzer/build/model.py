"""A config file as a checked Model: every section read, blocks of included libraries added, nothing traced yet."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from analyzer.build.source import SECTIONS, Block, Module, Problems, Statement, as_items, as_mapping, check_keys, words
from analyzer.build.statements import read_blocks, read_modules, read_statements
from analyzer.build.symbols import Symbol, read_symbols
from analyzer.document import Mapping, Scalar, Value, load
from analyzer.graph import ITEMSIZE
from analyzer.problems import InvalidConfig, Origin, nearest

LIBRARY = Path(__file__).resolve().parent.parent / "configs"
MAX_INCLUDES = 50


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the data loader puts on the device."""

    name: str
    shape: tuple[Value, ...]
    dtype: str  # empty for the dtype the model runs in
    origin: Origin


@dataclass(frozen=True, slots=True)
class Inference:
    """What runs instead of `layers` when the model only infers."""

    inputs: tuple[str, ...]
    layers: tuple[Statement, ...]
    outputs: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A description as written, checked for form."""

    name: str
    doc: str
    path: str
    symbols: MappingOf[str, Symbol]
    inputs: tuple[Input, ...]
    blocks: MappingOf[str, Block]
    modules: MappingOf[str, Module]
    layers: tuple[Statement, ...]
    outputs: tuple[Scalar, ...]
    loss: tuple[Statement, ...]
    inference: Inference | None
    run: MappingOf[str, Scalar]
    tables: Mapping | None
    frozen: tuple[str, ...]
    origin: Origin


def read_model(path: Path, shown: str | None = None) -> Model:
    """The model in a file. Raises InvalidConfig with every problem of form."""
    document = load(path, shown)
    problems = Problems()
    check_keys(document, SECTIONS, "a model", problems)
    blocks = _included(document.get("include"), path.parent, problems, ())
    blocks |= read_blocks(document.get("blocks"), problems)
    name, doc = document.get("name"), document.get("doc")
    if document.get("layers") is None:
        problems.add(document.origin, "a model needs 'layers'", "layers: [Linear: 128, GELU]")
    model = Model(
        str(name.value) if isinstance(name, Scalar) and name.value is not None else path.stem,
        str(doc.value) if isinstance(doc, Scalar) else "",
        document.origin.path,
        read_symbols(document.get("symbols"), problems),
        _inputs(document.get("inputs"), problems),
        blocks,
        read_modules(document.get("modules"), problems),
        read_statements(document.get("layers"), "layers", problems),
        words(document.get("outputs"), "outputs", problems),
        read_statements(document.get("loss"), "loss", problems),
        _inference(document.get("inference"), problems),
        _run(document.get("run"), problems),
        as_mapping(document.get("tables"), "tables", problems),
        tuple(str(i.value) for i in as_items(document.get("frozen"), "frozen", problems) if isinstance(i, Scalar)),
        document.origin,
    )
    problems.raise_any()
    return model


def _inputs(value: Value | None, problems: Problems) -> tuple[Input, ...]:
    mapping = as_mapping(value, "inputs", problems)
    result = []
    for key, body in mapping.entries if mapping else ():
        shape, dtype = body, ""
        if isinstance(body, Mapping):
            check_keys(body, ("shape", "dtype", "doc"), f"input '{key.value}'", problems)
            told = body.get("dtype")
            dtype = str(told.value) if isinstance(told, Scalar) else dtype
            if dtype not in ITEMSIZE and told is not None:
                problems.add(told.origin, f"unknown dtype '{dtype}'", nearest(dtype, ITEMSIZE))
            given = body.get("shape")
            shape = given if given is not None else body
        if isinstance(shape, (Scalar, Mapping)):
            problems.add(shape.origin, f"input '{key.value}' needs a shape", f"{key.value}: {{shape: [B, 128]}}")
            continue
        result.append(Input(str(key.value), shape.items, dtype, key.origin))
    return tuple(result)


def _inference(value: Value | None, problems: Problems) -> Inference | None:
    mapping = as_mapping(value, "inference", problems)
    if mapping is None:
        return None
    check_keys(mapping, ("inputs", "layers", "outputs"), "inference", problems)
    return Inference(
        tuple(str(w.value) for w in words(mapping.get("inputs"), "inputs", problems)),
        read_statements(mapping.get("layers"), "layers", problems),
        words(mapping.get("outputs"), "outputs", problems),
    )


def _run(value: Value | None, problems: Problems) -> dict[str, Scalar]:
    mapping = as_mapping(value, "run", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        if isinstance(body, Scalar):
            result[str(key.value)] = Scalar(body.value, body.origin)
        else:
            problems.add(body.origin, f"run setting '{key.value}' must be a single value")
    return result


def _included(value: Value | None, folder: Path, problems: Problems, path: tuple[Path, ...]) -> dict[str, Block]:
    """The blocks of the libraries a file names: `attention` is bundled, `my_blocks.yaml` lies beside the file."""
    blocks: dict[str, Block] = {}
    for item in as_items(value, "include", problems):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            problems.add(item.origin, "include must name block libraries")
            continue
        found = _library(item.value, folder)
        if found is None:
            known = [p.stem for p in (LIBRARY / "blocks").glob("*.yaml")]
            problems.add(item.origin, f"no block library '{item.value}'", nearest(item.value, known))
        elif found in path or len(path) > MAX_INCLUDES:
            problems.add(item.origin, f"'{item.value}' includes itself")
        else:
            blocks |= _library_blocks(found, problems, (*path, found))
    return blocks


def _library(name: str, folder: Path) -> Path | None:
    if name.isidentifier() or name.replace("-", "_").isidentifier():
        bundled = LIBRARY / "blocks" / f"{name}.yaml"
        return bundled if bundled.is_file() else None
    beside = folder / name
    inside = not Path(name).is_absolute() and ".." not in Path(name).parts and name.endswith((".yaml", ".yml"))
    return beside.resolve() if inside and beside.is_file() else None


def _library_blocks(path: Path, problems: Problems, seen: tuple[Path, ...]) -> dict[str, Block]:
    try:
        document = load(path, path.name if path.is_relative_to(LIBRARY) else None)
    except InvalidConfig as error:
        problems.found.extend(error.problems)
        return {}
    check_keys(document, ("doc", "include", "blocks"), "a block library", problems)
    blocks = _included(document.get("include"), path.parent, problems, seen)
    return blocks | read_blocks(document.get("blocks"), problems)
