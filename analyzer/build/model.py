"""A config file as a checked Model: every section read, blocks of included libraries added, nothing traced yet."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.build import includes
from analyzer.build.source import (
    NAME,
    SECTIONS,
    Block,
    Module,
    Problems,
    Statement,
    Tie,
    as_items,
    as_mapping,
    check_keys,
    is_name,
    words,
)
from analyzer.build.statements import read_blocks, read_modules, read_statements
from analyzer.build.survey import also_wrong, misspelled
from analyzer.build.symbols import Symbol, read_symbols
from analyzer.build.ties import read_ties
from analyzer.build.variants import Variant, read_variants
from analyzer.document import Mapping, Scalar, Sequence, Value, read
from analyzer.graph import ITEMSIZE
from analyzer.host.read import read_data
from analyzer.host.source import Data
from analyzer.problems import InvalidConfig, Origin, Problem, nearest
from analyzer.run.settings import CHOICES, LISTS, Run, read_run

LIBRARY = includes.LIBRARY


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the data loader puts on the device."""

    name: str
    shape: Sequence | None  # None when it cannot be read
    dtype: str  # empty for the dtype the model runs in
    origin: Origin
    repeat: Value | None = None  # of a list: how many tensors it has


@dataclass(frozen=True, slots=True)
class Inference:
    """What differs when the model only infers: its inputs, its statements, its outputs; empty for the same."""

    inputs: tuple[Scalar, ...]
    layers: tuple[Statement, ...]
    outputs: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A description as written, checked for form; `broken` names the inputs, blocks and modules that failed the check."""

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
    frozen: tuple[Scalar, ...]
    ties: tuple[Tie, ...]
    origin: Origin
    broken: frozenset[str] = frozenset()
    data: Data | None = None
    variants: tuple[Variant, ...] = ()


def read_model(path: Path, shown: str | None = None) -> Model:
    """The model in a file. Raises InvalidConfig with every problem of form, and what else can be said in spite of them."""
    document, duplicates = read(path, shown)
    return model_of(document, duplicates, path)


def model_of(document: Mapping, duplicates: Iterable[Problem], path: Path) -> Model:
    """The model in a document that was read from `path`, with what is wrong with its keys. Raises InvalidConfig as `read_model` does."""
    problems = Problems()
    check_keys(document, SECTIONS, "a model", problems)
    layers = document.get("layers")
    if (layers is None and document.get("data") is None) or (isinstance(layers, Sequence) and not layers.items):
        place = layers or document
        problems.add(place.origin, "a model needs 'layers'", "layers: [Linear: 128, GELU]")
    problems.unreadable = bool(problems.found)
    blocks = includes.included(document.get("include"), path.parent, document.origin.path, problems, ())
    symbols = read_symbols(document.get("symbols"), problems)
    model = Model(
        _text(document, "name", problems) or path.stem,
        _text(document, "doc", problems),
        document.origin.path,
        symbols,
        _inputs(document.get("inputs"), problems),
        blocks | read_blocks(document.get("blocks"), problems),
        read_modules(document.get("modules"), problems),
        read_statements(document.get("layers"), "layers", problems),
        words(document.get("outputs"), "outputs", problems),
        read_statements(document.get("loss"), "loss", problems),
        _inference(document.get("inference"), problems),
        _run(document.get("run"), problems),
        as_mapping(document.get("tables"), "tables", problems),
        _frozen(document.get("frozen"), problems),
        read_ties(document.get("tie"), problems),
        document.origin,
        frozenset(problems.broken),
        read_data(document.get("data"), symbols, problems),
        read_variants(document.get("variants"), symbols, problems),
    )
    problems.extend(duplicates)
    problems.extend(() if problems.unreadable else misspelled(model))
    run = _setting(model, problems)
    if problems.found:
        problems.extend(also_wrong(model, None if problems.unreadable else run))
    problems.raise_any()
    return model


def _setting(model: Model, problems: Problems) -> Run:
    """How the file says it is run; a mode that is in doubt is that of a model with or without a loss."""
    try:
        run = read_run(model.run, {}, has_loss=bool(model.loss))
    except InvalidConfig as error:
        problems.extend(error.problems)
        run = Run(mode="")
    doubtful = not run.mode or "mode" not in model.run
    return replace(run, mode="train" if model.loss else "infer") if doubtful else run


def _text(document: Mapping, key: str, problems: Problems) -> str:
    value = document.get(key)
    if value is not None and (not isinstance(value, Scalar) or value.value is None):
        problems.add(value.origin, f"'{key}' must be text")
    return str(value.value) if isinstance(value, Scalar) and value.value is not None else ""


def _frozen(value: Value | None, problems: Problems) -> tuple[Scalar, ...]:
    result = []
    for item in as_items(value, "frozen", problems):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            result.append(item)
        else:
            problems.add(item.origin, "frozen must name modules or parameters", "frozen: [encoder, decoder.linear.weight]")
    return tuple(result)


def _inputs(value: Value | None, problems: Problems) -> tuple[Input, ...]:
    mapping = as_mapping(value, "inputs", problems)
    result = []
    for key, body in mapping.entries if mapping else ():
        before, name = len(problems.found), str(key.value)
        if not is_name(name):
            problems.add(key.origin, f"'{name}' is no name for an input", NAME)
        shape, dtype, repeat = body, "", None
        if isinstance(body, Mapping):
            check_keys(body, ("shape", "dtype", "repeat", "doc"), f"input '{name}'", problems)
            told, repeat = body.get("dtype"), body.get("repeat")
            dtype = str(told.value) if isinstance(told, Scalar) else dtype
            if told is not None and dtype not in ITEMSIZE:
                problems.add(told.origin, f"unknown dtype '{dtype}'", nearest(dtype, ITEMSIZE))
            given = body.get("shape")
            shape = given if given is not None else body
        if isinstance(shape, (Scalar, Mapping)):
            problems.add(shape.origin, f"input '{name}' needs a shape", f"{name}: {{shape: [B, 128]}}")
        elif len(problems.found) == before:
            result.append(Input(name, shape, dtype, key.origin, repeat))
        if len(problems.found) > before:
            problems.broken.add(name)
            result.append(Input(name, None, dtype, key.origin))
    return tuple(result)


def _inference(value: Value | None, problems: Problems) -> Inference | None:
    mapping = as_mapping(value, "inference", problems)
    if mapping is None:
        return None
    check_keys(mapping, ("inputs", "layers", "outputs"), "inference", problems)
    return Inference(
        words(mapping.get("inputs"), "inputs", problems),
        read_statements(mapping.get("layers"), "layers", problems),
        words(mapping.get("outputs"), "outputs", problems),
    )


def _run(value: Value | None, problems: Problems) -> dict[str, Scalar]:
    mapping = as_mapping(value, "run", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        if str(key.value) not in CHOICES:
            problems.add(key.origin, f"unknown run setting '{key.value}'", nearest(str(key.value), CHOICES))
        elif isinstance(body, Scalar):
            result[str(key.value)] = body
        elif str(key.value) in LISTS and (joined := _joined(body, LISTS[str(key.value)])):
            result[str(key.value)] = Scalar(joined, body.origin)
        else:
            problems.add(body.origin, f"run setting '{key.value}' must be a single value")
    return result


def _joined(value: Value, between: str) -> str:
    """A list of words, or of lists of words, as one; nothing for something else."""
    items = value.items if isinstance(value, Sequence) else ()
    words = [str(i.value) if isinstance(i, Scalar) else _joined(i, ",") if between == ";" else "" for i in items]
    return between.join(words) if all(words) else ""
