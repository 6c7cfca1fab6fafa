"""The steps under `prepare`, read: functions of numpy and scipy with the names they read and make."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from analyzer.build.source import Problems, as_items, check_keys, words
from analyzer.document import Mapping, Scalar, Value
from analyzer.host.source import Array, Step
from analyzer.host.words import MAX_ENTRIES, Words
from analyzer.problems import Origin, nearest

SPARSE = ("csr_matrix", "csc_matrix", "coo_matrix")
KEYS = {
    "empty": ("shape", "dtype", "as"), "vstack": ("in", "parts", "shape", "dtype", "as"), "concatenate": ("in", "as"),
    "astype": ("in", "dtype", "as"), "copy": ("in", "as"), **dict.fromkeys(SPARSE, ("in", "as")), "toarray": ("in", "as"), "del": (),
}  # fmt: skip
PARTS = ("lists", "arrays", "references")
NEEDS_INPUT = ("concatenate", "astype", "copy", *SPARSE, "toarray")


def read_steps(value: Value | None, arrays: MappingOf[str, Array], reading: Words, problems: Problems) -> tuple[Step, ...]:
    """The steps in order; what cannot be read is left out and told."""
    found: list[Step] = []
    items = as_items(value, "prepare", problems)
    if len(items) > MAX_ENTRIES and value is not None:
        problems.add(value.origin, f"prepare has more than {MAX_ENTRIES} entries")
    for item in items[:MAX_ENTRIES]:
        if not isinstance(item, Mapping) or len(item.entries) != 1:
            problems.add(item.origin, "a step is one function with what it takes", "- vstack: {shape: [N, 10], parts: lists, as: x}")
            continue
        ((key, body),) = item.entries
        if str(key.value) not in KEYS:
            problems.add(key.origin, f"unknown step '{key.value}'", nearest(str(key.value), KEYS))
        elif key.value == "del":
            named = words(body, "del", problems)
            found.append(Step("del", key.origin, tuple((str(w.value), w.origin) for w in named)))
        elif isinstance(body, Mapping):
            found += _step(key, body, arrays, reading, problems)
        else:
            problems.add(body.origin, f"{key.value} takes a mapping", f"known: {', '.join(KEYS[str(key.value)])}")
    return tuple(found)


def _step(key: Scalar, body: Mapping, arrays: MappingOf[str, Array], reading: Words, problems: Problems) -> list[Step]:
    word, before = str(key.value), len(problems.found)
    check_keys(body, KEYS[word], word, problems)
    inputs = tuple((str(w.value), w.origin) for w in words(body.get("in"), "in", problems))
    result = _result(body.get("as"), word, key.origin, reading, problems)
    if word in NEEDS_INPUT and not inputs:
        problems.add(key.origin, f"{word} needs 'in'", "in: the name of an array")
    shape, dtype = None, reading.dtype(body.get("dtype"), "")
    makes = word == "empty" or (word == "vstack" and body.get("parts") is not None)
    declared = arrays.get(result)
    if makes and body.get("shape") is None and declared:
        shape, dtype = declared.shape, dtype or declared.dtype
    elif makes:
        shape = reading.shape(body.get("shape"), word, key.origin)
    if word == "vstack" and not makes and not inputs:
        problems.add(key.origin, "vstack needs 'parts' or 'in'", f"parts: one of {', '.join(PARTS)}; or in: arrays by name")
    parts = reading.choice(body.get("parts"), "parts", PARTS, "") if word == "vstack" else ""
    if len(problems.found) > before:
        return []
    return [Step(word, key.origin, inputs, result, shape, dtype, parts)]


def _result(value: Value | None, word: str, place: Origin, reading: Words, problems: Problems) -> str:
    if isinstance(value, Scalar) and isinstance(value.value, str):
        return reading.name(value, "an array")
    problems.add(value.origin if value else place, f"{word} needs 'as'", "as: a name for the array it makes")
    return ""
