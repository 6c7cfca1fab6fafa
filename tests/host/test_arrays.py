"""Bytes of arrays against scipy: every format and index dtype, and the figures of CPA's perturbations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from analyzer.functions import FUNCTIONS
from analyzer.polynomial import symbol
from tests.host.measuring import described, with_nonzeros

N, L = 100_000, 10
FORMATS = ("csr", "csc", "coo")


def buffers(matrix: Any) -> dict[str, int]:
    """Bytes of each buffer of a scipy matrix."""
    names = ("data", "row", "col") if matrix.format == "coo" else ("data", "indices", "indptr")
    return {name: getattr(matrix, name).nbytes for name in names}


@pytest.mark.parametrize(("rows", "columns", "nonzeros"), [(1, 1, 1), (7, 3, 0), (301, 17, 977), (17, 301, 2000), (1000, 10, 10_000)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int8", "bool", "uint16"])
@pytest.mark.parametrize("form", FORMATS)
def test_buffers_are_scipys(form: str, dtype: str, rows: int, columns: int, nonzeros: int, tmp_path: Path) -> None:
    array = {"shape": ["N", "L"], "dtype": dtype, "format": form, "nonzeros": nonzeros}
    told = described({"arrays": {"x": array}}, tmp_path, N=rows, L=columns).arrays[0]
    matrix = getattr(sparse, f"{form}_matrix")(with_nonzeros(rows, columns, nonzeros, dtype))

    assert {part.name: part.amount.value for part in told.buffers} == buffers(matrix)
    assert told.amount.value == sum(buffers(matrix).values())
    assert told.index == matrix.tocoo().row.dtype == "int32"


LARGE = 2**31
SHAPES = [(LARGE - 1, 2), (LARGE, 2), (2, LARGE - 1), (2, LARGE)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", ["coo", "csr", "csc"])
def test_indices_are_wide_where_a_dimension_needs_it(form: str, shape: tuple[int, int], tmp_path: Path) -> None:
    one = sparse.coo_matrix(([1.0], ([0], [0])), shape=shape)
    lines = {"coo": 0, "csr": shape[0], "csc": shape[1]}[form]
    matrix = one if lines > 2 else one.asformat(form)  # indptr of the others would take 16 GiB
    index = matrix.row.dtype if matrix.format == "coo" else matrix.indices.dtype
    told = described({"arrays": {"x": {"shape": list(shape), "dtype": "float64", "format": form, "nonzeros": 1}}}, tmp_path)

    assert told.arrays[0].index == index
    assert lines > 2 or told.arrays[0].amount.value == sum(buffers(matrix).values())


@pytest.mark.parametrize("nonzeros", [LARGE - 1, LARGE])
def test_indices_of_csr_are_wide_where_the_nonzeros_need_it(nonzeros: int, tmp_path: Path) -> None:
    index = sparse.get_index_dtype(maxval=nonzeros)
    arrays = {form: {"shape": [100_000, 100_000], "format": form, "nonzeros": nonzeros} for form in FORMATS}
    told = described({"arrays": arrays}, tmp_path).arrays

    assert [a.index for a in told] == [np.dtype(index).name, np.dtype(index).name, "int32"]


def perturbations(per_row: object, columns: object = "L") -> dict[str, Any]:
    """CPA's two arrays, sparse."""
    shape = {"shape": ["N", columns], "format": "csr", "nonzeros_per_row": per_row}
    return {"arrays": {"perts": {**shape, "dtype": "int64"}, "doses": {**shape, "dtype": "float64"}}}


def measured(nonzeros: int, columns: int) -> int:
    """Bytes of CPA's two arrays as scipy stores them."""
    matrices = [sparse.csr_matrix(with_nonzeros(N, columns, nonzeros, dtype)) for dtype in ("int64", "float64")]
    return sum(sum(buffers(m).values()) for m in matrices)


