"""`peakform import` describes the model of a config.json: its count is that of transformers' class, and nothing is passed over."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from jsonschema import Draft7Validator

from analyzer.cli import MODELS
from tests.asking import peakform, report
from validation.torchvision_ops import declare

FOLDER = Path(__file__).resolve().parent / "configs" / "hugging-face"
IMPORTS = MODELS.parent / "imports"
COUNTS = {
    "bert-base-uncased": 109_514_298, "roberta-base": 124_697_433, "distilbert-base-uncased": 66_985_530, "gpt2": 124_439_808,
    "gpt2-xl": 1_557_611_200, "llama-3.2-1b": 1_235_814_400, "llama-2-7b": 6_738_415_616, "mistral-7b-v0.1": 7_241_732_096,
    "mistral-nemo-2407": 12_247_782_400, "qwen2.5-0.5b": 494_032_768, "qwen3-0.6b": 596_049_920,
    "vit-base-patch16-224": 86_567_656, "t5-small": 60_506_624,
}  # fmt: skip
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def told(*arguments: str) -> dict[str, Any]:
    """The JSON report of an import that succeeds."""
    result = peakform("import", *arguments, "--format", "json")
    assert result.exit_code == 0, result.stderr
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def changed(tmp_path: Path, like: str, **changes: object) -> str:
    """A config.json like another with some keys changed; None drops one."""
    content = {**json.loads((FOLDER / f"{like}.json").read_text()), **changes}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}, indent=2))
    return str(path)


def count(path: str | Path) -> int:
    """Parameters of transformers' own class, built without memory."""
    declare()
    config = transformers.AutoConfig.from_pretrained(path)
    with torch.device("meta"):
        model = getattr(transformers, json.loads(Path(path).read_text())["architectures"][0])(config)
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_class(name: str) -> None:
    path = FOLDER / f"{name}.json"
    total = told(str(path))["parameters"]["total"]["value"]

    assert total == count(path)
    assert total == COUNTS.get(name, total)


