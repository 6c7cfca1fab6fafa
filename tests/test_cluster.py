"""Clusters: files from what a real Slurm printed, what is refused, which card a gres is, where a job fits."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from analyzer.cluster.matching import candidates
from analyzer.cluster.partitions import minutes, spelled
from analyzer.cluster.reading import bundled, read_cluster
from analyzer.cluster.sinfo import Group, cards_of, groups
from analyzer.gpus import read_gpus
from tests.asking import peakform

PRINTED = Path(__file__).parent / "data" / "slurm"  # by validation/slurm/run.sh capture, Slurm 22.05.8
CONFIGURED = {  # what validation/slurm/slurm.conf says of partitions that are up
    ("gpu", "a100", 4, 5), ("gpu", "h100", 8, 2), ("gpu-dev", "a100", 4, 1), ("gpu-long", "v100", 4, 2),
    ("mig", "a100_1g.5gb", 14, 1), ("mig", "a100_3g.20gb", 4, 1), ("old", "", 4, 3),
}  # fmt: skip
LIMITS = {"gpu": 2880, "gpu-dev": 30, "gpu-long": None, "mig": 720, "old": 1440}


def printed(name: str) -> list[Group]:
    """The groups of nodes in a captured output."""
    return groups((PRINTED / name).read_text(encoding="utf-8"), name)


def configured(found: list[Group]) -> set[tuple[str, str, int, int]]:
    """Partition, type, cards per node and nodes, without the partition that is down."""
    return {(g.partition, g.kind, g.count, g.nodes) for g in found if g.partition != "closed"}


@pytest.mark.parametrize("name", ["sinfo.txt", "sinfo-bars.txt", "sinfo-nodes.txt", "sinfo-22.05.json"])
def test_every_output_of_sinfo_says_what_slurm_conf_says(name: str) -> None:
    found = printed(name)

    assert configured(found) == CONFIGURED
    if not name.endswith("json"):
        assert {g.partition: g.time for g in found if g.partition != "closed"} == LIMITS
        assert {g.features for g in found if g.partition == "gpu-long"} == {"v100,v100_32gb"}


def test_a_partition_that_is_down_is_left_out(tmp_path: Path) -> None:
    made = peakform("cluster", "from-sinfo", str(PRINTED / "sinfo-bars.txt"), "-o", str(tmp_path / "c.yaml"))

    assert made.exit_code == 0
    assert "warning: closed: left out, it is not up" in made.stderr
    assert {p.name for p in read_cluster(tmp_path / "c.yaml", read_gpus()).partitions} == set(LIMITS)


def test_a_gres_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    made = peakform("cluster", "from-sinfo", str(PRINTED / "sinfo-cut.txt"))

    assert made.exit_code == 2
    assert "gres 'gpu:a100_1g.' is cut off" in made.stderr
    assert "sinfo-cut.txt:" in made.stderr


def test_json_of_later_versions() -> None:
    """The paths of SINFO_DATA and PARTITION_INFO in Slurm's src/plugins/data_parser/v0.0.43/parsers.c."""
    partition = {
        "name": "gpu", "maximums": {"time": {"set": True, "infinite": False, "number": 1440}},
        "tres": {"billing_weights": "CPU=1.0,Mem=0.25G,GRES/gpu=2.5"}, "partition": {"state": ["UP"]},
    }  # fmt: skip
    row = {
        "partition": partition, "nodes": {"allocated": 1, "idle": 1, "other": 1, "total": 3},
        "gres": {"total": "tmpsize:7T,gpu:l40s:4(S:0-1)", "used": "gpu:l40s:1(IDX:0)"}, "features": {"total": "l40s", "active": ""},
    }  # fmt: skip
    (found,) = groups(json.dumps({"meta": {}, "sinfo": [row], "errors": []}), "x")

    assert found == Group("gpu", "l40s", 4, 3, 1440, "l40s", Fraction("2.5"))


