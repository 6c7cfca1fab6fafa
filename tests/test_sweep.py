"""Sweeps: the report's bytes at every point, refusals, files, verdicts, a cluster."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping
from math import gcd
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from analyzer.functions import FUNCTIONS
from analyzer.programs import Programs
from analyzer.run.settings import read_run
from analyzer.sizes import Device
from analyzer.sweep.evaluate import Evaluator, Job
from analyzer.sweep.functions import RULES, applied
from analyzer.sweep.grid import Grid
from analyzer.sweep.pruning import ZEROS, _reduction
from analyzer.sweep.table import cluster, here, spread
from analyzer.verdict import CLOSE, UNFIT, judge
from tests.asking import analysis, model, peakform, report, text_model
from tests.cards import gpu
from tests.test_solve import HEADS
from validation.sweeps import reported

DRAWN = {
    "column_scratch": [(1, 10**6), (1, 10**5), (1, 4096)], "column_semaphores": [(1, 10**6), (1, 10**5), (1, 4096)],
    "row_scratch": [(1, 10**5), (1, 10**7)], "row_semaphores": [(1, 10**5), (1, 10**7)],
    "layer_norm_partials": [(1, 10**6), (1, 10**4)], "log2": [(1, 1 << 52)], "pow2_ceil": [(1, 1 << 52)],
}  # fmt: skip
CATEGORIES = ("parameters", "buffers", "gradients", "optimizer", "inputs", "after_forward", "kept_for_backward")
DEVICE = (108, 2048)


def evaluator(name: str, grid: Grid, settings: Mapping[str, str] = {}) -> Evaluator:
    described = model(name)
    return Evaluator(Job(described, {}, read_run(described.run, settings, has_loss=bool(described.loss)), ()), grid, Device())


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_function_of_arrays_is_the_function_of_numbers(name: str) -> None:
    chance = random.Random(name)
    ranges = DRAWN.get(name, [(1, 10**6)] * (1 if name == "size" else 2))
    edges = [[1 << chance.randrange(high.bit_length()) for _ in range(300)] for _, high in ranges]
    columns = [edge + [chance.randint(*ends) for _ in range(1200)] for edge, ends in zip(edges, ranges)]
    if len(ranges) == 3:  # columns lie in extents that divide them
        columns[1] = [neighbours * chance.randint(1, 30) for neighbours in columns[2]]
    tail = DEVICE if "column" in name or "row_" in name else (8, 80) if name == "sort_pairs_scratch" else ()
    if name in ("unique_scratch", "scan_by_key_scratch", "scan_scratch"):
        columns, tail = columns[:1], (8,) if name == "scan_scratch" else (8, 80)
    arrays = [np.array(column, dtype=np.int64) for column in columns] + [np.array(word, dtype=np.int64) for word in tail]

    assert applied(name, arrays).tolist() == [FUNCTIONS[name](*row, *tail) for row in zip(*columns)]


@pytest.mark.parametrize(("name", "settings", "axes"), [
    ("bert-base", {}, {"B": (1, 2, 7, 64), "r": (1, 8, 100, 512, 513), "c": (96, 768, 770)}),
    ("bert-base", {"precision": "amp-bf16"}, {"L": (1, 2, 3, 4, 5, 12), "r": (120, 128), "c": (768, 1536)}),
    ("bioformer", {"mode": "infer"}, {"B": (1, 3, 32), "n_hvg": (1, 63, 500), "c": (64, 65, 128)}),
    ("cnn3d", {}, {"B": (1, 4), "D": (20, 60, 61, 90), "c": (1, 8)}),
])  # fmt: skip
def test_a_sweep_is_the_report_at_every_point(name: str, settings: dict[str, str], axes: dict[str, tuple[int, ...]]) -> None:
    grid, chance = Grid(axes), random.Random(name)
    found = evaluator(name, grid, settings).figures(grid)
    places = [tuple(chance.randrange(side) for side in grid.shape) for _ in range(14)]

    assert [int(found.column("peak")[place]) for place in places] == [reported(model(name), grid.at(place), settings) for place in places]
    assert ((found.column("refused") > 0) == (found.column("peak") < 0)).all()


@pytest.mark.parametrize("name", ZEROS)
def test_no_reduction_takes_more_than_pruning_reckons_with(name: str) -> None:
    chance = random.Random(name)
    for _ in range(4000):
        first, second = (int(2 ** chance.uniform(0, 22)) for _ in range(2))
        neighbours = chance.choice((1, 2, 4, 8))
        arguments = (first, second, *DEVICE) if "row" in name else (first, second * neighbours, neighbours, *DEVICE)
        bound = _reduction(name, [np.array([float(a)]) for a in arguments])

        assert FUNCTIONS[name](*arguments) <= bound


def test_pruning_and_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid({"B": tuple(range(2, 40, 4)), "r": tuple(range(8, 300, 40)), "c": tuple(range(48, 900, 192))})
    pruned = evaluator("bert-base", grid).figures(grid).columns
    monkeypatch.setattr("analyzer.sweep.pruning.Boxes.survivors", lambda self, forms, phases: [list(range(len(forms))) for _ in self.boxes])
    whole = evaluator("bert-base", grid).figures(grid).columns
    one = evaluator("bert-base", grid)
    blocks = np.concatenate([one.figures(block).column("peak").ravel() for block in grid.blocks(100)])

    assert (pruned["peak"] == whole["peak"]).all()
    assert (pruned["phase"] == whole["phase"]).all()
    assert (blocks == whole["peak"].ravel()).all()


def test_numbers_beyond_64_bits_are_refused_and_never_wrap() -> None:
    grid = Grid({"B": (1, 10**6), "r": (1, 10**3), "c": (64, 10**5)})
    found = evaluator("bioformer", grid).figures(grid)
    peak = found.column("peak")

    for place in ((0, 0, 0), (1, 0, 0), (0, 0, 1), (1, 1, 0)):
        assert peak[place] == reported(model("bioformer"), grid.at(place), {})
    assert peak[1, 1, 1] == -1
    assert "2**63" in found.reasons[int(found.column("refused")[1, 1, 1])]


def test_values_that_do_not_divide_are_refused_without_a_trace_each(tmp_path: Path) -> None:
    described, grid = text_model(HEADS, tmp_path), Grid({"B": tuple(range(2, 30)), "c": tuple(range(3, 303))})
    swept = Evaluator(Job(described, {}, read_run(described.run, {}, has_loss=True), ()), grid, Device())
    found = swept.figures(grid)

    assert (found.column("peak") < 0).tolist() == [[c % 4 > 0 for c in grid.axes["c"]]] * len(grid.axes["B"])
    assert swept.regimes.traces < 30
    assert any("c / n" in reason or "not a whole number" in reason for reason in found.reasons)


def test_points_beyond_a_condition_are_refused_by_one_trace_of_each_kind() -> None:
    grid = Grid({"B": (1, 2, 7, 64, 129), "r": tuple(range(440, 700, 13))})
    swept = evaluator("bert-base", grid)
    found = swept.figures(grid)
    refused = found.column("refused")

    assert (refused > 0).tolist() == [[r > 512 for r in grid.axes["r"]]] * len(grid.axes["B"])
    assert {found.reasons[code].partition(": ")[2] for code in refused[refused > 0]} == {"entries up to r of dimension 1 of (1, P)"}
    assert len(swept.regimes.refusals) == 1
    assert swept.regimes.traces == len(swept.regimes.programs) + len(swept.regimes.refusals)


def test_categories_are_those_of_the_report() -> None:
    described = model("scperb")
    job = Job(described, {}, read_run(described.run, {}, has_loss=True), (), categories=True)
    (rows,) = here(job, Grid({"B": (7, 32), "H": (100, 800)}))

    for row in range(4):
        point = {"B": int(rows.numbers["B"][row]), "H": int(rows.numbers["H"][row])}
        memory = report("scperb", **point)["memory"]
        assert {n: int(v[row]) for n, v in rows.numbers.items() if n.endswith("_bytes") and n != "peak_bytes"} == {
            f"{name}_bytes": memory[name]["bytes"] for name in CATEGORIES
        }


def test_no_answer_of_a_sweep_is_against_the_replay(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    result = peakform("sweep", "bert-base-eager", "B=1:65:8", "r=64,256", "--gpu", "t4", "--gpu", "a100", "-o", str(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert (result.exit_code, len(rows)) == (0, 18)
    said = set()
    for name in ("T4", "A100-80GB"):
        card = gpu(name)
        first = analysis("bert-base-eager", {}, B=2)
        of = Programs(first, {}) if name == "A100-80GB" else None
        for row in rows:
            said.add(row[name])
            assert (int(row[f"{name} needed_bytes"]) > card.capacity) <= (row[name] != "fits")
            if of:
                answer = judge(of.case({"B": int(row["B"]), "r": int(row["r"])}), card).answer
                assert CLOSE in (answer, row[name]) or answer == row[name]

    assert said == {"fits", CLOSE, UNFIT}


def test_a_cluster_of_two_workers_gives_the_same_rows(tmp_path: Path) -> None:
    described = model("scperb")
    job = Job(described, {}, read_run(described.run, {}, has_loss=True), (gpu("t4"),))
    grid = Grid({"B": tuple(range(1, 600)), "H": tuple(range(2, 902, 2))})
    alone = list(here(job, grid))
    with cluster(None, 2) as client:
        assert len(client.nthreads()) == 2
        address = client.scheduler.address
        together = list(spread(job, grid, client))
        result = peakform("sweep", "scperb", "B=1:9", "--scheduler", address, "-o", str(tmp_path / "out.parquet"), "--format", "json")

    assert len(alone) == len(together) > 1
    for ours, theirs in zip(alone, together):
        assert all((values == theirs.numbers[name]).all() for name, values in ours.numbers.items())
        for name, (codes, known) in ours.words.items():
            told, words = theirs.words[name]
            assert [known[c] if c >= 0 else "" for c in codes[:99]] == [words[c] if c >= 0 else "" for c in told[:99]]
    assert json.loads(result.stdout)["points"] == 9
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == 9


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    words = ("sweep", "bioformer", "B=1,2", "c=60:68", "--gpu", "a100", "--categories")
    for name in ("a.csv", "a.parquet"):
        assert peakform(*words, "-o", str(tmp_path / name)).exit_code == 0
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()

    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in table] == rows
    assert [row["peak_bytes"] == "" for row in rows] == [row["refused"] != "" for row in rows] == [int(row["c"]) % 4 > 0 for row in rows]
    assert gcd(*(int(row["c"]) for row in rows if row["peak_bytes"])) == 4


def test_the_summary_fits_eighty_columns() -> None:
    result = peakform("sweep", "bioformer", "B=1:8", "c=60:68", "--gpu", "a100", "--gpu", "t4")

    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "72 points" in result.stdout
    assert "not a whole number" in " ".join(result.stdout.split())


@pytest.mark.parametrize(("words", "said"), [
    ("scperb", "nothing is swept"), ("scperb B=3", "nothing is swept"), ("scperb B=1:2:0", "cannot read 'B=1:2:0'"),
    ("scperb Q=1,2", "no symbol 'Q' to override"), ("scprb B=1,2", "did you mean 'scperb'?"),
    ("scperb B=1:100000 G=1:100000", "10,000,000,000 points are too many"), ("scperb B=1,2 -o x.txt", "ends in .csv or .parquet"),
    ("scperb B=1,2 -o none/x.csv", "cannot write: No such file"), ("scperb B=1,2 --workers 2 --scheduler a:1", "two ways to say where"),
    ("scperb B=1,2 --gpu H101", "did you mean 'h100'?"), ("scperb B=1,2 --scheduler nonsense", "no Dask scheduler answers"),
])  # fmt: skip
def test_a_sweep_that_is_refused(words: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.sweep.table.TIMEOUT", 1)
    result = peakform("sweep", *words.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
