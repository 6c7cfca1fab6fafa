"""Numbers for people. Memory is bytes everywhere else; 1 GiB is 2**30 bytes, 1 MB is 1e6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from analyzer.run.settings import Run

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
DECIMAL = {"bytes": 1, "MB": 10**6, "GB": 10**9, "MiB": MIB, "GiB": GIB}


def binary(size: int) -> str:
    """Bytes with a binary unit: 3.51 TiB, 332.37 MiB, 512 B."""
    amount, sign = abs(size), "-" if size < 0 else ""
    for unit, scale in (("TiB", 1 << 40), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if amount >= scale:
            return f"{sign}{amount / scale:,.2f} {unit}"
    return f"{sign}{amount} B"


def count(number: int) -> str:
    """A whole number with separators."""
    return f"{number:,}"


def in_unit(size: int, unit: str) -> str:
    """Bytes as a plain number of the given unit, exact where it is short."""
    scale = DECIMAL.get(unit, 1)
    if scale == 1:
        return f"{size:,}"
    return f"{size / scale:,.3f}".rstrip("0").rstrip(".")


def settings(run: Mapping[str, object]) -> str:
    """The run settings that matter to a reader: the first three, and those that differ from the default."""
    default = asdict(Run())
    shown = {k: v for i, (k, v) in enumerate(run.items()) if i < 3 or v != default[k]}
    return ", ".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in shown.items())