@pytest.mark.parametrize(("gres", "cards"), [
    ("gpu:a100:4(S:0-1),nvme:3600", [("a100", 4)]), ("(null)", []), ("gpu:2", [("", 2)]), ("gpu:3g.40gb:8(S:0-1)", [("3g.40gb", 8)]),
    ("gpu:a100:2,gpu:v100:4,mps:400,shard:8", [("a100", 2), ("v100", 4)]), ("craynetwork:4", []),
    ("gpu:nvidia_a100-sxm4-80gb:8", [("nvidia_a100-sxm4-80gb", 8)]),
])  # fmt: skip
def test_cards_of_a_gres(gres: str, cards: list[tuple[str, int]]) -> None:
    assert cards_of(gres) == cards


@pytest.mark.parametrize(("kind", "features", "name", "others"), [
    ("a100", "", "A100-40GB", True), ("a100", "a100_80gb,amd", "A100-80GB", False), ("v100", "gpu_mem:32GB", "V100-32GB", False),
    ("nvidia_geforce_rtx_3090", "", "RTX 3090", False), ("nvidia_h100_80gb_hbm3", "", "H100-80GB", False),
    ("tesla_v100-pcie-32gb", "", "V100-32GB", False), ("a100_3g.20gb", "a100,mig", "A100-40GB MIG 3g.20gb", False),
    ("", "avx,gtx1080ti", "GTX 1080 Ti", False), ("rtx_2080_ti", "", "RTX 2080 Ti", False), ("l40s", "", "L40S", False),
])  # fmt: skip
def test_which_card_a_gres_is(kind: str, features: str, name: str, others: bool) -> None:
    found = candidates(kind, features, read_gpus())

    assert found[0].name == name
    assert (found[-1].capacity > found[0].capacity) == others


@pytest.mark.parametrize("kind", ["k80", "", "tesla", "quadro_rtx_6000"])
def test_cards_that_nobody_knows(kind: str) -> None:
    assert candidates(kind, "avx", read_gpus()) == []


def test_what_is_not_certain_is_said(tmp_path: Path) -> None:
    table = tmp_path / "sinfo.txt"
    table.write_text("PARTITION|GRES|NODES|TIMELIMIT\nold|gpu:k80:4|2|1:00:00\nnew|gpu:a100:4|2|1:00:00\n", encoding="utf-8")
    made = peakform("cluster", "from-sinfo", str(table), "-o", str(tmp_path / "c.yaml"))
    said = " ".join(made.stderr.split())

    assert "old: gpu:k80 is an unknown card: put a name of `peakform gpus` under gpu:" in said
    assert "new: gpu:a100 may be A100-40GB (39 GiB) or A100-80GB" in said
    checked = peakform("submit-check", "scperb", "--cluster", str(tmp_path / "c.yaml"))
    assert checked.exit_code == 0
    assert "old (gpu:k80): not allowed: which card it has is unknown" in " ".join(checked.stdout.split())


def test_nodes_that_differ_by_features_get_a_constraint(tmp_path: Path) -> None:
    table = tmp_path / "sinfo.txt"
    table.write_text("gpu|gpu:a100:4|2|1:00:00|amd,a100_40gb\ngpu|gpu:a100:4|3|1:00:00|amd,a100_80gb\n", encoding="utf-8")
    peakform("cluster", "from-sinfo", str(table), "-o", str(tmp_path / "c.yaml"))
    found = read_cluster(tmp_path / "c.yaml", read_gpus()).partitions

    assert [(p.gpu.name if p.gpu else "", p.constraint, p.nodes) for p in found] == [
        ("A100-40GB", "a100_40gb", 2),
        ("A100-80GB", "a100_80gb", 3),
    ]


