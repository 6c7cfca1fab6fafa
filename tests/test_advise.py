"""Advice: every printed command ends with 0, what is said of batch and numbers is so, and nothing is promised in vain."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import analyzer
from tests.asking import evaluated, peakform

WIDE = """
name: wide
symbols: {B: 12, r: 4096, c: 512, k: 8}
inputs: {x: [B, r, c], y: [B, r, c]}
blocks:
  part:
    inputs: [x]
    layers:
      - Linear: k*c
      - GELU
      - Linear: c
layers:
  - part
  - part
loss: [mse_loss: y]
run: {mode: train, optimizer: AdamW, outputs: dropped, expandable_segments: true, zero_grad: after_step}
variants:
  narrow: {symbols: {k: 2}, doc: narrower parts, cost: little, numerics: changed}
"""


SCHEMA = json.loads((Path(analyzer.__file__).parent / "schema_files" / "advice.schema.json").read_text(encoding="utf-8"))
STATES = """
symbols: {B: 8, r: 64, c: 2048}
inputs: {x: [B, r, c], y: [B, r, c]}
blocks:
  part: {inputs: [x], layers: [Linear: 8*c, GELU, Linear: c]}
layers: [part, part]
loss: [mse_loss: y]
run: {mode: train, optimizer: AdamW, optimizer_form: fused, outputs: dropped, expandable_segments: true}
"""
CARD = "gpus:\n  - {name: small, like: T4, capacity_gib: %s}\n"


def told(*words: str, status: int = 0) -> dict[str, Any]:
    """The JSON of an advice."""
    result = peakform("advise", *words, "--format", "json")
    assert (result.exit_code, result.stderr) == (status, "")
    parsed: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(parsed, SCHEMA)
    return parsed


@pytest.mark.parametrize(("words", "kinds"), [
    ("bioformer B=4 c=64 --gpu a100-80gb --most 3", ("accumulation", "checkpoint", "precision")),
    ("bert-base-eager B=96 --gpu t4 --most 2", ("accumulation",)),
    ("scperb B=40000 run.outputs=kept --gpu t4", ("accumulation",)),
    ("bert-base run.mode=infer B=1100 --gpu t4", ("precision",)),
])  # fmt: skip
def test_every_advice_is_true(words: str, kinds: tuple[str, ...]) -> None:
    found = told(*words.split())

    assert found["answer"] != "fits"
    for kind in kinds:
        assert any(kind in advice["yaml"]["run"] for advice in found["advice"]), kind
    levels = [advice["intrusiveness"] for advice in found["advice"]]
    assert levels == sorted(levels)
    for advice in found["advice"]:
        check = peakform(*shlex.split(advice["command"])[1:])
        assert check.exit_code == 0, (advice["command"], check.output)
        assert advice["needed_bytes"] < found["capacity_bytes"]
        assert advice["saved_bytes"] == found["needed_bytes"] - advice["needed_bytes"]
        given = dict(word.split("=") for word in words.split() if "=" in word)
        assert {**given, **dict(w.split("=") for w in advice["words"][1:])}.keys() >= given.keys()
        same = int(advice["yaml"]["run"].get("accumulation", 1)) * int(advice["yaml"]["run"].get("ranks", 1))
        if "B" in advice["yaml"]["symbols"] and "run.mode=infer" not in words and advice["effective_batch_unchanged"]:
            assert int(advice["yaml"]["symbols"]["B"]) * same == int(given["B"])


def test_the_yaml_of_an_advice_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(WIDE, encoding="utf-8")
    card = tmp_path / "cards.yaml"
    card.write_text(CARD % 4, encoding="utf-8")
    found = told(str(path), "--gpus-file", str(card), "--gpu", "small", "--most", "16")

    assert any(advice["yaml"]["symbols"] == {"k": "2"} for advice in found["advice"])
    for number, advice in enumerate(found["advice"]):
        document = yaml.safe_load(WIDE)
        document["run"].update({k: yaml.safe_load(v) for k, v in advice["yaml"]["run"].items()})
        document["symbols"].update({k: int(v) for k, v in advice["yaml"]["symbols"].items()})
        applied = tmp_path / f"applied{number}.yaml"
        applied.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        assert peakform("check", str(applied), "--gpus-file", str(card), "--gpu", "small").exit_code == 0


@pytest.mark.parametrize("batch", [8, 1])
def test_states_and_parameters_are_shared_between_gpus(batch: int, tmp_path: Path) -> None:
    path, card = tmp_path / "states.yaml", tmp_path / "cards.yaml"
    path.write_text(STATES, encoding="utf-8")
    card.write_text(CARD % 2.2, encoding="utf-8")
    found = told(str(path), f"B={batch}", "--gpus-file", str(card), "--gpu", "small", "--most", "16")
    shared = {a["yaml"]["run"]["parallel"]: a for a in found["advice"] if "ranks" in a["yaml"]["run"]}
    elements = 2 * (2 * 8 * 2048 * 2048 + 9 * 2048)  # of parameters, and of gradients

    assert shared.keys() >= {"zero1", "zero2", "zero3"}
    for way, advice in ((way, advice) for way, advice in shared.items() if way.startswith("zero")):
        assert peakform(*shlex.split(advice["command"])[1:]).exit_code == 0, advice["command"]
        ranks = int(advice["yaml"]["run"]["ranks"])
        assert advice["effective_batch_unchanged"] == (batch == 8)
        assert int(advice["yaml"]["symbols"].get("B", batch)) == (1 if batch == 1 else batch // ranks)
        passes = {"zero1": 3, "zero2": 2, "zero3": 3}[way]
        assert advice["network"]["bytes"] == 4 * elements * passes * (ranks - 1) // ranks
        assert evaluated(advice["network"]["formula"], {"c": 2048, "ranks": ranks}) == advice["network"]["bytes"]


def test_weights_are_divided_where_blocks_say_how(tmp_path: Path) -> None:
    path, card = tmp_path / "states.yaml", tmp_path / "cards.yaml"
    layers = "shard: {up: colwise, down: rowwise}, "
    layers += "layers: [{Linear: {out_features: 8*c, name: up}}, GELU, {Linear: {out_features: c, name: down}}]"
    path.write_text(STATES.replace("layers: [Linear: 8*c, GELU, Linear: c]", layers), encoding="utf-8")
    card.write_text(CARD % 2.1, encoding="utf-8")
    found = told(str(path), "B=1", "--gpus-file", str(card), "--gpu", "small", "--most", "16")
    (divided,) = [a for a in found["advice"] if a["yaml"]["run"].get("parallel") == "tensor"]

    assert peakform(*shlex.split(divided["command"])[1:]).exit_code == 0
    assert (divided["effective_batch_unchanged"], divided["yaml"]["symbols"], divided["extra_flops"]) == (True, {}, 0)
    assert divided["network"]["bytes"] == (2 * 2 + 2) * 64 * 2048 * 4 // 2  # two all-reduces in forward; the first input needs no gradient


def test_what_cannot_be_enough_is_not_traced() -> None:
    found = told(*"bioformer B=4 c=64 --gpu a100-80gb".split())

    assert len(found["advice"]) == 6
    assert found["tried"] <= 10  # of 22 when all were


def test_a_size_that_others_are_computed_from_is_lowered(tmp_path: Path) -> None:
    path, card = tmp_path / "states.yaml", tmp_path / "cards.yaml"
    path.write_text(STATES.replace("r: 64", "genes: 4095, r: genes + 1"), encoding="utf-8")
    card.write_text(CARD % 0.4, encoding="utf-8")
    found = told(str(path), "B=1", "c=512", "--gpus-file", str(card), "--gpu", "small", "--most", "16")

    assert any(advice["yaml"]["symbols"].keys() == {"genes"} for advice in found["advice"])
    assert not any("r" in advice["yaml"]["symbols"] for advice in found["advice"])
    for advice in found["advice"]:
        assert peakform(*shlex.split(advice["command"])[1:]).exit_code == 0, advice["command"]


def test_a_variant_is_another_config() -> None:
    found = told(*"bert-base-eager B=24 r=512 --gpu t4 --most 8".split())
    variants = [advice for advice in found["advice"] if advice["yaml"]["config"] == "bert-base"]

    assert found["answer"] != "fits"
    assert variants
    assert all(advice["words"][0] == "bert-base" and "r=512" in advice["words"] for advice in variants)


def test_what_fits_needs_no_advice() -> None:
    found = told("scperb", "--gpu", "t4")
    printed = " ".join(peakform("advise", "scperb", "--gpu", "t4").stdout.split())

    assert (found["answer"], found["advice"]) == ("fits", [])
    assert found["headroom_bytes"] == found["capacity_bytes"] - found["needed_bytes"] > 0
    assert "Nothing has to change: 13.98 GiB of 14.56 GiB are left." in printed


def test_nothing_fits_is_said(tmp_path: Path) -> None:
    path, card = tmp_path / "states.yaml", tmp_path / "cards.yaml"
    path.write_text(STATES, encoding="utf-8")
    card.write_text(CARD % 0.17, encoding="utf-8")
    result = peakform("advise", str(path), "--gpus-file", str(card), "--gpu", "small")

    assert result.exit_code == 1
    assert "Nothing that was tried makes it fit" in result.stdout
    assert "Nearest: " in result.stdout


def test_the_text_fits_eighty_columns_but_for_what_is_pasted() -> None:
    lines = peakform(*"advise bert-base-eager B=96 --gpu t4 --most 2".split()).stdout.splitlines()

    assert max(len(line) for line in lines if not line.startswith(("   type", "   yaml"))) <= 80
    assert "   type     peakform check bert-base-eager B=48 run.accumulation=2 --gpu T4" in lines


@pytest.mark.parametrize(("words", "said"), [
    ("scperb", "Missing option '--gpu'"), ("scprb --gpu t4", "did you mean 'scperb'?"), ("scperb --gpu H101", "did you mean 'h100'?"),
    ("scperb Q=1 --gpu t4", "no symbol 'Q' to override"), ("scperb B=0 --gpu t4", "symbol 'B' is 0"),
])  # fmt: skip
def test_a_question_that_is_refused(words: str, said: str) -> None:
    result = peakform("advise", *words.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(("variants", "said"), [
    ("{a: {}}", "variant 'a' changes nothing"), ("{a: {config: ../x}}", "'../x' is no name of a config beside this one"),
    ("{a: {symbols: {q: 3}}}", "no symbol 'q' to change"), ("{a: {symbols: {k: 2}, numerics: worse}}", "numerics cannot be 'worse'"),
    ("{a: {symbol: {k: 2}}}", "unknown key 'symbol' in variant 'a'"),
])  # fmt: skip
def test_a_variant_that_is_refused(variants: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(WIDE.partition("variants:")[0] + f"variants: {variants}\n", encoding="utf-8")
    result = peakform("check", str(path))

    assert result.exit_code == 2
    assert said in result.stderr
