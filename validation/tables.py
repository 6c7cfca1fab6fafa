"""A measured row as lines for a terminal of 80 columns. Without torch."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.gpus import context_of
from analyzer.sizes import Device
from validation.rows import Row

SHOWN = {"allocated": "max_memory_allocated", "reserved": "max_memory_reserved"}
NEEDS_A_GPU = "needs a GPU"


def figure_lines(row: Row) -> list[str]:
    """Each figure predicted and measured, and by how much the prediction is off."""
    lines = [f"{'bytes':26}{'predicted':>19}{'measured':>19}  error"]
    for name, value in row.measured.items():
        lines.append(f"{SHOWN.get(name, name):26}{row.predicted(name):>19,}{value:>19,}  {_error(row.predicted(name), value)}")
    return lines


def device_line(row: Row, on: Device) -> str:
    """The bytes of the card: segments and the context that the catalogue gives it, beside what the driver says."""
    if row.device is None:
        return f"{'card, with context':26}{'':>19}{NEEDS_A_GPU:>19}"
    context = context_of(on)
    if not context:
        return f"{'card, with context':26}{'unknown card':>19}{row.device:>19,}"
    expected = row.predicted("reserved") + context
    return f"{'card, with context':26}{expected:>19,}{row.device:>19,}  {_error(expected, row.device)}"


def saved_lines(saved: Mapping[str, tuple[int, int]], most: int) -> list[str]:
    """What is kept for backward by line of the config, the largest first."""
    if not saved:
        return []
    lines = [f"{'kept for backward, by op':45}{'predicted':>15}{'measured':>15}"]
    for line, (expected, real) in list(saved.items())[:most]:
        lines.append(f"  {line[:43]:43}{expected:>15,}{real:>15,}{'' if expected == real else '  <--'}")
    if len(saved) > most:
        rest = list(saved.values())[most:]
        told = f"{len(rest)} more lines"
        lines.append(f"  {told:43}{sum(e for e, _ in rest):>15,}{sum(r for _, r in rest):>15,}")
    return lines


def _error(expected: int, real: int) -> str:
    if expected == real:
        return "="
    return f"{(expected - real) / real:+.3%}" if real else f"{expected:+,}"