@pytest.mark.parametrize(("text", "message"), [
    ("", "sinfo printed nothing"), ("hello world\n", "no line of a table of partitions"), ("PARTITION AVAIL\ngpu up\n", "no column GRES"),
    ("{}", "no JSON of sinfo"), ("{", "no JSON: "), ('{"nodes": [3]}', "no JSON of sinfo"), ('{"sinfo": {"a": 1}}', "no JSON of sinfo"),
    ("cpu|(null)|2|1:00:00\n", "no partition has GPUs"), ("gpu|gpu:a100:4|x|1:00:00\n", "no line of a table of partitions"),
    ("gpu|gpu:a100:4|2|later\n", "no line of a table of partitions"),
])  # fmt: skip
def test_what_is_no_output_of_sinfo(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sinfo.txt"
    path.write_text(text, encoding="utf-8")
    made = peakform("cluster", "from-sinfo", str(path))

    assert (made.exit_code, made.stdout) == (2, "")
    assert message in made.stderr
    assert made.exception is None or isinstance(made.exception, SystemExit)


@pytest.mark.parametrize(("text", "time", "again"), [
    ("90", 90, "01:30:00"), ("30:00", 30, "00:30:00"), ("30:01", 31, "00:31:00"), ("12:00:00", 720, "12:00:00"),
    ("2-00:00:00", 2880, "2-00:00:00"),
    ("1-12", 2160, "1-12:00:00"), ("7-01:30", 10170, "7-01:30:00"), ("infinite", None, "infinite"), ("UNLIMITED", None, "infinite"),
])  # fmt: skip
def test_time_as_slurm_spells_it(text: str, time: int | None, again: str) -> None:
    assert minutes(text) == time
    assert spelled(time) == again


@pytest.mark.parametrize(("row", "place", "message"), [
    ("{name: a, gpu: A100-81GB}", "2:20", "'gpu' is no known GPU: A100-81GB\n    did you mean 'a100-80gb'?"),
    ("{name: a, gpu: T4, tiem: 3}", "2:24", "unknown key 'tiem' of a partition\n    did you mean 'time'?"),
    ("{name: a, gpu: T4, time: soon}", "2:30", "'time' is no time: soon"),
    ("{name: a, gpu: T4, nodes: 0}", "2:31", "'nodes' must be a whole number above 0"),
    ("{name: a, gpu: T4, cost: -1}", "2:30", "'cost' must be a number, 0 or above"),
    ('{name: "a b", gpu: T4}', "2:12", "'name' must be one word"),
    ('{name: "a;rm", gpu: T4}', "2:12", "'name' must be one word"),
    ("{gpu: T4}", "2:5", "a partition needs 'name'"), ("{name: a}", "2:5", "a partition needs 'gpu'"),
    ("gpu", "2:5", "a partition is a mapping"),
])  # fmt: skip
def test_a_cluster_file_that_is_refused(row: str, place: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"partitions:\n  - {row}\n", encoding="utf-8")
    made = peakform("submit-check", "scperb", "--cluster", str(path))

    assert (made.exit_code, made.stdout) == (2, "")
    assert f"{path}:{place}: {message}" in made.stderr


def offers(*arguments: str) -> dict[str, Any]:
    """The JSON of a check on the example cluster."""
    told: dict[str, Any] = json.loads(peakform("submit-check", *arguments, "--cluster", "university", "--format", "json").stdout)
    return told


def test_the_cheapest_that_fits_is_recommended() -> None:
    found = offers("bioformer", "B=2", "c=64", "--time", "1-00:00:00")
    chosen = found["offers"][found["recommended"]]

    assert {o["gpu"] for o in found["offers"] if o["answer"] == "fits"} == {"A100-80GB", "H100-80GB"}
    assert [o["reason"] for o in found["offers"] if o["partition"] == "gpu-dev"] == ["a job runs 00:30:00 at most"]
    assert chosen["sbatch"] == [
        "#SBATCH --partition=gpu", "#SBATCH --nodes=1", "#SBATCH --gres=gpu:a100:1",
        "#SBATCH --constraint=a100_80gb", "#SBATCH --time=1-00:00:00",
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status"), [
    ("scperb", 0), ("bioformer B=16", 1), ("scperb B=36000 --partition rtx", 1), ("bioformer B=2 c=64 --partition h100", 0),
    ("scperb Q=3", 2), ("scperb --partition gpus", 2), ("scperb --time soon", 2),
])  # fmt: skip
def test_the_exit_status(arguments: str, status: int) -> None:
    assert peakform("submit-check", *arguments.split(), "--cluster", "university").exit_code == status


