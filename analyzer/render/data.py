"""The report for programs: JSON after peakform.report/1, and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from analyzer.host_report import HostReport
from analyzer.render.host_data import host_dict, host_rows
from analyzer.report import Amount, Effort, Holding, Peak, Report, Symbol

HEADER = ("section", "name", "formula", "value", "unit")
SCHEMA = "peakform.report/1"


def as_json(report: Report) -> str:
    """One JSON object; schema/report.schema.json describes it."""
    return json.dumps(to_dict(report), indent=2, ensure_ascii=False) + "\n"


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain dicts and lists."""
    memory: dict[str, Any] = {name: _bytes(amount) for name, amount in report.memory.items()}
    memory["kept_by_module"] = [{"module": h.label, **_bytes(h.amount)} for h in report.kept]
    memory["temporaries_at_peak"] = _bytes(report.peak.temporaries)
    memory["peak"] = _peak(report.peak)
    if report.replay:
        memory["peak"]["allocated_bytes"] = report.replay.allocated
        memory["reserved_bytes"] = report.replay.reserved
        memory["device_bytes"] = report.replay.reserved + report.context
    memory["peaks"] = {phase: _bytes(amount) for phase, amount in report.peaks.items()}
    memory["largest_tensor"] = _holding(report.largest_tensor)
    if report.inference:
        memory["inference_peak"] = _peak(report.inference)
    if report.rule_of_thumb:
        memory["rule_of_thumb"] = _bytes(report.rule_of_thumb)
    return {
        "schema": SCHEMA,
        "model": report.model,
        "symbols": {s.name: s.value for s in report.symbols},
        "run": dict(report.run),
        "device": report.device,
        "parameters": {
            **{name: _count(amount) for name, amount in report.totals.items()},
            "modules": [{"path": m.path, **_count(m.amount)} for m in report.modules],
        },
        "layers": [
            {
                "path": row.path, "op": row.op, "calls": row.calls, "shape": row.shape,
                "output": _bytes(row.output), "parameters": _count(row.parameters),
            }
            for row in report.layers
        ],
        "memory": memory,
        "valid_while": list(report.valid_while),
        "functions": "analyzer.functions.FUNCTIONS",
        "feasibility": [
            {
                "gpu": v.gpu, "capacity_bytes": v.capacity, "needed_bytes": v.needed, "fits": v.fits, "answer": v.answer,
                "headroom_bytes": v.headroom, "max": dict(v.largest), "context_bytes": v.context, "estimated": v.estimated,
                "failure": {"tensor": v.failure.label, "op": v.failure.op, "path": v.failure.path, "line": v.failure.line,
                            "phase": v.failure.phase, "bytes": v.failure.requested, "message": v.message} if v.failure else None,
            }
            for v in report.feasibility
        ],
        "effort": _effort(report.effort),
        "tables": [
            {
                "name": t.name, "unit": "elements" if t.units == "elements" else "bytes", "formulas": dict(t.header),
                "rows": [{"symbols": dict(s), "values": dict(v)} for s, v in t.rows],
            }
            for t in report.tables
        ],
        "warnings": list(report.warnings),
        "notes": list(report.notes),
        **({"host": host_dict(report.host)} if report.host else {}),
    }  # fmt: skip


def data_as_json(report: HostReport) -> str:
    """One JSON object with the host memory of a config that describes data and no model."""
    told = {
        "schema": SCHEMA, "model": report.model, "symbols": {s.name: s.value for s in report.symbols},
        "functions": "analyzer.functions.FUNCTIONS", "host": host_dict(report.host),
    }  # fmt: skip
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _bytes(amount: Amount) -> dict[str, Any]:
    return {"formula": amount.formula, "bytes": amount.value}


def _count(amount: Amount) -> dict[str, Any]:
    return {"formula": amount.formula, "value": amount.value}


def _holding(holding: Holding) -> dict[str, Any]:
    return {"tensor": holding.label, **_bytes(holding.amount), "kind": holding.kind}


def _effort(effort: Effort) -> dict[str, Any]:
    return {
        "flops": {phase: _count(amount) for phase, amount in effort.flops.items()},
        "flops_by_dtype": {dtype: _count(amount) for dtype, amount in effort.dtypes.items()},
        "bytes_moved": {phase: _bytes(amount) for phase, amount in effort.moved.items()},
        "time_floor": [
            {"gpu": f.gpu, "seconds": f.least, "arithmetic_seconds": f.arithmetic, "memory_seconds": f.memory} for f in effort.floors
        ],
    }


def _peak(peak: Peak) -> dict[str, Any]:
    return {
        **_bytes(peak.amount), "phase": peak.phase, "where": peak.where, "path": peak.path, "line": peak.line,
        "regime": peak.regime, "alive": [_holding(h) for h in peak.alive],
    }  # fmt: skip


def as_csv(report: Report) -> str:
    """One row per quantity: section, name, formula, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_symbol_rows(report.symbols))
    for name, amount in report.totals.items():
        writer.writerow(("parameters", name, amount.formula, amount.value, "elements"))
    for row in report.modules:
        writer.writerow(("modules", row.path, row.amount.formula, row.amount.value, "elements"))
    for name, amount in report.memory.items():
        writer.writerow(("memory", name, amount.formula, amount.value, "bytes"))
    for phase, amount in report.peaks.items():
        writer.writerow(("peaks", phase, amount.formula, amount.value, "bytes"))
    for verdict in report.feasibility:
        writer.writerow(("feasibility", verdict.gpu, f"max {dict(verdict.largest)}", verdict.headroom, "bytes of headroom"))
    for phase, amount in report.effort.flops.items():
        writer.writerow(("flops", phase, amount.formula, amount.value, "FLOPs"))
    for phase, amount in report.effort.moved.items():
        writer.writerow(("bytes_moved", phase, amount.formula, amount.value, "bytes"))
    for floor in report.effort.floors:
        writer.writerow(("time_floor", floor.gpu, "", int(floor.least * 1e9), "nanoseconds, a bound"))
    writer.writerows(host_rows(report.host) if report.host else ())
    return out.getvalue()


def data_as_csv(report: HostReport) -> str:
    """The rows of a config that describes data and no model."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_symbol_rows(report.symbols))
    writer.writerows(host_rows(report.host))
    return out.getvalue()


def _symbol_rows(symbols: Iterable[Symbol]) -> Iterator[tuple[str, str, str, int, str]]:
    return (("symbols", symbol.name, symbol.definition, symbol.value, "") for symbol in symbols)