def test_bundled_models_are_what_their_config_says() -> None:
    for name, bundled in (("bert-base-uncased", "bert-base"), ("gpt2-xl", "gpt2-xl"), ("llama-3.2-1b", "llama-3.2-1b")):
        ours = told(str(FOLDER / f"{name}.json"), "B=2", "r=64")
        theirs = report(bundled, B=2, r=64)
        assert ours["memory"]["peaks"]["backward"]["bytes"] == theirs["memory"]["peaks"]["backward"]["bytes"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_a_config_that_says_the_same(name: str, tmp_path: Path) -> None:
    source, target = str(FOLDER / f"{name}.json"), tmp_path / "mine.yaml"
    result = peakform("import", source, "-o", str(target))
    assert (result.exit_code, result.stdout) == (0, "")

    written, direct = report(str(target)), told(source)
    assert written["model"] == "mine"
    assert written["parameters"] == direct["parameters"]
    assert written["symbols"] == direct["symbols"]
    assert [c["bytes"] for c in written["memory"]["peaks"].values()] == [c["bytes"] for c in direct["memory"]["peaks"].values()]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_accounted_for(name: str) -> None:
    told = peakform("import", str(FOLDER / f"{name}.json")).stderr

    assert [key for key in json.loads((FOLDER / f"{name}.json").read_text()) if key not in told] == []
    assert "unknown key" not in told


@pytest.mark.parametrize(("like", "changes", "message"), [
    ("bert-base-uncased", {"model_type": "whisper"}, "model_type 'whisper' cannot be imported\n    supported: bert, distilbert, esm"),
    ("bert-base-uncased", {"model_type": "brt"}, "did you mean 'bert'?"),
    ("bert-base-uncased", {"model_type": None}, "no 'model_type' that says which model it is\n    supported: bert"),
    ("bert-base-uncased", {"model_type": 3}, "no 'model_type'"),
    ("bert-base-uncased", {"hidden_size": "768"}, "'hidden_size' is 768\n    expected a whole number above 0"),
    ("bert-base-uncased", {"hidden_size": True}, "'hidden_size' is true\n    expected a whole number above 0"),
    ("bert-base-uncased", {"hidden_size": [1]}, "'hidden_size' is no number"),
    ("bert-base-uncased", {"hidden_size": -5}, "'hidden_size' is -5"),
    ("bert-base-uncased", {"hidden_size": 10**13}, "symbol 'c' is 10000000000000"),
    ("bert-base-uncased", {"architectures": "BertModel"}, "'architectures' must be a list of classes"),
    ("bert-base-uncased", {"hidden_act": "swish"}, "hidden_act is swish: BertForMaskedLM is described only with gelu or relu"),
    ("bert-base-uncased", {"position_embedding_type": "relative_key"}, "is described only with absolute"),
    ("bert-base-uncased", {"is_decoder": True}, "is_decoder is true: BertForMaskedLM is described only with false"),
    ("bert-base-uncased", {"hidden_dropout_prob": 0}, "hidden_dropout_prob is 0: dropout is described everywhere or nowhere"),
    ("bert-base-uncased", {"hidden_dropout_prob": 2}, "'hidden_dropout_prob' is no probability"),
    ("bert-base-uncased", {"hidden_dropout_prob": "no"}, "'hidden_dropout_prob' is no probability"),
    ("llama-3.2-1b", {"quantization_config": {"bits": 4}}, "quantization_config is {...}: LlamaForCausalLM is described only without it"),
    ("llama-3.2-1b", {"rope_scaling": {"rope_type": "longrope"}}, "rope_scaling.rope_type is longrope"),
    ("llama-3.2-1b", {"attention_bias": True}, "attention_bias is true"),
    ("mistral-7b-v0.1", {"sliding_window": 512}, "sliding_window is 512: a window is not described, and at r = 1024 it hides something"),
    ("qwen3-0.6b", {"use_sliding_window": True}, "use_sliding_window is true"),
    ("esm2-t6-8m", {"vocab_size": None}, "no 'vocab_size'"),
    ("esm2-t6-8m", {"position_embedding_type": None}, "position_embedding_type is not given, which means absolute"),
    ("t5-small", {"feed_forward_proj": "gated-gelu"}, "feed_forward_proj is gated-gelu"),
    ("t5-small", {"num_decoder_layers": 3}, "num_decoder_layers is 3: T5ForConditionalGeneration is described only with L = 6"),
    ("t5-small", {"dropout_rate": 0}, "dropout_rate is 0"),
], ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "")  # fmt: skip
def test_what_cannot_be_said_is_refused(like: str, changes: dict[str, object], message: str, tmp_path: Path) -> None:
    result = peakform("import", changed(tmp_path, like, **changes))

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "config.json:" in result.stderr


def test_a_refused_setting_names_its_place_and_can_be_ignored(tmp_path: Path) -> None:
    path = changed(tmp_path, "llama-3.2-1b", quantization_config={"bits": 4})
    line = next(n for n, text in enumerate(Path(path).read_text().splitlines(), 1) if "quantization_config" in text)
    assert f"{path}:{line}:26: quantization_config is" in peakform("import", path).stderr

    result = peakform("import", path, "--ignore", "quantization_config")
    assert result.exit_code == 0
    assert "described only without it; ignored as asked" in result.stderr
    assert peakform("import", path, "--ignore", "quantisation_config").exit_code == 2


def test_settings_change_the_model(tmp_path: Path) -> None:
    plain = told(str(FOLDER / "bert-base-uncased.json"))
    untied = told(changed(tmp_path, "bert-base-uncased", tie_word_embeddings=False))
    dry = told(changed(tmp_path, "bert-base-uncased", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0))
    half = told(changed(tmp_path, "bert-base-uncased", torch_dtype="bfloat16"))

    assert untied["parameters"]["total"]["value"] == plain["parameters"]["total"]["value"] + 30522 * 768
    assert dry["memory"]["kept_for_backward"]["bytes"] < plain["memory"]["kept_for_backward"]["bytes"]
    assert half["memory"]["parameters"]["bytes"] * 2 == plain["memory"]["parameters"]["bytes"]
    assert told(changed(tmp_path, "bert-base-uncased", hidden_act="relu"))["memory"] != plain["memory"]


def test_symbols_are_bounded_by_positions_and_overridden_on_the_command_line(tmp_path: Path) -> None:
    path = changed(tmp_path, "bert-base-uncased", max_position_embeddings=64)

    assert told(path)["symbols"]["r"] == 64
    assert told(path, "r=32", "B=3", "run.optimizer=SGD")["symbols"]["B"] == 3
    assert "command line: r is 128, above max_position_embeddings = 64" in peakform("import", path, "r=128").stderr


def test_a_window_hides_nothing_from_shorter_sequences(tmp_path: Path) -> None:
    path = changed(tmp_path, "mistral-7b-v0.1", sliding_window=512)

    assert "sliding_window (hides nothing while r < 512)" in peakform("import", path, "r=511").stderr
    assert peakform("import", path, "r=512").exit_code == 2


def test_unknown_keys_other_classes_and_caches_are_told(tmp_path: Path) -> None:
    path = changed(tmp_path, "bert-base-uncased", architectures=["BertForSequenceClassification"], rotary_magic=4)
    result = peakform("import", path)

    assert result.exit_code == 0
    assert "unknown key 'rotary_magic': not read" in result.stderr
    assert "BertForSequenceClassification is described as BertForMaskedLM" in result.stderr
    assert "use_cache: described without a key-value cache" in result.stderr


def test_attention_is_chosen() -> None:
    path = str(FOLDER / "gpt2.json")

    assert told(path, "--attention", "eager")["memory"] != told(path)["memory"]
    assert "no gpt2 with attention 'flash'\n    known: eager, sdpa" in peakform("import", path, "--attention", "flash").stderr


@pytest.mark.parametrize(("text", "message"), [
    ("", "1:1: not JSON: the end of the file where a value is expected"),
    ("[]", "1:1: expected an object"),
    ('{"a": 1,}', "1:9: not JSON: expected a key in double quotes"),
    ('{"a": 1 "b": 2}', "1:9: not JSON: expected ',' or '}'"),
    ('{"a": 1, "a": 2}', "1:10: duplicate key 'a'\n    first at line 1"),
    ('{"a":\n  NaN}', "2:3: not JSON: 'NaN' where a value is expected"),
    ('{"a": "x\ny"}', "not JSON: invalid control character"),
    ('{"a": "x', "1:7: not JSON: unterminated string"),
    ('{"a": 1} 2', "1:10: not JSON: expected the end of the file"),
    ('{"a": ' + "[" * 50 + "]" * 50 + "}", "nested more than 40 levels deep"),
    ('{"a": [' + "1," * 60_000 + "1]}", "more than 50000 values"),
    (" " * (1 << 20) + "{}", "file is larger than 1 MiB"),
    ('{"a": 12345678901234567890123456789012345678901234567890}', "where a value is expected"),
], ids=range(13))  # fmt: skip
def test_text_that_is_no_json_is_refused_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    result = peakform("import", str(path))

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("path", sorted(IMPORTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_families_are_data_that_a_schema_holds(path: Path) -> None:
    schema = json.loads((MODELS.parents[1] / "schema_files" / "import.schema.json").read_text())
    Draft7Validator.check_schema(schema)

    assert [e.message for e in Draft7Validator(schema).iter_errors(_worded(yaml.safe_load(path.read_text())))] == []


def test_the_schema_refuses_a_misspelled_section() -> None:
    schema = json.loads((MODELS.parents[1] / "schema_files" / "import.schema.json").read_text())

    assert not Draft7Validator(schema).is_valid({"doc": "x", "source": "y", "symbls": {}})
    assert not Draft7Validator(schema).is_valid({"doc": "x", "source": "y", "symbols": {"c": {"fro": "hidden_size"}}})


def _worded(value: Any) -> Any:
    """Keys as words: YAML reads `16:` as a number."""
    if isinstance(value, dict):
        return {str(k): _worded(v) for k, v in value.items()}
    return [_worded(v) for v in value] if isinstance(value, list) else value
