"""Numbers for people. Memory is bytes everywhere else; 1 GiB is 2**30 bytes, 1 MB is 1e6."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.report import stated

GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
DECIMAL = {"bytes": 1, "elements": 1, "kB": 1000, "KiB": KIB, "MB": 10**6, "GB": 10**9, "MiB": MIB, "GiB": GIB}


def binary(size: int) -> str:
    """Bytes with a binary unit: 3.51 TiB, 332.37 MiB, 512 B."""
    amount, sign = abs(size), "-" if size < 0 else ""
    for unit, scale in (("TiB", 1 << 40), ("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if amount >= scale:
            return f"{sign}{amount / scale:,.2f} {unit}"
    return f"{sign}{amount} B"


def decimal(number: int) -> str:
    """A count with a decimal prefix: 1.23 T, 45.00 G, 678."""
    for prefix, scale in (("E", 10**18), ("P", 10**15), ("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= scale:
            return f"{number / scale:,.2f} {prefix}"
    return str(number)


def duration(seconds: float) -> str:
    """A time with its unit: 1.50 h, 2.34 s, 5.67 ms, 8.90 µs."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.2f} h"
    unit, scale = ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)
    return f"{seconds * scale:.2f} {unit}"


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
    """The run settings that matter to a reader: `mode=train, precision=fp32, optimizer=AdamW`."""
    return ", ".join(f"{k}={str(v).lower() if isinstance(v, bool) else v}" for k, v in stated(run).items())