def test_verdicts_are_those_of_fit() -> None:
    fitted = json.loads(peakform("fit", "bioformer", "B=2", "c=64", "--gpu", "v100-32gb", "--format", "json").stdout)["rows"][0]["cells"][0]
    offered = next(o for o in offers("bioformer", "B=2", "c=64")["offers"] if o["gpu"] == "V100-32GB")

    assert (offered["answer"], offered["reason"]) == (fitted["answer"], fitted["reason"])
    assert offered["needed_bytes"] == fitted["needed_bytes"]


@pytest.mark.parametrize(("lines", "status", "gpus"), [
    ("#SBATCH -p gpu --gres=gpu:a100:1 -C a100_80gb", 0, {"A100-80GB"}),
    ("#SBATCH -p gpu --gres=gpu:a100", 1, {"A100-80GB", "A100-40GB"}),
    ("#SBATCH --partition=h100\n#SBATCH --gpus=2\n#SBATCH -J name", 0, {"H100-80GB"}),
    ("#SBATCH -p gpu-dev,h100 -G 1 -t 10", 0, {"A100-80GB", "H100-80GB"}),
    ("#SBATCH -p gpu-dev -G 1 -t 2:00:00", 1, {"A100-80GB"}),
])  # fmt: skip
def test_a_job_script_is_held_to_what_it_asks_for(lines: str, status: int, gpus: set[str], tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/bash\n{lines}\nmodule load x\n#SBATCH -p rtx\n", encoding="utf-8")
    found = offers("bioformer", "B=2", "c=64", "--script", str(script))

    assert found["status"] == status
    assert {o["gpu"] for o in found["offers"]} == gpus


@pytest.mark.parametrize(("lines", "message"), [
    ("echo", "no #SBATCH line before the first command"), ("#SBATCH -p gpu", "it asks for no GPU"),
    ("#SBATCH -p gup -G 1", "no partition 'gup' in university"),
    ("#SBATCH -p gpu --gres=gpu:k80:1", "nothing in university is gpu gpu:k80"), ("#SBATCH -G 1 -t soon", "cannot read --time"),
    ("#SBATCH -G 'x", "cannot read '#SBATCH -G 'x'"),
])  # fmt: skip
def test_a_job_script_that_is_refused(lines: str, message: str, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/bash\n{lines}\n", encoding="utf-8")
    made = peakform("submit-check", "scperb", "--cluster", "university", "--script", str(script))

    assert (made.exit_code, made.stdout) == (2, "")
    assert message in made.stderr


def test_the_table_fits_eighty_columns_and_lines_are_printed() -> None:
    printed = peakform("submit-check", "scperb", "--cluster", "university")
    lines = peakform("submit-check", "scperb", "--cluster", "university", "--format", "sbatch")

    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert printed.stdout.endswith(lines.stdout)
    assert lines.stdout.startswith("#SBATCH --partition=rtx\n")


def test_the_example_has_every_key() -> None:
    text = bundled("university").read_text(encoding="utf-8")

    assert len(read_cluster(bundled("university"), read_gpus()).partitions) == 7
    assert all(f"{key}:" in text for key in ("gres", "constraint", "time", "max_gpus_per_job", "max_gpus_per_user", "cost", "qos"))


def test_several_gpus_for_a_job() -> None:
    found = offers("bert-base-eager", "run.parallel=ddp", "run.ranks=6")

    assert {o["gpus"] for o in found["offers"]} == {6}
    assert [(o["partition"], o["reason"]) for o in found["offers"] if o["answer"] == "not allowed"] == [
        ("gpu-dev", "a job gets at most 1 of its cards"), ("mig", "a job gets at most 1 of its cards"),
    ]  # fmt: skip
    assert next(o for o in found["offers"] if o["partition"] == "v100")["sbatch"][1:3] == ["#SBATCH --nodes=2", "#SBATCH --gres=gpu:v100:3"]
