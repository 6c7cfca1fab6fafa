"""Host memory in every format of the report: schema, formulas that evaluate to the numbers beside them, claims in words."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import analyzer
from analyzer.document import load, plain
from analyzer.functions import FUNCTIONS
from analyzer.schema import model_schema
from tests.asking import amounts, peakform

CONFIGS = Path(__file__).parent.parent / "configs"
SCHEMA = json.loads((Path(analyzer.__file__).parent / "schema_files" / "report.schema.json").read_text(encoding="utf-8"))
CASES = ["cpa-data", *(str(path) for path in sorted((CONFIGS / "valid").glob("data*.yaml")))]
BINDINGS: dict[str, list[tuple[str, ...]]] = {
    "cpa-data": [(), ("N=1001", "G=7", "L=3", "B=9", "Z=5"), ("L=2", "B=1"), ("N=3000000000", "L=1")],
    "data": [(), ("B=3", "N=30", "G=10"), ("k=31", "B=128")],
}


def told(config: str, *symbols: str) -> dict[str, Any]:
    """The JSON report of a config."""
    result = peakform("report", config, *symbols, "--format", "json")
    assert result.exit_code == 0, result.stderr
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


@pytest.mark.parametrize("config", CASES, ids=lambda c: Path(c).stem)
def test_json_follows_its_schema(config: str) -> None:
    jsonschema.validate(told(config), SCHEMA, jsonschema.Draft7Validator)


@pytest.mark.parametrize("missing", ["run", "memory", "notes"])
def test_a_report_of_a_model_must_be_whole(missing: str) -> None:
    report = told(str(CONFIGS / "valid" / "data.yaml"))
    del report[missing]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, SCHEMA, jsonschema.Draft7Validator)


@pytest.mark.parametrize(("config", "symbols"), [(c, s) for c in CASES for s in BINDINGS.get(Path(c).stem, [()])], ids=str)
def test_every_formula_evaluates_to_its_number(config: str, symbols: tuple[str, ...]) -> None:
    report = told(config, *symbols)
    scope = {"__builtins__": {}} | FUNCTIONS | report["symbols"]

    found = dict(amounts(report["host"]))
    assert len(found) >= 5
    assert {formula: eval(formula, scope) for formula in found} == found


@pytest.mark.parametrize(("config", "symbols"), [(c, s) for c in CASES for s in BINDINGS.get(Path(c).stem, [()])], ids=str)
def test_conditions_hold_where_they_were_taken(config: str, symbols: tuple[str, ...]) -> None:
    report = told(config, *symbols)
    scope = {"__builtins__": {}} | FUNCTIONS | report["symbols"]

    assert [c for c in report["host"]["valid_while"] if not eval(c, scope)] == []


@pytest.mark.parametrize("config", CASES, ids=lambda c: Path(c).stem)
def test_totals_are_the_sums_of_their_rows(config: str) -> None:
    host = told(config)["host"]

    assert host["stored"]["bytes"] == sum(array["bytes"] for array in host["arrays"])
    assert all(array["bytes"] == sum(part["bytes"] for part in array["buffers"]) for array in host["arrays"])
    assert all(stage["bytes"] == sum(item["bytes"] for item in stage["items"]) for stage in host["stages"])
    assert host["peak"]["bytes"] == max(stage["bytes"] for stage in host["stages"])
    assert all(g["ways"][g["by"]]["bytes"] <= g["ways"]["lists"]["bytes"] for g in host["gathering"])


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("config", CASES, ids=lambda c: Path(c).stem)
def test_readable_formats_have_the_numbers_of_json(config: str, form: str) -> None:
    host = told(config)["host"]
    shown = peakform("report", config, "--format", form).stdout
    flat = " ".join(shown.split())

    assert [stage["bytes"] for stage in host["stages"] if f"{stage['bytes']:,}" not in shown] == []
    assert [item["bytes"] for item in host["peak"]["items"] if f"{item['bytes']:,}" not in shown] == []
    assert [claim["text"] for claim in host["claims"] if claim["text"] not in flat] == []


@pytest.mark.parametrize("config", CASES, ids=lambda c: Path(c).stem)
def test_csv_has_the_numbers_of_json(config: str) -> None:
    host = told(config)["host"]
    rows = list(csv.DictReader(io.StringIO(peakform("report", config, "--format", "csv").stdout)))
    found = {(row["section"], row["name"]): (row["formula"], int(row["value"])) for row in rows}
    expected = {("host arrays", a["name"]): (a["formula"], a["bytes"]) for a in host["arrays"]}
    expected |= {("host stages", s["name"]): (s["formula"], s["bytes"]) for s in host["stages"]}

    assert expected.items() <= found.items()


def test_host_memory_stands_beside_device_memory() -> None:
    config = str(CONFIGS / "valid" / "data.yaml")
    report = told(config)

    assert report["memory"]["peak"]["bytes"] > 0
    assert "Host memory peaks at 543.93 KiB in predicting hidden; device memory at" in peakform("report", config).stdout


def test_run_settings_mean_nothing_without_layers() -> None:
    result = peakform("report", "cpa-data", "run.mode=infer")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "command line: run.mode means nothing for a config without layers\n"


def test_a_config_without_layers_has_no_step_to_explain() -> None:
    result = peakform("explain", "cpa-data")

    assert result.exit_code == 2
    assert "a model needs 'layers'" in result.stderr


@pytest.mark.parametrize("config", CASES, ids=lambda c: Path(c).stem)
def test_configs_follow_the_schema(config: str) -> None:
    path = Path(config) if config.endswith(".yaml") else Path(analyzer.__file__).parent / "configs" / "data" / f"{config}.yaml"
    jsonschema.validate(plain(load(path)), model_schema(), cls=jsonschema.Draft7Validator)


WRONG: list[dict[str, Any]] = [
    {"arrays": {"x": {"dtype": "float32"}}},
    {"arrays": {"x": {"shape": ["N"], "format": "dok"}}},
    {"prepare": [{"stack": {"as": "x"}}]},
    {"prepare": [{"copy": {"in": "x"}}]},
    {"loader": {"workers": 2}},
    {"predictions": {"p": {"shape": ["N"], "batch": 2, "by": "magic"}}},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_the_schema_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": wrong}, model_schema(), cls=jsonschema.Draft7Validator)
