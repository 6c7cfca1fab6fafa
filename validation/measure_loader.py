"""Page-locked batches of PyTorch's DataLoader, counted by its host allocator, beside what `data:` says of the same loader.

Run with a CUDA build of PyTorch: `validation/nullcuda/run.sh -m validation.measure_loader`. Exit status 1 when they differ.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

from analyzer.assemble_host import host_report
from analyzer.build.model import read_model

ROWS, WIDTH = 4096, 33
CONFIG = """
symbols: {{N: {rows}, Z: {width}, B: {batch}, W: {workers}, F: {prefetch}}}
data:
  arrays: {{x: [N, Z], y: {{shape: [N], dtype: int64}}}}
  loader: {{batch: B, workers: W, prefetch_factor: F, pin_memory: true, collate: samples}}
"""


def predicted(batch: int, workers: int, prefetch: int) -> int:
    """Bytes of page-locked blocks that the section tells, every batch ahead ready."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "loader.yaml"
        path.write_text(CONFIG.format(rows=ROWS, width=WIDTH, batch=batch, workers=workers, prefetch=prefetch), encoding="utf-8")
        (stage,) = host_report(read_model(path), {}).host.stages
    return sum(item.amount.value for item in stage.items if item.name.endswith(", pinned"))


def measured(batch: int, workers: int, prefetch: int) -> int:
    """Bytes of page-locked blocks in use while the loop holds the first batch and no more are made."""
    dataset = TensorDataset(torch.ones(ROWS, WIDTH), torch.ones(ROWS, dtype=torch.int64))
    batches = iter(DataLoader(dataset, batch_size=batch, num_workers=workers, prefetch_factor=prefetch, pin_memory=True))
    first = next(batches)
    used, seen = -1, 0
    while seen < 5:
        time.sleep(0.2)
        now = int(torch._C._cuda_hostMemoryStats()["active_bytes"]["current"])
        used, seen = now, seen + 1 if now == used else 0
    del first, batches
    return used


def main() -> int:
    """Print predicted and measured bytes of several loaders; 1 when one differs."""
    torch.zeros(1, device="cuda")
    wrong = 0
    for case in ((64, 2, 2), (64, 3, 4), (100, 1, 2), (7, 2, 3)):
        told, found = predicted(*case), measured(*case)
        wrong += told != found
        print(
            f"batch {case[0]}, {case[1]} workers x {case[2]}: predicted {told:,}, measured {found:,}{'' if told == found else '  DIFFERS'}"
        )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
