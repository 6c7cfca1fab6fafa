"""The catalogue of cards, the user's own cards, and the instances of clouds."""

import json
import re
from pathlib import Path

import pytest

from analyzer.catalogue import GIB, MIB, Gpu, read_gpus, read_instances
from analyzer.gpus import named
from analyzer.problems import InvalidConfig
from tests.asking import peakform

CARDS = read_gpus()
BY_NAME = {card.name: card for card in CARDS}


def own(text: str, folder: Path) -> Path:
    """A file of cards with this text."""
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_catalogue_reaches_from_pascal_to_blackwell() -> None:
    assert len(CARDS) >= 40
    assert {"Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper", "Blackwell", "CDNA2", "CDNA3", "TPU"} <= {c.architecture for c in CARDS}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_card_says_everything_and_where_it_is_from(card: Gpu) -> None:
    assert card.source
    assert card.bandwidth > 10**11
    assert card.flops
    assert card.capacity <= card.largest_capacity <= 1.1 * card.capacity
    assert card.context < card.capacity / 8
    assert all(10**12 <= value <= 10**16 for value in card.flops.values())
    assert card.flops.get("fp8", 10**18) >= card.flops.get("fp16", 0) >= 0


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_speeds_have_a_source_or_are_marked(card: Gpu) -> None:
    assert "speeds" in card.derived or card.speeds
    assert card.cache or card.architecture == "TPU"
    assert card.flops.get("tf32", 0) <= card.flops.get("fp16", 10**18)


def test_a_mark_shows_which_speeds_nobody_confirmed() -> None:
    printed = {line[:23].strip(): line for line in peakform("gpus").stdout.splitlines()}

    assert printed["RTX 3080"].endswith("~60")
    assert printed["RTX 4090"].endswith(" 165")


def test_every_word_means_one_card() -> None:
    words = [word for card in CARDS for word in {re.sub(r"[ _-]", "", w.lower()) for w in (card.name, *card.aliases)}]
    words += [re.sub(r"[ _-]", "", i.name.lower()) for i in read_instances()]

    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize(("typed", "meant"), [
    ("a100", "A100-80GB"), ("A100-80GB", "A100-80GB"), ("h100-sxm", "H100-80GB"), ("rtx3090", "RTX 3090"), ("RTX_4090", "RTX 4090"),
    ("NVIDIA A100-SXM4-40GB", "A100-40GB"), ("Tesla V100-SXM2-32GB", "V100-32GB"), ("p4d.24xlarge", "A100-40GB"),
    ("NC24ads_A100_v4", "A100-80GB PCIe"), ("1g.10gb", "A100-80GB MIG 1g.10gb"), ("tpu-v3", "TPU v3 core"), ("mi250", "MI250X"),
])  # fmt: skip
def test_names_people_type(typed: str, meant: str) -> None:
    assert [card.name for card in named(CARDS, (typed,))] == [meant]


def test_cards_come_in_the_order_asked_and_once() -> None:
    assert [card.name for card in named(CARDS, ("t4", "a100", "A100-80GB"))] == ["T4", "A100-80GB"]


def test_every_instance_holds_a_card_of_the_catalogue() -> None:
    instances = read_instances()

    assert len(instances) >= 30
    assert {i.gpu for i in instances} <= BY_NAME.keys()
    assert all(1 <= i.count <= 16 for i in instances)


def test_a_card_of_ones_own(tmp_path: Path) -> None:
    path = own(
        "gpus:\n  - {name: lab, like: A100-80GB, capacity_gib: [70, 71]}\n",
        tmp_path,
    )

    (card,) = [card for card in read_gpus(path) if card.name == "lab"]

    assert (card.capacity, card.largest_capacity) == (70 * GIB, 71 * GIB)
    assert (card.sms, card.context, card.aliases, card.default) == (108, 502 * MIB, (), False)


def test_a_card_of_ones_own_replaces_one_of_the_catalogue(tmp_path: Path) -> None:
    path = own("gpus:\n  - {name: T4, like: T4, capacity_mib: 15000, context_mib: 300}\n", tmp_path)
    cards = {card.name: card for card in read_gpus(path)}

    assert (cards["T4"].capacity, cards["T4"].context) == (15000 * MIB, 300 * MIB)
    assert len(cards) == len(CARDS)


