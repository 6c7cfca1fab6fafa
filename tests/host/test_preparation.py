"""Temporaries of preparing data against tracemalloc: vstack, conversions to sparse formats, copies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from tests.host.measuring import NOISE, described, stage, traced, with_nonzeros

SIZES = [(100_000, 10), (20_001, 33)]


def rise(host: Any, name: str, *before: str) -> int:
    """Bytes that a step adds to what is there when it begins."""
    return sum(item.amount.value for item in stage(host, name).items if item.name not in before)


def parts(kind: str, rows: int, columns: int) -> Callable[[], Any]:
    """A call of vstack as the words of the config have it."""
    row = [1.5] * columns
    if kind == "lists":
        given = [row] * rows
        return lambda: np.vstack(given)
    if kind == "references":
        shared = [np.array(row)] * rows
        return lambda: np.vstack(shared)
    return lambda: np.vstack([np.array(row) for _ in range(rows)])


@pytest.mark.parametrize(("rows", "columns"), SIZES)
@pytest.mark.parametrize("kind", ["lists", "arrays", "references"])
def test_stacking_rows(kind: str, rows: int, columns: int, tmp_path: Path) -> None:
    step = {"vstack": {"parts": kind, "shape": ["N", "L"], "dtype": "float64", "as": "x"}}
    told = described({"prepare": [step]}, tmp_path, N=rows, L=columns).peak.amount.value
    peak, left = traced(parts(kind, rows, columns))

    assert told <= peak <= told + NOISE + (rows if kind == "arrays" else 0)  # Python makes a list an eighth longer than asked
    assert 8 * rows * columns <= left <= 8 * rows * columns + NOISE


def test_the_peak_of_cpas_setup(tmp_path: Path) -> None:
    n, width = 100_000, 10
    mapped = {"a": [1] + [0] * (width - 1)}
    names = np.array(["a"] * n)
    steps = [
        {"empty": {"shape": ["N"], "dtype": "object", "as": "rows"}},
        {"vstack": {"parts": "lists", "shape": ["N", "L"], "dtype": "int64", "as": "stacked"}},
        {"del": "rows"},
        {"astype": {"in": "stacked", "dtype": "int64", "as": "perts"}},
    ]
    host = described({"prepare": steps}, tmp_path, N=n, L=width)
    peak, _ = traced(lambda: np.vstack(np.vectorize(lambda x: mapped[x], otypes=[np.ndarray])(names)).astype(int))

    assert host.peak is stage(host, "vstack")
    assert round(host.peak.amount.value / 1e6, 1) == round(peak / 1e6, 1) == 43.2
    assert host.peak.amount.value <= peak <= host.peak.amount.value + NOISE


def test_storing_sparse_does_not_lower_the_peak_of_setup(tmp_path: Path) -> None:
    arrays = {"perts": {"shape": ["N", "L"], "dtype": "int64", "format": "csr", "nonzeros_per_row": 1}}
    stacked = {"vstack": {"parts": "lists", "shape": ["N", "L"], "dtype": "int64", "as": "dense"}}
    sparsely = described(
        {"arrays": arrays, "prepare": [stacked, {"csr_matrix": {"in": "dense", "as": "perts"}}]}, tmp_path, N=100_000, L=10
    )
    densely = described({"prepare": [stacked]}, tmp_path, N=100_000, L=10)

    assert stage(sparsely, "vstack").amount == sparsely.peak.amount == densely.peak.amount


CONVERTED = [(100_000, 10, 25_000), (100_000, 10, 50_000), (100_000, 10, 150_000), (30_001, 7, 200_000), (5_003, 41, 60_000)]


@pytest.mark.parametrize(("rows", "columns", "nonzeros"), CONVERTED)
@pytest.mark.parametrize("dtype", ["int64", "float32", "int8"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_converting_to_sparse(form: str, dtype: str, rows: int, columns: int, nonzeros: int, tmp_path: Path) -> None:
    arrays = {
        "dense": {"shape": ["N", "L"], "dtype": dtype},
        "made": {"shape": ["N", "L"], "dtype": dtype, "format": form, "nonzeros": nonzeros},
    }
    host = described({"arrays": arrays, "prepare": [{f"{form}_matrix": {"in": "dense", "as": "made"}}]}, tmp_path, N=rows, L=columns)
    dense = with_nonzeros(rows, columns, nonzeros, dtype)
    peak, left = traced(lambda: getattr(sparse, f"{form}_matrix")(dense))
    told = rise(host, "matrix", "dense")

    assert told <= peak <= told + NOISE
    assert host.arrays[1].amount.value <= left <= host.arrays[1].amount.value + NOISE


def test_wide_indices_are_not_copied(tmp_path: Path) -> None:
    columns = 2**31
    arrays = {
        "dense": {"shape": [1, columns], "dtype": "int8"},
        "made": {"shape": [1, columns], "dtype": "int8", "format": "coo", "nonzeros": 1_000_000},
    }
    host = described({"arrays": arrays, "prepare": [{"coo_matrix": {"in": "dense", "as": "made"}}]}, tmp_path)

    dense = np.zeros((1, columns), dtype=np.int8)
    dense[0, :1_000_000] = 1
    peak, _ = traced(lambda: sparse.coo_matrix(dense))

    assert host.arrays[1].amount.value == rise(host, "matrix", "dense") == 17_000_000
    assert 17_000_000 <= peak <= 17_000_000 + NOISE


@pytest.mark.parametrize("step", ["toarray", "copy", "astype", "concatenate", "vstack"])
def test_other_steps_take_what_they_make(step: str, tmp_path: Path) -> None:
    rows, columns = 20_001, 13
    dense = with_nonzeros(rows, columns, 3 * rows, "float64")
    matrix = sparse.csr_matrix(dense)
    arrays = {
        "dense": {"shape": ["N", "L"], "dtype": "float64"},
        "sparse": {"shape": ["N", "L"], "dtype": "float64", "format": "csr", "nonzeros_per_row": 3},
    }
    given: dict[str, Any] = {"in": {"toarray": "sparse", "copy": "dense", "astype": "dense"}.get(step, ["dense", "dense"]), "as": "y"}
    host = described(
        {"arrays": arrays, "prepare": [{step: given | ({"dtype": "float32"} if step == "astype" else {})}]}, tmp_path, N=rows, L=columns
    )
    calls: dict[str, Callable[[], Any]] = {
        "toarray": matrix.toarray, "copy": dense.copy, "astype": lambda: dense.astype(np.float32),
        "concatenate": lambda: np.concatenate([dense, dense]), "vstack": lambda: np.vstack([dense, dense]),
    }  # fmt: skip
    peak, _ = traced(calls[step])
    told = rise(host, step, "dense", "sparse")

    assert told <= peak <= told + NOISE


def test_names_live_as_variables_do(tmp_path: Path) -> None:
    steps = [
        {"empty": {"shape": ["N"], "dtype": "float64", "as": "x"}},
        {"copy": {"in": "x", "as": "x"}},
        {"copy": {"in": "x", "as": "y"}},
        {"del": ["x", "y"]},
        {"empty": {"shape": ["N"], "dtype": "int8", "as": "z"}},
    ]
    host = described({"prepare": steps}, tmp_path, N=1000)

    assert [s.amount.value for s in host.stages] == [8000, 16000, 16000, 1000]
