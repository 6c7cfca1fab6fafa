"""JSON Schema (draft-07) of a config, generated from the op signatures, for editors and for the tests."""

from __future__ import annotations

from typing import Any

from analyzer.build.shards import SHARD
from analyzer.build.source import SECTIONS
from analyzer.graph import ITEMSIZE
from analyzer.host.schema import data_schema
from analyzer.ops import OPS, Argument, Op
from analyzer.run.settings import CHOICES, EXPRESSIONS, LISTS, MEANING

EXPRESSION = {"type": ["string", "number"], "description": "a number, or an expression over symbols"}
TYPES: dict[str, dict[str, Any]] = {
    "tensor": {"type": ["string", "number"], "description": "the name of a tensor"},
    "tensors": {"type": "array", "items": {"type": "string"}},
    "size": EXPRESSION, "ratio": EXPRESSION, "number": EXPRESSION, "probability": EXPRESSION, "index": EXPRESSION,
    "sizes": {"type": "array", "items": EXPRESSION}, "indices": {"type": "array", "items": EXPRESSION},
    "word": {"type": "string"}, "flag": {"type": ["boolean", "string"]}, "none": {"type": "null"},
}  # fmt: skip
NAMES = {"type": ["string", "array"], "items": {"type": "string"}}
TENSORS = {"type": "object", "additionalProperties": {"type": "string"}}

TIES = {
    "type": "object", "additionalProperties": {"type": "string"},
    "description": "parameters that are others: {head.weight: embedding.weight}",
}  # fmt: skip


def model_schema() -> dict[str, Any]:
    """The schema of a model file: every op with its arguments; blocks and modules of the file's own are allowed too."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "peakform model",
        "type": "object",
        "anyOf": [{"required": ["layers"]}, {"required": ["data"]}],
        "additionalProperties": False,
        "properties": {name: {} for name in SECTIONS} | _sections(),
        "definitions": _definitions(),
    }


VARIANT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "config": {"type": "string", "description": "a config beside this one"},
        "symbols": {"type": "object"},
        "doc": {"type": "string"},
        "cost": {"type": "string"},
        "numerics": {"enum": ["same", "rounding", "changed"]},
    },
}


def _sections() -> dict[str, Any]:
    statements = {"$ref": "#/definitions/statements"}
    text = {"type": "string"}
    return {
        "name": text | {"description": "what the report calls the model"},
        "doc": text | {"description": "one line about the model"},
        "include": NAMES | {"description": "block libraries, bundled by name or files beside this one"},
        "symbols": {"type": "object", "additionalProperties": {"$ref": "#/definitions/symbol"}},
        "inputs": {"type": "object", "additionalProperties": {"$ref": "#/definitions/input"}},
        "blocks": {"type": "object", "additionalProperties": {"$ref": "#/definitions/block"}},
        "modules": {"type": "object", "description": "named instances, made once and called by name"},
        "layers": statements | {"description": "the model's forward"},
        "outputs": NAMES | {"description": "what the forward returns; the last result when left out"},
        "loss": statements | {"description": "from the outputs to one number"},
        "inference": {"type": "object", "properties": {"inputs": NAMES, "layers": statements, "outputs": NAMES}},
        "run": {"type": "object", "additionalProperties": False, "properties": _run()},
        "data": data_schema(),
        "tables": {"type": "object"},
        "tie": TIES,
        "variants": {
            "type": "object",
            "additionalProperties": VARIANT,
            "description": "other ways to compute the same, for `peakform advise`",
        },
        "frozen": NAMES | {"description": "paths of modules or parameters that are not trained"},
    }


def _run() -> dict[str, Any]:
    def choice(key: str) -> dict[str, Any]:
        values = [True, False] if CHOICES[key] == ("true", "false") else list(CHOICES[key])
        whole = {"type": "integer", "minimum": 1}
        kind: dict[str, Any] = {"enum": values} if values else NAMES if key in LISTS else EXPRESSION if key in EXPRESSIONS else whole
        return kind | {"description": MEANING[key]}

    return {key: choice(key) for key in CHOICES}


def _definitions() -> dict[str, Any]:
    symbol = {
        "type": "object",
        "properties": {"value": EXPRESSION, "doc": {"type": "string"}, "from": {"type": "string", "description": "its key in --values"}},
        "required": ["value"],
    }
    shape = {"type": "array", "items": EXPRESSION}
    tensor = {
        "type": "object",
        "properties": {"shape": shape, "dtype": {"enum": list(ITEMSIZE)}, "repeat": EXPRESSION, "doc": {"type": "string"}},
        "required": ["shape"],
    }
    block = {
        "inputs": NAMES, "symbols": {"type": "object"}, "modules": {"type": "object"}, "outputs": NAMES,
        "layers": {"$ref": "#/definitions/statements"}, "doc": {"type": "string"}, "tie": TIES,
        "shard": {"type": "object", "additionalProperties": {"enum": list(SHARD)}},
    }  # fmt: skip
    return {
        "symbol": {"anyOf": [EXPRESSION, symbol]},
        "input": {"anyOf": [shape, tensor]},
        "block": {"type": "object", "additionalProperties": False, "properties": block},
        "statements": {"type": "array", "items": {"$ref": "#/definitions/statement"}},
        "statement": {
            "anyOf": [
                {"type": "string", "description": "an op, block or module without arguments"},
                {"type": "object", "properties": _control() | {name: op_schema(op) for name, op in OPS.items()}},
            ]
        },
    }


def _control() -> dict[str, Any]:
    statements = {"$ref": "#/definitions/statements"}
    return {
        "repeat": EXPRESSION | {"description": "how often `layers` runs, each time with parameters of its own"},
        "layers": statements,
        "let": {"type": "object", "description": "tensor arithmetic: {z: mu + eps * std}"},
        "as": {"type": "string", "description": "name the previous result"},
        "list": NAMES | {"description": "new, empty lists of tensors"},
        "append": TENSORS | {"description": "{keys: key}: keys.append(key)"},
        "replace": TENSORS | {"description": "{keys: key}: keys[i] = key, i the running iteration of a loop"},
        "item": {
            "description": "keys[i], i the running iteration of a loop",
            "anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": False, "properties": {"in": NAMES, "as": NAMES}}],
        },
        "del": NAMES, "retain": {"type": "string"}, "no_grad": statements, "no_autocast": statements,
    }  # fmt: skip


def op_schema(op: Op) -> dict[str, Any]:
    """The arguments of one op: its leading argument alone, or a mapping."""
    properties = {"in": NAMES, "as": NAMES, "name": {"type": "string"}} | {a.name: _argument(a) for a in op.arguments}
    return {
        "description": op.equation,
        "anyOf": [
            {"type": ["string", "number", "boolean", "array", "null"]},
            {"type": "object", "additionalProperties": False, "properties": properties},
        ],
    }


def _argument(argument: Argument) -> dict[str, Any]:
    kinds = [TYPES[k] for k in argument.kinds]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
