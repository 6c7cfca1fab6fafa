"""The JSON Schema of the `data:` section, for editors."""

from __future__ import annotations

from typing import Any

from analyzer.host.gathering import WAYS
from analyzer.host.read import COLLATES, INDEX, STARTS
from analyzer.host.read_steps import KEYS, PARTS
from analyzer.host.source import FORMATS, NUMPY

NAME = {"type": "string"}
NAMES = {"type": ["string", "array"], "items": NAME}
SIZE = {"type": ["string", "number"], "description": "a number, or an expression over symbols"}
SHAPE = {"type": "array", "minItems": 1, "items": SIZE}
DTYPE = {"enum": list(NUMPY)}
CLAIM = {
    "type": ["number", "array"], "items": {"type": "number"},
    "description": "what somebody says is saved: a fraction below 1, or bytes",
}  # fmt: skip


def data_schema() -> dict[str, Any]:
    """The section: arrays, the steps that prepare them, the loader, and how predictions are gathered."""
    return {
        "description": "what lies in host memory and how it moves",
        **_object(
            {
                "arrays": _named({"anyOf": [SHAPE, _object(_array(), "shape")]}),
                "prepare": {"type": "array", "items": {"anyOf": [_object({word: _step(word)}, word) for word in KEYS]}},
                "loader": _object(_loader(), "batch"),
                "predictions": _named(_object(_prediction(), "shape", "batch")),
            }
        ),
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _named(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


def _array() -> dict[str, Any]:
    return {
        "shape": SHAPE, "dtype": DTYPE, "format": {"enum": list(FORMATS)}, "index_dtype": {"enum": list(INDEX)},
        "claim": CLAIM, "doc": NAME,
        "density": SIZE | {"description": "the part of the elements that is not zero"},
        "nonzeros": SIZE | {"description": "how many elements are stored"},
        "nonzeros_per_row": SIZE | {"description": "how many elements of a row are stored, in the mean"},
        "at_least": SIZE | {"description": "how many elements of a row are always stored"},
    }  # fmt: skip


def _step(word: str) -> dict[str, Any]:
    if word == "del":
        return NAMES
    known = {"shape": SHAPE, "dtype": DTYPE, "in": NAMES, "as": NAME, "parts": {"enum": list(PARTS)}}
    return _object({key: known[key] for key in KEYS[word]}, "as")


def _loader() -> dict[str, Any]:
    return {
        "batch": SIZE, "arrays": NAMES, "workers": SIZE, "prefetch_factor": SIZE, "pin_memory": {"type": "boolean"},
        "start": {"enum": list(STARTS)}, "collate": {"enum": list(COLLATES)}, "dtype": DTYPE,
    }  # fmt: skip


def _prediction() -> dict[str, Any]:
    return {"shape": SHAPE, "dtype": DTYPE, "arrays": SIZE, "batch": SIZE, "by": {"enum": list(WAYS)}, "claim": CLAIM, "doc": NAME}
