"""Host memory for programs: the `host` of the JSON report, and rows of its CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analyzer.host.formats import Ratio
from analyzer.host_report import Claimed, Host, HostArray, HostItem, HostStage
from analyzer.render.host import verdict
from analyzer.report import Amount


def host_dict(host: Host) -> dict[str, Any]:
    """Host memory as plain dicts and lists."""
    return {
        "arrays": [_array(a) for a in host.arrays],
        "stored": _bytes(host.stored),
        "dense": _bytes(host.dense),
        "stages": [_stage(s) for s in host.stages],
        "peak": _stage(host.peak),
        "gathering": [
            {
                "name": g.name, "by": g.by, "arrays": {"formula": g.arrays.formula, "value": g.arrays.value},
                "one_array": _bytes(g.one), "ways": {by: _bytes(amount) for by, amount in g.ways.items()},
            }
            for g in host.gathered
        ],
        "claims": [_claim(c) for c in host.claims],
        "valid_while": list(host.valid_while),
    }  # fmt: skip


def _bytes(amount: Amount) -> dict[str, Any]:
    return {"formula": amount.formula, "bytes": amount.value}


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {"formula": ratio.formula, "value": ratio.value}


def _items(items: tuple[HostItem, ...]) -> list[dict[str, Any]]:
    return [{"name": item.name, **_bytes(item.amount)} for item in items]


def _stage(stage: HostStage) -> dict[str, Any]:
    return {"name": stage.name, "kind": stage.kind, **_bytes(stage.amount), "items": _items(stage.items)}


def _array(array: HostArray) -> dict[str, Any]:
    even = array.break_even
    return {
        "name": array.name, "format": array.format, "shape": array.shape, "dtype": array.dtype, "index_dtype": array.index or None,
        "nonzeros": {"formula": array.nonzeros.formula, "value": array.nonzeros.value} if array.nonzeros else None,
        "buffers": _items(array.buffers), **_bytes(array.amount), "dense": _bytes(array.dense),
        "break_even": {
            "format": even.format, "nonzeros": {"formula": even.nonzeros.formula, "value": even.nonzeros.value},
            "nonzeros_per_row": _ratio(even.per_row), "density": _ratio(even.density),
        } if even else None,
    }  # fmt: skip


def _claim(claim: Claimed) -> dict[str, Any]:
    return {
        "subject": claim.subject, "claimed": claim.claimed, "of_bytes": claim.whole, "saved_bytes": claim.saved,
        "possible_bytes": claim.possible, "holds": claim.holds, "can_hold": claim.can_hold,
        "nonzeros_per_row_needed": _ratio(claim.needed) if claim.needed else None, "text": verdict(claim),
    }  # fmt: skip


def host_rows(host: Host) -> Iterator[tuple[str, str, str, int, str]]:
    """Rows of the CSV: arrays, stages, and the items of the peak."""
    for array in host.arrays:
        yield "host arrays", array.name, array.amount.formula, array.amount.value, "bytes"
    for stage in host.stages:
        yield "host stages", stage.name, stage.amount.formula, stage.amount.value, "bytes"
    for item in host.peak.items:
        yield "host peak", item.name, item.amount.formula, item.amount.value, "bytes"
