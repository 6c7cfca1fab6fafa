"""What the steady forward leaves for backward, line by line of the config: as predicted, and as it was allocated."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from validation.figures import forward_of
from validation.nullcuda.timeline import Timeline, is_tensor

Lines = Mapping[str, tuple[int, int]]  # "op file.yaml:12" -> bytes predicted and measured


def kept_by_line(analysis: Analysis, timeline: Timeline) -> Lines:
    """Bytes that are alive when the last backward begins and were allocated since its forward did, the largest first."""
    expected, real, ops = dict[str, int](), dict[str, int](), dict[str, str]()
    start, end = analysis.timeline.marks["forward"], analysis.timeline.marks["backward"]
    for life in analysis.timeline.alive(end):
        if start < life.birth < end and (size := evaluate(life.size, analysis.graph.symbols)):
            line = f"{life.origin.path.rpartition('/')[2]}:{life.origin.line}"
            expected[line] = expected.get(line, 0) + size
            ops.setdefault(line, life.op or life.label)
    since, until = forward_of(timeline, analysis.run)
    for allocation in timeline.alive(until - 1):
        if allocation.born >= since and is_tensor(allocation):
            op, _, line = allocation.where.rpartition(" ")
            real[line] = real.get(line, 0) + allocation.bytes
            ops[line] = op or ops.get(line, "")
    order = sorted(expected | real, key=lambda line: -max(expected.get(line, 0), real.get(line, 0)))
    return {f"{ops[line]} {line}": (expected.get(line, 0), real.get(line, 0)) for line in order}
