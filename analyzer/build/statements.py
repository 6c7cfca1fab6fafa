"""Statements and blocks out of YAML values."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import replace

from analyzer.build.shards import read_shard
from analyzer.build.source import (
    CONTROL,
    MAPPINGS,
    NAME,
    REGIONS,
    RESERVED,
    Block,
    Module,
    Problems,
    Statement,
    as_items,
    as_mapping,
    check_keys,
    is_name,
    words,
)  # fmt: skip
from analyzer.build.ties import read_ties
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.ops import OPS

BLOCK_KEYS = ("doc", "inputs", "symbols", "modules", "layers", "outputs", "tie", "shard")


def read_statements(value: Value | None, what: str, problems: Problems, taken: dict[str, int] | None = None) -> tuple[Statement, ...]:
    """A list of statements, each with the name its module instance gets; `taken` counts the names of the list around it."""
    taken = {} if taken is None else taken
    result = []
    for item in as_items(value, what, problems):
        statement = read_statement(item, problems, taken)
        name = statement.option("name")
        if name is not None and not (isinstance(name, Scalar) and isinstance(name.value, str) and is_name(name.value)):
            problems.add(name.origin, "'name' must be a name", NAME)
        result.append(_named(statement, taken))
    return tuple(result)


def read_statement(item: Value, problems: Problems, taken: dict[str, int]) -> Statement:
    """One statement: a word alone, or a mapping of one word to its arguments."""
    if isinstance(item, Scalar) and isinstance(item.value, str):
        return Statement(item.value, item.origin, None)
    if not isinstance(item, Mapping) or not item.entries:
        problems.add(item.origin, "expected a statement such as '- Linear: 128' or '- GELU'")
        return Statement("", item.origin, None)
    if item.get("repeat") is not None:
        return _read_repeat(item, problems)
    region = next((word for word in REGIONS if item.get(word) is not None), "")
    if region:
        check_keys(item, (region,), region, problems)
        body = read_statements(item.get(region), region, problems, taken)
        return Statement(region, item.entries[0][0].origin, None, body=body)
    (key, value), word = item.entries[0], str(item.entries[0][0].value)
    inner = value.entries if isinstance(value, Mapping) and word not in MAPPINGS else ()
    options, places = {str(k.value): v for k, v in inner}, {str(k.value): k.origin for k, _ in inner}
    if len(item.entries) != 1:
        extra = item.entries[1][0]
        example = f"a statement has one word; its arguments go inside: - {word}: {{{extra.value}: ...}}"
        problems.add(extra.origin, f"unexpected key '{extra.value}' beside '{word}'", example)
        return Statement("", key.origin, None, {str(k.value): v for k, v in item.entries[1:]} | options)
    if isinstance(value, Mapping) and word not in MAPPINGS:
        return Statement(word, key.origin, None, options, places=places)
    return Statement(word, key.origin, None if isinstance(value, Scalar) and value.value is None else value)


def _read_repeat(item: Mapping, problems: Problems) -> Statement:
    before = len(problems.found)
    check_keys(item, ("repeat", "layers", "name"), "repeat", problems)
    if item.get("layers") is None and len(problems.found) == before:
        problems.add(item.origin, "repeat needs 'layers'", "- repeat: L\n  layers: [...]")
    body = read_statements(item.get("layers"), "layers", problems)
    name = item.get("name")
    options = {"name": name} if name is not None else {}
    word = "repeat" if len(problems.found) == before else ""
    return Statement(word, item.entries[0][0].origin, item.get("repeat"), options, body)


def _named(statement: Statement, taken: dict[str, int]) -> Statement:
    """The statement with its instance name: given, or from `as` for an op, or the word; numbered when taken."""
    given, bound = statement.option("name"), statement.option("as")
    if isinstance(given, Scalar) and isinstance(given.value, str):
        name = given.value
    elif statement.word in OPS and isinstance(bound, Scalar) and isinstance(bound.value, str):
        name = bound.value
    else:
        name = {"repeat": "layers"}.get(statement.word, statement.word.lower())
    taken[name] = taken.get(name, 0) + 1
    numbered = name if taken[name] == 1 else f"{name}_{taken[name]}"
    return replace(statement, name=numbered)


def read_blocks(value: Value | None, problems: Problems) -> dict[str, Block]:
    """The blocks of a file by name."""
    mapping = as_mapping(value, "blocks", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        name, before = str(key.value), len(problems.found)
        _check_name("block", key, problems)
        block = as_mapping(body, f"block '{name}'", problems)
        if block is not None:
            check_keys(block, BLOCK_KEYS, f"block '{name}'", problems)
        if block is None or len(problems.found) > before:
            problems.broken.add(name)
        if block is not None:
            result[name] = _read_block(name, key, block, problems)
    return result


def _check_name(what: str, key: Scalar, problems: Problems) -> None:
    name = str(key.value)
    if name in OPS or name in CONTROL:
        problems.add(
            key.origin, f"a {what} cannot be named '{name}'", f"'{name}' is {'an op' if name in OPS else 'a word of the language'}"
        )
    elif not is_name(name):
        problems.add(key.origin, f"a {what} cannot be named '{name}'", NAME)


def _read_block(name: str, key: Scalar, block: Mapping, problems: Problems) -> Block:
    symbols = as_mapping(block.get("symbols"), "symbols", problems)
    doc = block.get("doc")
    return Block(
        name, key.origin,
        tuple(str(w.value) for w in words(block.get("inputs"), "inputs of a block", problems)),
        tuple((str(k.value), v) for k, v in symbols.entries) if symbols else (),
        read_modules(block.get("modules"), problems),
        read_statements(block.get("layers"), "layers", problems),
        words(block.get("outputs"), "outputs", problems),
        str(doc.value) if isinstance(doc, Scalar) else "",
        read_ties(block.get("tie"), problems),
        read_shard(block, problems),
    )  # fmt: skip


def read_modules(value: Value | None, problems: Problems) -> MappingOf[str, Module]:
    """Named instances: `encoder: {mlp: {width: H}}`, with `inputs:` or `in_features:` for one that is never called."""
    mapping = as_mapping(value, "modules", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        before = len(problems.found)
        _check_name("module", key, problems)
        result[str(key.value)] = _read_module(key, body, problems)
        if len(problems.found) > before:
            problems.broken.add(str(key.value))
    return result


def _read_module(key: Scalar, body: Value, problems: Problems) -> Module:
    name = str(key.value)
    shapes: tuple[Sequence, ...] = ()
    inputs = body.get("inputs") if isinstance(body, Mapping) else None
    if isinstance(body, Mapping) and inputs is not None:
        given = as_items(inputs, "inputs of a module", problems)
        shapes = tuple(s for s in given if isinstance(s, Sequence))
        if len(shapes) != len(given):
            problems.add(inputs.origin, "inputs of a module must be a list of shapes", "inputs: [[1, Z]]")
        body = Mapping(tuple(e for e in body.entries if e[0].value != "inputs"), body.origin)
    statement = read_statement(body, problems, {})
    for option in RESERVED:
        if option in statement.options and statement.word:
            problems.add(statement.place(option), f"'{option}' belongs to the call of module '{name}', not to its definition")
    return Module(replace(statement, body=(), name=name), shapes, key.origin)
