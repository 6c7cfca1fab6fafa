"""`peakform ops` and `peakform schema` say what the rules say."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from analyzer.cli import MODELS, main
from analyzer.document import load, plain
from analyzer.ops import OPS
from analyzer.schema import model_schema
from analyzer.vocabulary import gradients, signature

GRADIENTS = {
    "softmax": "softmax: d x = softmax_backward(g, y)",
    "mul": "mul: d other = g * x; d x = g * other",
    "Dropout": "native_dropout: d x = masked_scale(g, mask)",
    "cat": "cat: d x0 = narrow(g, dim, start0, x0.shape); d x1 = narrow(g, dim, start1, x1.shape)",
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient_formulas_are_the_rules(name):
    assert GRADIENTS[name] in gradients(OPS[name])


def test_signatures_have_defaults():
    assert signature(OPS["Linear"]) == "Linear(x, out_features: size, bias=True, in_features=None)"


def test_every_op_is_listed_with_its_equation():
    printed = CliRunner().invoke(main, ["ops"]).output

    assert [op.name for op in OPS.values() if f"{signature(op)}\n    {op.equation}" not in printed] == []
    assert [op.name for op in OPS.values() if not op.equation] == []


def test_the_schema_is_draft_07():
    schema = json.loads(CliRunner().invoke(main, ["schema"]).output)
    jsonschema.Draft7Validator.check_schema(schema)

    assert set(OPS) <= set(schema["definitions"]["statement"]["anyOf"][1]["properties"])


@pytest.mark.parametrize("path", sorted(MODELS.glob("*.yaml")), ids=lambda path: path.stem)
def test_bundled_models_follow_the_schema(path):
    jsonschema.validate(plain(load(Path(path))), model_schema(), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("wrong", [{"layer": []}, {"layers": [{"Linear": {"width": 3}}]}, {"layers": [], "run": {"mode": "fly"}}], ids=str)
def test_the_schema_refuses(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, model_schema(), cls=jsonschema.Draft7Validator)
