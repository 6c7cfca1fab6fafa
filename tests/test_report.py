"""The report as a contract: its schema, formulas that evaluate to the numbers beside them, formats that agree."""

import contextlib
import csv
import io
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import analyzer
from analyzer.analysis import analyze
from analyzer.assemble import assemble
from analyzer.build.trace import bind_symbols
from analyzer.feasibility import verdicts
from analyzer.gpus import device_of, read_gpus, select
from analyzer.problems import InvalidConfig
from analyzer.render import render
from analyzer.render.data import to_dict
from analyzer.run.settings import read_run
from tests.asking import BUNDLED, amounts, evaluated, model, peakform, report, whole_report

SCHEMA = json.loads((Path(analyzer.__file__).parent / "schema_files" / "report.schema.json").read_text(encoding="utf-8"))
MODES = ("train", "infer")
RUNS = [(name, mode) for name in BUNDLED for mode in MODES if mode == "infer" or model(name).loss]
USUAL = {name: mode for name, mode in reversed(RUNS)}  # training, for a model that has a loss
CATEGORIES = ("parameters", "buffers", "gradients", "optimizer", "inputs", "after_forward", "kept_for_backward")
ODD: dict[str, tuple[dict[str, int], ...]] = {
    "scperb": ({"B": 33, "G": 701, "H": 61, "Z": 7}, {"B": 1}),
    "cnn3d": ({"B": 3, "W": 61, "Y": 77, "D": 69, "c": 7}, {"B": 5, "W": 193, "c": 1}),
    "bioformer": ({"B": 3, "n_hvg": 17, "c": 15, "n": 1, "L": 3}, {"B": 1, "n_hvg": 10, "c": 8, "L": 9}),
    "bert-base": ({"B": 3, "r": 37, "c": 35, "n": 5, "L": 7, "V": 101, "P": 61},),
    "distilbert": ({"B": 5, "r": 19, "c": 33, "n": 3, "f": 71, "L": 9, "V": 101, "P": 19},),
    "gpt2-eager": ({"B": 3, "r": 37, "c": 35, "n": 5, "L": 7, "V": 101},),
    "roberta-base": ({"B": 3, "r": 37, "c": 35, "n": 5, "L": 7, "V": 101, "P": 61},),
    "t5-base-eager": ({"B": 3, "r": 37, "t": 21, "c": 35, "n": 5, "d": 9, "f": 71, "L": 7, "V": 101},),
    "gpt2": ({"B": 3, "r": 37, "c": 35, "n": 5, "L": 7, "V": 101},),
    "llama-3.2-1b-eager": ({"B": 3, "r": 37, "c": 60, "n": 6, "kv": 3, "f": 71, "L": 7, "V": 101},),
    "llama-3.2-1b": ({"B": 3, "r": 37, "c": 60, "n": 6, "kv": 3, "f": 71, "L": 7, "V": 101},),
    "llama-3.1-70b-eager": ({"B": 1, "r": 19, "c": 60, "n": 6, "kv": 3, "f": 71, "L": 3, "V": 101},),
    "llama-3.1-70b": ({"B": 1, "r": 19, "c": 60, "n": 6, "kv": 3, "f": 71, "L": 3, "V": 101},),
    "bioformer-later": ({"B": 3, "r": 19, "c": 21, "c_z": 5, "c_opm": 3, "n": 7, "L": 11, "V": 31}, {"L": 4}),
}


def bindings(name: str) -> list[dict[str, int] | None]:
    """The values as they are, and odd ones; None, for a model that has none here, is the first random ones that it accepts."""
    return [{}, *ODD[name]] if name in ODD else [{}, None]


def told_at_random(name: str, mode: str) -> dict[str, Any]:
    """The report at random values; most models want some of their sizes to be multiples of others."""
    chosen = random.Random(name)
    free = [s for s in model(name).symbols.values() if not isinstance(s.definition, str)]
    for _ in range(100):
        values = {s.name: int(s.definition or 1) * chosen.choice((1, 1, 3)) for s in free}
        with contextlib.suppress(InvalidConfig):
            return report(name, {"mode": mode}, **values)
    raise AssertionError(f"{name} accepts none of the values tried")


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("name", "mode"), RUNS)
def test_json_follows_its_schema(name: str, mode: str) -> None:
    jsonschema.validate(json.loads(render(whole_report(name, mode), "json")), SCHEMA, jsonschema.Draft7Validator)