TABLE = {1: (3.20, 80.0), 1.5: (4.40, 72.5), 2: (5.60, 65.0), 3: (8.00, 50.0), 10: (24.80, -55.0)}  # nonzeros per row: MB, % saved


@pytest.mark.parametrize("per_row", TABLE)
def test_the_table_by_nonzeros_per_row(per_row: float, tmp_path: Path) -> None:
    host = described(perturbations(per_row), tmp_path, N=N, L=L)

    assert host.dense.value == 16_000_000 == 2 * with_nonzeros(N, L, 0, "int64").nbytes
    assert host.stored.value == measured(int(per_row * N), L)
    assert round(host.stored.value / 1e6, 2) == TABLE[per_row][0]
    assert round(100 - 100 * host.stored.value / host.dense.value, 1) == TABLE[per_row][1]


@pytest.mark.parametrize(("per_row", "megabytes"), [(1, 3.20), (2, 5.60)])
def test_short_combinations_save_nothing(per_row: int, megabytes: float, tmp_path: Path) -> None:
    host = described(perturbations(per_row), tmp_path, N=N, L=2)

    assert host.stored.value == measured(per_row * N, 2)
    assert round(host.stored.value / 1e6, 2) == megabytes
    assert round(host.dense.value / 1e6, 2) == 3.20


def test_closed_forms_are_those_of_csr(tmp_path: Path) -> None:
    (perts, _) = described(perturbations("k"), tmp_path, N=N, L=L, k=1).arrays

    assert perts.amount.form == 12 * symbol("k") * symbol("N") + 4 * (symbol("N") + 1)
    assert perts.dense.form == 8 * symbol("N") * symbol("L")


@pytest.mark.parametrize("columns", [2, 3, 10, 33])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["int64", "float32", "int8"])
def test_break_even_is_where_scipy_says(form: str, dtype: str, columns: int, tmp_path: Path) -> None:
    rows = 211
    array = {"shape": ["N", "L"], "dtype": dtype, "format": form, "nonzeros": 0}
    (told,) = described({"arrays": {"x": array}}, tmp_path, N=rows, L=columns).arrays
    even = told.break_even
    assert even is not None
    most = even.nonzeros.value

    def scipys(nonzeros: int) -> int:
        return sum(buffers(getattr(sparse, f"{form}_matrix")(with_nonzeros(rows, columns, nonzeros, dtype))).values())

    assert most == 0 or scipys(most) <= told.dense.value
    assert most + 1 > rows * columns or scipys(most + 1) > told.dense.value
    assert 0 <= even.per_row.value * rows - most < (2 if form == "csr" else 1) or most == 0
    assert even.density.value == pytest.approx(even.per_row.value / columns)


def test_break_even_of_cpas_arrays(tmp_path: Path) -> None:
    (perts, _) = described(perturbations(1), tmp_path, N=N, L=L).arrays
    assert perts.break_even is not None
    per_row, density = perts.break_even.per_row, perts.break_even.density

    assert (per_row.formula, density.formula) == ("(8*L - 4)/12", "(8*L - 4)/(12*L)")
    assert per_row.value == (8 * L - 4) / 12
    assert eval(density.formula, {**FUNCTIONS, "L": L}) == density.value


@pytest.mark.parametrize(("given", "nonzeros", "condition"), [
    ({"density": 0.1}, 1100, ["(L*N)%10 == 0"]),
    ({"density": "1/7"}, -(-11_000 // 7), []),
    ({"nonzeros_per_row": 1.5}, 1500, ["(3*N)%2 == 0"]),
], ids=str)  # fmt: skip
def test_nonzeros_are_whole(given: dict[str, Any], nonzeros: int, condition: list[str], tmp_path: Path) -> None:
    host = described({"arrays": {"x": {"shape": ["N", "L"], "format": "csr", **given}}}, tmp_path, N=1000, L=11)

    assert host.arrays[0].nonzeros is not None
    assert host.arrays[0].nonzeros.value == nonzeros
    assert [c for c in host.valid_while if "%" in c] == condition
