"""`peakform layers` beside torchinfo's summary of the classes."""

import json
from typing import Any

import pytest
import torch
import torchinfo

from tests.asking import analysis, peakform
from validation.third_party_models import THIRD_PARTY


def printed(*arguments: str) -> list[dict[str, Any]]:
    """The modules, outer ones first."""
    listed: list[dict[str, Any]] = json.loads(peakform("layers", *arguments, "--format", "json").output)
    return listed


def leaves(modules: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Class, output shape and parameters of every layer, those that stand for several as often."""
    found, times = [], {-1: 1}
    for module in modules:
        times[module["depth"]] = times[module["depth"] - 1] * module["times"]
        if module["class"]:
            found.append((module["class"], module["output_shape"], module["parameters"], times[module["depth"]]))
    return found


def made(model: str) -> torch.nn.Module:
    with torch.device("meta"):
        return THIRD_PARTY[model].build(analysis(model, {"precision": "fp32"}).graph.symbols)


def test_vgg16_is_as_torchinfo_prints_it() -> None:
    summary = torchinfo.summary(made("vgg16"), input_size=(2, 3, 224, 224), device="meta", verbose=0)
    theirs = [(i.class_name, i.output_size, i.num_params) for i in summary.summary_list if i.is_leaf_layer]
    ours = printed("vgg16", "B=2")

    assert _in_order(ours) == theirs
    assert ours[0]["parameters"] == summary.total_params == 138_357_544


def _in_order(modules: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Layers as they run: the layers of a module that stands for several, as often."""
    found: list[tuple[Any, ...]] = []
    for i, module in enumerate(modules):
        if module["class"]:
            found.append((module["class"], module["output_shape"], module["parameters"]))
        below = next((j for j, m in enumerate(modules[i + 1 :], i + 1) if m["depth"] <= module["depth"]), len(modules))
        if module["times"] > 1 and not module["class"]:
            return found + _in_order(modules[i + 1 : below]) * module["times"] + _in_order(modules[below:])
    return found


@pytest.mark.parametrize("model", ["bert-base", "t5-small-eager"])
def test_layers_with_parameters_are_those_that_torchinfo_counts(model: str) -> None:
    classes = ("Linear", "Embedding", "LayerNorm")
    summary = torchinfo.summary(made(model), verbose=0)
    elsewhere = {"lm_head", "decoder", "embed_tokens", "wo"}  # tied; T5's wo is a row of the class Parameter
    theirs = sorted((i.class_name, i.num_params) for i in summary.summary_list if i.class_name in classes and i.var_name not in elsewhere)
    ours = printed(model)
    weighed = [(kind, count) for kind, _, count, times in leaves(ours) for _ in range(times) if kind in classes and count]

    assert [row for row in theirs if row[1] < 10**7] == sorted(row for row in weighed if row[1] < 10**7)
    assert ours[0]["parameters"] == sum(p.numel() for p in made(model).parameters())


def test_depth_and_uncalled_modules() -> None:
    text = peakform("layers", "scperb", "--depth", "1").output.splitlines()

    assert [line.split()[0] for line in text[2:9]] == [
        "scperb",
        "encoder1",
        "mu_encoder",
        "logvar_encoder",
        "encoder2",
        "decoder",
        "decoder2",
    ]
    assert text[8].split() == ["decoder2", "decoder_layers", "--", "6,330,198"]
    assert "Linear (called 2 times)" in text[4]


@pytest.mark.parametrize("model", ["vgg16", "bert-base", "t5-small-eager", "evoformer"])
def test_it_fits_80_columns(model: str) -> None:
    assert max(map(len, peakform("layers", model).output.splitlines())) <= 80


def test_blocks_and_the_parameters_they_hold() -> None:
    rows = printed("t5-small-eager", "B=3", "r=40")
    own = [row for row in rows if row["class"] == "Parameter"]

    assert [(row["output_shape"], row["parameters"]) for row in own if row["name"] == "wo_weight"] == 4 * [([512, 2048], 1_048_576)]
    assert [row["output_shape"] for row in rows if row["block"] == "t5_encoder"] == [[3, 40, 512]]
    assert sum(times * count for _, _, count, times in leaves(rows)) == rows[0]["parameters"]


def test_formats() -> None:
    assert peakform("layers", "vgg16", "--format", "csv").output.splitlines()[5] == "4,conv,Conv2d,1,32 64 224 224,1792"
    assert "| Conv2d | [32, 64, 224, 224] | 1,792 |" in peakform("layers", "vgg16", "--format", "markdown").output


def test_data_alone_has_no_layers() -> None:
    result = peakform("layers", "cpa-data")

    assert result.exit_code == 2
    assert "a model needs 'layers'" in result.output


def test_of_several_gpus_one_is_shown() -> None:
    whole, half = printed("vgg16", "B=6"), printed("vgg16", "B=6", "run.parallel=data_parallel", "run.ranks=2")

    assert [row["output_shape"][0] for row in (whole[1], half[1])] == [6, 3]
    assert [row["parameters"] for row in half] == [row["parameters"] for row in whole]
    refused = peakform("layers", "vgg16", "run.parallel=data_parallel", "run.ranks=1")
    assert refused.exit_code == 2
    assert "run.parallel=data_parallel is for several GPUs" in refused.stderr
