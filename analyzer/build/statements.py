"""Statements and blocks out of YAML values."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from analyzer.build.source import (
    CONTROL, RESERVED, Block, Module, Problems, Statement, as_items, as_mapping, check_keys, words,
)  # fmt: skip
from analyzer.document import Mapping, Scalar, Sequence, Value
from analyzer.ops import OPS

BLOCK_KEYS = ("doc", "inputs", "symbols", "modules", "layers", "outputs")


def read_statements(value: Value | None, what: str, problems: Problems) -> tuple[Statement, ...]:
    """A list of statements, each with the name its module instance gets."""
    taken: dict[str, int] = {}
    result = []
    for item in as_items(value, what, problems):
        statement = read_statement(item, problems)
        if statement is not None:
            result.append(_named(statement, taken))
    return tuple(result)


def read_statement(item: Value, problems: Problems) -> Statement | None:
    """One statement: a word alone, or a mapping of one word to its arguments."""
    if isinstance(item, Scalar) and isinstance(item.value, str):
        return Statement(item.value, item.origin, None)
    if not isinstance(item, Mapping) or not item.entries:
        problems.add(item.origin, "expected a statement such as '- Linear: 128' or '- GELU'")
        return None
    if item.get("repeat") is not None:
        return _read_repeat(item, problems)
    if item.get("no_grad") is not None:
        check_keys(item, ("no_grad",), "no_grad", problems)
        body = read_statements(item.get("no_grad"), "no_grad", problems)
        return Statement("no_grad", item.entries[0][0].origin, None, body=body)
    if len(item.entries) != 1:
        extra = item.entries[1][0]
        problems.add(
            extra.origin,
            f"unexpected key '{extra.value}' beside '{item.entries[0][0].value}'",
            "a statement has one word; its arguments go inside: - Linear: {out_features: 128, as: h}",
        )
        return None
    (key, value), word = item.entries[0], str(item.entries[0][0].value)
    if isinstance(value, Mapping) and word != "let":
        return Statement(word, key.origin, None, {str(k.value): v for k, v in value.entries})
    return Statement(word, key.origin, None if isinstance(value, Scalar) and value.value is None else value)


def _read_repeat(item: Mapping, problems: Problems) -> Statement:
    check_keys(item, ("repeat", "layers", "name"), "repeat", problems)
    if item.get("layers") is None:
        problems.add(item.origin, "repeat needs 'layers'", "- repeat: L\n  layers: [...]")
    body = read_statements(item.get("layers"), "layers", problems)
    name = item.get("name")
    options = {"name": name} if name is not None else {}
    return Statement("repeat", item.entries[0][0].origin, item.get("repeat"), options, body)


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
    return Statement(statement.word, statement.origin, statement.value, statement.options, statement.body, numbered)


def read_blocks(value: Value | None, problems: Problems) -> dict[str, Block]:
    """The blocks of a file by name."""
    mapping = as_mapping(value, "blocks", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        name = str(key.value)
        if name in OPS or name in CONTROL or not name.isidentifier():
            problems.add(key.origin, f"a block cannot be named '{name}'", "the name is taken" if name in OPS else "")
        block = as_mapping(body, f"block '{name}'", problems)
        if block is not None:
            result[name] = _read_block(name, key, block, problems)
    return result


def _read_block(name: str, key: Scalar, block: Mapping, problems: Problems) -> Block:
    check_keys(block, BLOCK_KEYS, f"block '{name}'", problems)
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
    )  # fmt: skip


def read_modules(value: Value | None, problems: Problems) -> MappingOf[str, Module]:
    """Named instances: `encoder: {mlp: {width: H}}`, with `inputs:` or `in_features:` for one that is never called."""
    mapping = as_mapping(value, "modules", problems)
    result = {}
    for key, body in mapping.entries if mapping else ():
        name = str(key.value)
        if name in OPS or name in CONTROL:
            problems.add(key.origin, f"a module cannot be named '{name}'", "the name is an op's")
        module = _read_module(name, body, problems)
        if module is not None:
            result[name] = module
    return result


def _read_module(name: str, body: Value, problems: Problems) -> Module | None:
    shapes: tuple[Sequence, ...] = ()
    if isinstance(body, Mapping) and body.get("inputs") is not None:
        given = as_items(body.get("inputs"), "inputs of a module", problems)
        shapes = tuple(s for s in given if isinstance(s, Sequence))
        if len(shapes) != len(given):
            problems.add(body.origin, "inputs of a module must be a list of shapes", "inputs: [[1, Z]]")
        body = Mapping(tuple(e for e in body.entries if e[0].value != "inputs"), body.origin)
    statement = read_statement(body, problems)
    if statement is None:
        return None
    for key in RESERVED:
        if key in statement.options:
            problems.add(statement.origin, f"'{key}' belongs to the call of module '{name}', not to its definition")
    return Module(Statement(statement.word, statement.origin, statement.value, statement.options, (), name), shapes)