def test_the_command_prints_the_same_object() -> None:
    result = peakform("report", "scperb", "--format", "json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == to_dict(whole_report("scperb", "train"))


@pytest.mark.parametrize(
    ("name", "mode", "symbols"), [(n, m, b) for n, m in RUNS for b in bindings(n)], ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_formula_evaluates_to_its_number(name: str, mode: str, symbols: dict[str, int] | None) -> None:
    told = told_at_random(name, mode) if symbols is None else report(name, {"mode": mode}, **symbols)
    found = list(amounts(told))

    assert len(found) > 40
    assert {formula: evaluated(formula, told["symbols"]) for formula, _ in found} == dict(found)


@pytest.mark.parametrize("name", BUNDLED)
def test_formulas_of_tables_evaluate_to_their_rows(name: str) -> None:
    for table in to_dict(whole_report(name, USUAL[name]))["tables"]:
        for row in table["rows"]:
            bound = bind_symbols(model(name), {s: str(v) for s, v in row["symbols"].items()}).values
            values = {column: evaluated(formula, bound) for column, formula in table["formulas"].items()}

            assert values == row["values"]


@pytest.mark.parametrize("name", BUNDLED)
def test_totals_are_the_sums_of_their_rows(name: str) -> None:
    told = to_dict(whole_report(name, USUAL[name]))
    modules, memory = told["parameters"]["modules"], told["memory"]
    outermost = sum(row["value"] for row in modules if "." not in row["path"])

    assert outermost == told["parameters"]["total"]["value"]
    assert sum(row["bytes"] for row in memory["kept_by_module"]) == memory["kept_for_backward"]["bytes"]
    assert memory["peak"]["bytes"] == max(amount["bytes"] for amount in memory["peaks"].values())
    assert memory["peaks"][memory["peak"]["phase"]] == {key: memory["peak"][key] for key in ("formula", "bytes")}
    assert all(tensor["bytes"] <= memory["peak"]["bytes"] for tensor in memory["peak"]["alive"])


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("gpu", ["T4", "H100-80GB"])
def test_device_bytes_are_what_a_verdict_holds_against_the_card(name: str, gpu: str) -> None:
    chosen = select(read_gpus(), (gpu,))
    described = model(name)
    there = analyze(described, {}, read_run(described.run, {}, has_loss=bool(described.loss)), device_of(chosen))
    told = to_dict(assemble(there, {}, chosen))
    memory, (verdict,) = told["memory"], told["feasibility"]

    assert memory["peak"]["bytes"] < memory["peak"]["allocated_bytes"] <= memory["reserved_bytes"]
    assert memory["device_bytes"] == memory["reserved_bytes"] + verdict["context_bytes"]
    assert verdict["fits"] == (memory["device_bytes"] <= verdict["capacity_bytes"]) or memory["device_bytes"] > verdict["needed_bytes"]
    assert verdict["headroom_bytes"] == verdict["capacity_bytes"] - verdict["needed_bytes"]


@pytest.mark.parametrize("gpu", [gpu.name for gpu in read_gpus() if gpu.default])
def test_the_largest_batch_fits_and_one_more_does_not(gpu: str) -> None:
    (told,) = report("scperb", gpus=(gpu,))["feasibility"]
    largest = told["max"]["B"]
    (there,) = report("scperb", gpus=(gpu,), B=largest)["feasibility"]
    (beyond,) = report("scperb", gpus=(gpu,), B=largest + 1)["feasibility"]

    assert (there["fits"], beyond["fits"]) == (True, False)
    assert there["max"] == beyond["max"] == told["max"]
    assert beyond["failure"]["message"]


@pytest.mark.parametrize("name", ["cpa-gauss", "bert-large"])  # fragmentation is not monotonous in their batch
def test_the_largest_batch_on_a_card_does_not_depend_on_the_other_cards(name: str) -> None:
    described, cards = model(name), [gpu for gpu in read_gpus() if gpu.name in ("H200", "V100-32GB", "T4", "RTX A6000")]
    there = analyze(described, {}, read_run(described.run, {}, has_loss=True), device_of([]))
    orders = [cards, cards[::-1], *([card] for card in cards)]
    told = [{verdict.gpu: verdict.largest for verdict in verdicts(there, {}, "B", order)[1]} for order in orders]

    assert told[0] == told[1] == {card: largest for one in told[2:] for card, largest in one.items()}


SMALL = {"n_hvg": 100, "c": 32}


@pytest.mark.parametrize(("name", "symbols"), [("cnn3d", {}), ("bioformer", SMALL), ("bioformer-later", {})], ids=lambda v: str(v))
def test_the_largest_batch_of_other_models(name: str, symbols: dict[str, int]) -> None:
    (told,) = report(name, gpus=("A100-40GB",), **symbols)["feasibility"]
    largest = told["max"]["B"]
    verdicts = [report(name, gpus=("A100-40GB",), **symbols, B=b)["feasibility"][0]["fits"] for b in (largest, largest + 1)]

    assert largest > 1
    assert verdicts == [True, False]


@pytest.mark.parametrize(("batch", "answer"), [(256, "fits"), (36000, "too close to call"), (200000, "does not fit")])
def test_a_verdict_is_that_of_fit(batch: int, answer: str) -> None:
    (told,) = report("scperb", gpus=("T4",), B=batch)["feasibility"]

    assert told["answer"] == answer
    assert answer in peakform("fit", "scperb", f"B={batch}", "--gpu", "t4").stdout
    assert answer in peakform("report", "scperb", f"B={batch}", "--gpu", "t4").stdout


def test_none_fits_where_a_single_sample_does_not() -> None:
    (told,) = report("bioformer", gpus=("T4",), B=1)["feasibility"]

    assert not told["fits"]
    assert told["max"] == {"B": 0}
    assert told["headroom_bytes"] == told["capacity_bytes"] - told["needed_bytes"] < 0


@pytest.mark.parametrize("name", BUNDLED)
def test_csv_has_the_numbers_of_json(name: str) -> None:
    told = to_dict(whole_report(name, USUAL[name]))
    rows = list(csv.DictReader(io.StringIO(render(whole_report(name, USUAL[name]), "csv"))))
    found = {(row["section"], row["name"]): (row["formula"], int(row["value"])) for row in rows}
    memory, parameters = told["memory"], told["parameters"]
    expected = {("parameters", key): parameters[key] for key in ("total", "trainable", "used")}
    expected |= {("modules", row["path"]): row for row in parameters["modules"]}
    expected |= {("memory", key): amount for key, amount in memory.items() if key in CATEGORIES}
    expected |= {("peaks", phase): amount for phase, amount in memory["peaks"].items()}

    assert {key: found[key] for key in expected} == {key: (v["formula"], v.get("bytes", v.get("value"))) for key, v in expected.items()}
    assert {name: value for (section, name), (_, value) in found.items() if section == "symbols"} == told["symbols"]


@pytest.mark.parametrize("form", ["markdown", "text"])
@pytest.mark.parametrize("name", BUNDLED)
def test_readable_formats_have_the_numbers_of_json(name: str, form: str) -> None:
    told = to_dict(whole_report(name, USUAL[name]))
    shown = re.sub(r"[\s,]", "", render(whole_report(name, USUAL[name]), form))
    memory = told["memory"]
    expected = [told["parameters"][key]["value"] for key in ("total", "trainable", "used")]
    expected += [memory[key]["bytes"] for key in CATEGORIES]
    expected += [memory["peak"]["bytes"], *(amount["bytes"] for amount in memory["peaks"].values())]

    assert [number for number in expected if str(number) not in shown] == []


@pytest.mark.parametrize(("rows", "largest"), [("B/2", lambda found: found % 2 == 0), ("10 - B", lambda found: found == 9)])
def test_the_largest_batch_is_one_that_the_config_takes(rows: str, largest: Callable[[int], bool], tmp_path: Path) -> None:
    config = tmp_path / "refusing.yaml"
    config.write_text(
        f"symbols: {{B: 4, rows: {rows}}}\ninputs: {{x: [B, 8], y: [B, rows]}}\nlayers:\n  - Linear: rows\nloss:\n  - mse_loss: y\n",
        encoding="utf-8",
    )
    solved = json.loads(peakform("fit", str(config), "--gpu", "t4", "--solve", "B", "--format", "json").output)
    report = json.loads(peakform("report", str(config), "--gpu", "t4", "--format", "json").output)

    found = report["feasibility"][0]["max"]["B"]
    assert largest(found)
    assert str(found) in json.dumps(solved)
