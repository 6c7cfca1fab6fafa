"""The data side of CPA: what its memory note claims, and what holds. Measurements stand in tests/host."""

from pathlib import Path
from typing import Any

import pytest

from tests.host.measuring import described
from tests.host.test_reports import told

MB = 10**6


@pytest.fixture(scope="module")
def host() -> Any:
    return told("cpa-data")["host"]


def stage(host: Any, name: str) -> int:
    """Bytes of the first stage whose name contains a text, without the expression matrix."""
    return int(next(s["bytes"] for s in host["stages"] if name in s["name"]) - 2_000 * MB)


def test_sixteen_megabytes_are_right_as_the_sum_of_two_arrays(host: Any) -> None:
    assert [a["dense"]["bytes"] for a in host["arrays"][1:]] == [8 * MB, 8 * MB]


def test_one_to_two_megabytes_are_wrong(host: Any) -> None:
    assert [a["bytes"] for a in host["arrays"][1:]] == [1_600_004, 1_600_004]
    assert {a["formula"] for a in host["arrays"][1:]} == {"4*(4*N + 1)"}  # 12 bytes per nonzero, one per cell, and 4 per row


@pytest.mark.parametrize(("saved", "needed"), [(0.85, 0.667), (0.90, 0.333)])
def test_the_claimed_saving_cannot_hold(host: Any, saved: float, needed: float) -> None:
    claims = [c for c in host["claims"] if c["claimed"] == saved]

    assert [(c["subject"], c["holds"], c["can_hold"]) for c in claims] == [("perts", False, False), ("doses", False, False)]
    assert {round(c["nonzeros_per_row_needed"]["value"], 3) for c in claims} == {needed}
    assert {round(c["possible_bytes"] / c["of_bytes"], 3) for c in claims} == {0.8}


@pytest.mark.parametrize(("megabytes", "needed"), [(1, 0.083), (2, 0.5)])
def test_what_one_to_two_megabytes_would_need(megabytes: int, needed: float, tmp_path: Path) -> None:
    array = {"shape": ["N", "L"], "dtype": "int64", "format": "csr", "nonzeros_per_row": 1, "claim": 8 * MB - megabytes * MB // 2}
    (claim,) = described({"arrays": {"perts": array}}, tmp_path, N=100_000, L=10).claims

    assert claim.needed is not None
    assert round(claim.needed.value, 3) == needed
    assert not claim.holds


def test_storing_sparse_saves_nothing_at_the_default_length() -> None:
    (_, perts, doses) = told("cpa-data", "L=2")["host"]["arrays"]

    assert perts["bytes"] + doses["bytes"] == 3_200_008
    assert perts["dense"]["bytes"] + doses["dense"]["bytes"] == 3_200_000
    assert perts["break_even"]["nonzeros_per_row"] == {"formula": "(8*L - 4)/12", "value": 1.0}


def test_the_peak_of_setup_is_the_vstack(host: Any) -> None:
    assert stage(host, "vstack as stacked") == 43_200_000
    assert max(s["bytes"] for s in host["stages"] if s["kind"] == "prepare") - 2_000 * MB == 43_200_000 + 8 * MB + 1_600_004


def test_gathering_latents(host: Any) -> None:
    (gathering,) = host["gathering"]
    times = {by: round(amount["bytes"] / gathering["one_array"]["bytes"], 2) for by, amount in gathering["ways"].items()}
    quarters, billion = (c for c in host["claims"] if c["subject"] == "latent")

    assert times == {"lists": 6.01, "rebound": 4.01, "preallocated": 3.00}
    assert round(quarters["saved_bytes"] / quarters["of_bytes"], 2) == 0.50
    assert not quarters["can_hold"]
    assert round(billion["claimed"] / billion["saved_bytes"], 1) == 4.9


PAGE = " ".join((Path(__file__).parent.parent.parent / "docs" / "cpa-data.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("per_row", ["1", "1.5", "2", "3", "10"])
def test_the_page_has_the_table_by_nonzeros_per_row(per_row: str, tmp_path: Path) -> None:
    shape = {"shape": ["N", "L"], "format": "csr", "nonzeros_per_row": float(per_row)}
    arrays = {"perts": {**shape, "dtype": "int64"}, "doses": {**shape, "dtype": "float64"}}
    host = described({"arrays": arrays}, tmp_path, N=100_000, L=10)
    saved = 100 - 100 * host.stored.value / host.dense.value

    assert f"| {per_row} | {host.stored.value / MB:.2f} MB | {saved:.1f} % |" in PAGE


def test_the_page_has_what_the_report_says(host: Any) -> None:
    needed = {c["nonzeros_per_row_needed"]["formula"] for c in host["claims"] if c["nonzeros_per_row_needed"]}
    (gathering,) = host["gathering"]
    rows = [f"{way['bytes']:,} | {way['bytes'] / gathering['one_array']['bytes']:.2f}×" for way in gathering["ways"].values()]
    (saved,) = {c["saved_bytes"] for c in host["claims"] if c["subject"] == "latent"}

    assert [
        formula for formula in (*needed, host["arrays"][1]["break_even"]["nonzeros_per_row"]["formula"]) if f"`{formula}`" not in PAGE
    ] == []
    assert [row for row in rows if row not in PAGE] == []
    assert f"{saved / MB:.2f} MB" in PAGE