@pytest.mark.parametrize(("text", "message"), [
    ("cards: []\n", "mine.yaml:1:1: expected a list under 'gpus'"),
    ("gpus:\n  - A100\n", "mine.yaml:2:5: a card is a mapping"),
    ("gpus:\n  - {like: T4}\n", "mine.yaml:2:5: a card needs 'name'"),
    ("gpus:\n  - {name: x, like: A100-81GB}\n", "mine.yaml:2:21: no card 'A100-81GB' above this one\n    did you mean 'A100-80GB'?"),
    ("gpus:\n  - {name: x, like: T4, memory: 3}\n", "mine.yaml:2:25: unknown key 'memory' of a card"),
    ("gpus:\n  - {name: x, like: T4, capacity_gib: big}\n", "mine.yaml:2:39: 'capacity_gib' must be a number above 0"),
    ("gpus:\n  - {name: x, like: T4, capacity_gib: -1}\n", "mine.yaml:2:39: 'capacity_gib' must be a number above 0"),
    ("gpus:\n  - {name: x, like: T4, capacity_gib: [2, 1]}\n", "mine.yaml:2:39: 'capacity_gib' is one number, or"),
    ("gpus:\n  - {name: x, like: T4, sms: 1.5}\n", "mine.yaml:2:30: 'sms' must be a whole number"),
    ("gpus:\n  - {name: [x], like: T4}\n", "mine.yaml:2:12: 'name' must be a word"),
    ("gpus:\n  - {name: x, like: T4, aliases: y}\n", "mine.yaml:2:34: 'aliases' must be a list of words"),
    ("gpus:\n  - {name: x, like: T4, derived: [price]}\n", "mine.yaml:2:34: 'price' cannot stand in 'derived'\n    known: "),
    ("gpus:\n  - {name: x, like: T4, tflops: 3}\n", "mine.yaml:2:33: 'tflops' must be a mapping of dtypes to numbers"),
    ("gpus:\n  - {name: x, like: T4, tflops: {fp17: 3}}\n", "mine.yaml:2:34: unknown dtype 'fp17'\n    did you mean 'fp16'?"),
    ("gpus:\n  - {name: x, sms: 3}\n", "mine.yaml:2:5: a card needs 'capacity_mib'\n    or say 'like: A100-80GB'"),
    ("gpus:\n  - {name: x, capacity_mib: 900, sms: 3, capability: 8.0, threads_per_sm: 9}\n", "mine.yaml:2:5: a card needs 'context_mib'"),
])  # fmt: skip
def test_a_file_of_cards_that_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = own(text, tmp_path)

    with pytest.raises(InvalidConfig) as refused:
        read_gpus(path)

    assert message in str(refused.value)
    assert peakform("gpus", "--gpus-file", str(path)).exit_code == 2


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    path = own("gpus:\n  - {name: x, like: T4, sms: 1.5, memory: 3}\n  - {name: y, like: z}\n", tmp_path)

    with pytest.raises(InvalidConfig) as refused:
        read_gpus(path)

    assert len(refused.value.problems) == 3


def test_the_tables_fit_a_terminal() -> None:
    for arguments in (("gpus",), ("gpus", "--instances")):
        printed = peakform(*arguments).output
        assert max(map(len, printed.splitlines())) <= 80
    assert "\nH200 " in peakform("gpus").output
    assert "p5.48xlarge" in peakform("gpus", "--instances").output


def test_one_card_is_told_with_its_source() -> None:
    printed = peakform("gpus", "v100-32").output

    assert printed.startswith("V100-32GB\n")
    assert "source          messages: 31.73" in printed


def test_derived_values_are_marked() -> None:
    lines = {line.split("  ")[0]: line for line in peakform("gpus").output.splitlines()}

    assert "~15.57 GiB" in lines["RTX 4080"]
    assert "~" not in lines["A100-80GB"]


def test_the_catalogue_as_json() -> None:
    told = json.loads(peakform("gpus", "--format", "json").output)

    assert len(told["gpus"]) == len(CARDS)
    (machine,) = (instance for instance in told["instances"] if instance["name"] == "p4d.24xlarge")
    assert (machine["cloud"], machine["gpu"], machine["count"]) == ("AWS", "A100-40GB", 8)
    assert machine["source"]


def test_an_unknown_card_gets_the_nearest_name() -> None:
    result = peakform("gpus", "H101")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "command line: unknown GPU 'H101'\n    did you mean 'h100'?" in result.stderr


def test_cards_come_as_they_were_asked_for() -> None:
    report = json.loads(peakform("report", "scperb", "--gpu", "a100-80gb", "--gpu", "t4", "--format", "json").output)

    assert report["device"] == "A100-80GB"
    assert [card["gpu"] for card in report["feasibility"]] == ["A100-80GB", "T4"]
