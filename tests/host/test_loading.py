"""What a DataLoader keeps: batches ahead counted in PyTorch, making a batch under tracemalloc, copies in processes."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.utils.data import BatchSampler, DataLoader, Dataset, SequentialSampler

from analyzer.functions import pow2_ceil
from tests.host.measuring import NOISE, described, stage, traced, with_nonzeros

N, WIDTH = 4096, 33


def loaded(tmp_path: Path, loader: dict[str, Any], arrays: dict[str, Any] | None = None, **symbols: int) -> dict[str, int]:
    """What the section says of a loader, by item, the arrays left out."""
    told = {"x": {"shape": ["N", "Z"], "dtype": "float32"}} if arrays is None else arrays
    host = described({"arrays": told, "loader": loader}, tmp_path, **({"N": N, "Z": WIDTH, "B": 64} | symbols))
    return {item.name: item.amount.value for item in stage(host, "loading").items if item.name not in told}


class Counted(Dataset[Any]):
    """Batches of an array, sliced by a whole batch of indices; counts those that are made."""

    def __init__(self) -> None:
        self.made = multiprocessing.Value("i", 0)

    def __getitem__(self, rows: Any) -> Any:
        with self.made.get_lock():
            self.made.value += 1
        return np.ones((len(rows), WIDTH), dtype=np.float32)

    def __len__(self) -> int:
        return N


def settled(dataset: Counted) -> int:
    """How many batches are made when no more are."""
    made, same = -1, 0
    while same < 5:
        same = same + 1 if dataset.made.value == made else 0
        made = dataset.made.value
        time.sleep(0.1)
    return made


@pytest.mark.parametrize(("workers", "prefetch"), [(1, 2), (2, 3)])
def test_batches_ahead_are_those_that_pytorch_makes(workers: int, prefetch: int, tmp_path: Path) -> None:
    dataset = Counted()
    sampler = BatchSampler(SequentialSampler(range(N)), batch_size=64, drop_last=False)
    loader = DataLoader(
        dataset, sampler=sampler, batch_size=None, num_workers=workers, prefetch_factor=prefetch, multiprocessing_context="fork"
    )
    batches: Iterator[Any] = iter(loader)
    first = next(batches)
    made = settled(dataset)
    next(batches)
    then = settled(dataset)
    del batches
    told = loaded(tmp_path, {"batch": "B", "workers": workers, "prefetch_factor": prefetch})
    copied = told.get("batches that workers copy to shared memory", 0)

    assert first.is_shared()
    assert (made, then) == (workers * prefetch + 1, workers * prefetch + 2)
    assert told["the batch in the loop"] == first.untyped_storage().nbytes() == 64 * WIDTH * 4
    assert (told.get("batches made ahead", 0) + copied) // told["the batch in the loop"] == workers * prefetch


def test_without_workers_the_loop_holds_a_batch_while_the_next_is_made(tmp_path: Path) -> None:
    array = np.ones((40_000, WIDTH), dtype=np.float32)

    def loop() -> None:
        for start in range(0, 40_000, 10_000):
            batch = array[np.arange(start, start + 10_000)]  # noqa: F841

    told = loaded(tmp_path, {"batch": "B"}, N=40_000, B=10_000)
    peak, _ = traced(loop)

    assert told == {"the batch in the loop": 1_320_000, "the next batch while it is made": 1_320_000}
    assert sum(told.values()) <= peak <= sum(told.values()) + 10_000 * 8 + NOISE  # the indices


CASES: dict[str, tuple[dict[str, Any], Callable[[Any, Any], Any]]] = {
    "dense": ({}, lambda x, rows: x[rows]),
    "dense, cast": ({"cast": "float32"}, lambda x, rows: x[rows].astype(np.float32)),
    "csr": ({"format": "csr"}, lambda x, rows: x[rows].toarray()),
    "csr, cast": ({"format": "csr", "cast": "float32"}, lambda x, rows: x[rows].toarray().astype(np.float32)),
    "csc": ({"format": "csc"}, lambda x, rows: x[rows].toarray()),
    "csc, cast": ({"format": "csc", "cast": "float32"}, lambda x, rows: x[rows].toarray().astype(np.float32)),
}


@pytest.mark.parametrize(("rows", "columns", "batch", "per_row"), [(200_000, 40, 50_000, 5), (100_000, 10, 128, 1), (50_000, 3, 20_000, 3)])
@pytest.mark.parametrize("case", CASES)
def test_making_a_batch(case: str, rows: int, columns: int, batch: int, per_row: int, tmp_path: Path) -> None:
    settings, make = CASES[case]
    form = settings.get("format", "dense")
    array: dict[str, Any] = {"shape": ["N", "L"], "dtype": "float64", "format": form}
    array |= {} if form == "dense" else {"nonzeros_per_row": "k"}
    loader = {"batch": "B"} | ({"dtype": settings["cast"]} if "cast" in settings else {})
    dense = with_nonzeros(rows, columns, rows * per_row, "float64")
    stored = dense if form == "dense" else getattr(sparse, f"{form}_matrix")(dense)
    chosen = np.random.default_rng(0).permutation(rows)[:batch]
    if form != "dense":
        stored[:3]  # what scipy makes once is made
    peak, _ = traced(lambda: make(stored, chosen))
    told = loaded(tmp_path, loader, {"x": array}, N=rows, L=columns, B=batch, k=per_row)["the next batch while it is made"]

    assert told <= peak <= told + NOISE


def test_workers_copy_to_shared_memory_what_they_made(tmp_path: Path) -> None:
    told = loaded(tmp_path, {"batch": "B", "workers": 3, "prefetch_factor": 4})
    batch = 64 * WIDTH * 4

    assert told == {
        "batches made ahead": 9 * batch, "the batch in the loop": batch,
        "batches that workers copy to shared memory": 3 * batch, "what workers copy them from": 3 * batch,
    }  # fmt: skip


def test_samples_of_dense_arrays_are_views(tmp_path: Path) -> None:
    told = loaded(tmp_path, {"batch": "B", "collate": "samples"})
    array = np.ones((N, WIDTH), dtype=np.float32)
    samples = [torch.from_numpy(array)[i] for i in range(64)]
    batch = torch.utils.data.default_collate(samples)

    assert {s.untyped_storage().data_ptr() for s in samples} == {array.ctypes.data}
    assert told == {"the batch in the loop": batch.nbytes, "the next batch": batch.nbytes}


def test_pinned_batches_stand_in_blocks_of_a_power_of_two(tmp_path: Path) -> None:
    told = loaded(tmp_path, {"batch": "B", "workers": 2, "prefetch_factor": 2, "pin_memory": True})
    batch = 64 * WIDTH * 4

    assert told["the batch in the loop, pinned"] == 16384 == pow2_ceil(batch)
    assert told["a batch in shared memory while it is pinned"] == batch


PRIVATE = """
import multiprocessing, numpy
def private():
    lines = open('/proc/self/smaps_rollup').read().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(('Private_Clean', 'Private_Dirty')))
def child(array, told):
    array.sum()
    told.put(private())
def measured(start, size):
    context = multiprocessing.get_context(start)
    told, array = context.Queue(), numpy.ones(size, dtype=numpy.uint8)
    process = context.Process(target=child, args=(array, told))
    process.start()
    result = told.get()
    process.join()
    return result
if __name__ == '__main__':
    for start in ('fork', 'spawn'):
        print(measured(start, 1 << 28) - measured(start, 1))
"""


def test_forked_workers_share_arrays_and_spawned_ones_copy_them(tmp_path: Path) -> None:
    script = tmp_path / "private.py"
    script.write_text(PRIVATE, encoding="utf-8")
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    forked, spawned = map(int, result.stdout.split())
    arrays = {"x": {"shape": ["N"], "dtype": "uint8"}}
    told = loaded(tmp_path, {"batch": 1, "workers": 1, "start": "spawn"}, arrays, N=1 << 28)

    assert abs(forked) < 8 << 20
    assert abs(spawned - told["copies of the arrays in spawned workers"]) < 8 << 20
    assert "copies of the arrays in spawned workers" not in loaded(tmp_path, {"batch": 1, "workers": 1}, arrays, N=1 << 28)
