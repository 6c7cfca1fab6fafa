"""`peakform blocks` lists every bundled block as its file has it, and what it prints can be used."""

import json
from pathlib import Path

import pytest
import yaml

from analyzer.build.model import read_model
from analyzer.cli import MODELS
from tests.asking import peakform

BLOCKS = MODELS.parent / "blocks"
FILES = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(BLOCKS.glob("*.yaml"))}
TOLD = json.loads(peakform("blocks", "--format", "json").stdout)["blocks"]


def test_every_block_of_every_library_is_listed() -> None:
    assert [(b["library"], b["name"]) for b in TOLD] == [(name, block) for name, file in FILES.items() for block in file["blocks"]]


@pytest.mark.parametrize("told", TOLD, ids=[f"{b['library']}.{b['name']}" for b in TOLD])
def test_a_block_is_told_as_it_is_written(told: dict[str, object]) -> None:
    written = FILES[str(told["library"])]["blocks"][told["name"]]

    assert yaml.safe_load(str(told["text"])) == {told["name"]: written}
    assert list(told["symbols"]) == list(written.get("symbols", {}))  # type: ignore[call-overload]
    assert told["doc"] == written.get("doc", "")
    assert f"configs/blocks/{told['library']}.yaml:{told['line']}" in peakform("blocks", str(told["name"])).stdout


def test_the_usage_of_a_block_reads_as_a_config(tmp_path: Path) -> None:
    (told,) = (b for b in TOLD if b["name"] == "bert_layer")
    assert list(told["calls"]) == ["attention_interface"]
    inputs = "inputs: {x: [B, r, c], mask: {shape: [B, 1, r, r], dtype: bool}}"
    text = f"symbols: {{c: 64, n: 4, f: 256, B: 2, r: 8}}\n{inputs}\n{told['usage']}\n"
    (tmp_path / "mine.yaml").write_text(text)

    assert read_model(tmp_path / "mine.yaml").layers[0].word == "bert_layer"
    assert peakform("check", str(tmp_path / "mine.yaml"), "run.mode=infer").exit_code in (0, 1)


def test_what_a_block_calls_is_had_from_a_library_that_models_pair_it_with() -> None:
    (told,) = (b for b in TOLD if (b["library"], b["name"]) == ("llama", "llama_attention"))

    assert told["calls"]["attention_interface"][:2] == ["llama_eager", "llama_sdpa"]
    assert told["reads"] == ["c", "kv", "n"]


def test_a_library_is_shown_whole_and_the_list_has_signatures() -> None:
    assert "  swiglu(x; width=c, hidden=f)\n" in peakform("blocks").stdout
    assert all(f"\n{name}(" in "\n" + peakform("blocks", "llama").stdout for name in FILES["llama"]["blocks"])


def test_an_unknown_block_is_refused() -> None:
    result = peakform("blocks", "bert_layr", "gpt2_mpl")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "command line: no block 'bert_layr'\n    did you mean 'bert_layer'?" in result.stderr
    assert "did you mean 'gpt2_mlp'?" in result.stderr
