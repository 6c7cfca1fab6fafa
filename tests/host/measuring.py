"""Ways to ask what the `data:` section of a config comes to, and ways to measure what numpy, scipy and PyTorch really take."""

import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from analyzer.assemble_host import host_report
from analyzer.build.model import read_model
from analyzer.host_report import Host, HostStage

NOISE = 16 << 10  # what the interpreter and scipy's own small objects take while something is measured


def described(data: Mapping[str, Any], tmp_path: Path, **symbols: int) -> Host:
    """Host memory of a config that is nothing but symbols and data."""
    path = tmp_path / "case.yaml"
    path.write_text(yaml.safe_dump({"symbols": symbols or {"unused": 1}, "data": dict(data)}, sort_keys=False), encoding="utf-8")
    return host_report(read_model(path), {}).host


def stage(host: Host, name: str) -> HostStage:
    """The stage whose name contains a text."""
    (found,) = (s for s in host.stages if name in s.name)
    return found


def traced(measured: Callable[[], Any]) -> tuple[int, int]:
    """By how many bytes traced memory rises while something runs, and by how many it stays higher while its result lives."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = measured()
        after, peak = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return peak - before, after - before


def resident(script: str) -> int:
    """By how many bytes the resident memory of a fresh process peaks while `work()`, which the script defines, runs."""
    code = f"""
{script}
def kibibytes(key):
    return next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith(key))
base = kibibytes('VmRSS')
work()
print((kibibytes('VmHWM') - base) * 1024)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(result.stdout)


def with_nonzeros(rows: int, columns: int, nonzeros: int, dtype: str) -> np.ndarray[Any, Any]:
    """A dense array with so many elements that are not zero, spread over rows evenly."""
    dense = np.zeros((rows, columns), dtype=dtype)
    each, left = divmod(nonzeros, rows)
    dense[:, :each] = 1
    if left:
        dense[:left, each] = 1
    assert np.count_nonzero(dense) == nonzeros
    return dense
