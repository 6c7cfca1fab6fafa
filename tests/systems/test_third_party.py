"""The bundled configs of published models, beside the classes that they describe.

Memory: what PyTorch's CUDA build allocated for the class itself is committed; `validation/nullcuda/run.sh -m validation zoo`
measures it. Parameters and buffers: the class is made here, on a device that has no memory.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version

import pytest
import torch
from torch import nn

from analyzer.analysis import Analysis
from analyzer.evaluate import evaluate
from analyzer.graph import Tensor
from tests.asking import analysis
from validation.accuracy import ALLOCATOR_BOUNDS, EXACT, error
from validation.rows import PEAKS, Row, predicted, read
from validation.third_party import WRITTEN
from validation.third_party_models import THIRD_PARTY, cases

RESULTS = read(WRITTEN)
PARAMETERS = {  # as published
    "bert-base": 109_514_298, "bert-large": 335_174_458, "roberta-base": 124_697_433, "distilbert": 66_985_530,
    "gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200,
    "llama-3.2-1b": 1_235_814_400, "llama-3.1-8b": 8_030_261_248, "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-8b-lora": 8_030_261_248 + 6_815_744, "qwen2.5-7b": 7_615_616_512, "qwen3-8b": 8_190_735_360, "mistral-7b": 7_248_023_552,
    "mixtral-8x7b-batched": 46_702_792_704,
    "t5-small": 60_506_624, "t5-base": 222_903_552, "vit-b-16": 86_567_656, "vit-b-16-sdpa": 86_567_656,
    "resnet18": 11_689_512, "resnet50": 25_557_032, "resnet152": 60_192_808, "vgg16": 138_357_544, "vgg16-bn": 138_365_992,
    "vit-l-16": 304_326_632, "convnext-tiny": 28_589_128, "densenet121": 7_978_856, "mobilenet-v2": 3_504_872,
    "efficientnet-b0": 5_288_548, "esmfold-block": 14_293_888,
    "swin-t": 28_288_354, "esm2": 651_043_254, "geneformer": 10_288_722,
}  # fmt: skip


def test_every_case_was_measured_with_the_pinned_packages() -> None:
    assert [row.key for row in RESULTS.rows] == list(cases())
    assert dict(RESULTS.packages) == {name: version(name) for name in RESULTS.packages}


@pytest.mark.parametrize("model", THIRD_PARTY)
def test_predictions_equal_what_the_class_takes(model: str) -> None:
    rows = [_again(row) for row in RESULTS.rows if row.model == model]

    assert [(row.key, name) for row in rows for name in (*EXACT, *PEAKS) if error(row, name)] == []


@pytest.mark.parametrize("model", ["bert-base", "gpt2-eager", "llama-3.2-1b", "resnet18"])
def test_the_allocator_s_counters_are_close_to_the_class_s(model: str) -> None:
    rows = [_again(row, allocator=True) for row in RESULTS.rows if row.model == model and " " in row.symbols]

    assert [(row.key, name) for row in rows for name, bound in ALLOCATOR_BOUNDS.items() if error(row, name) > bound] == []


def _again(row: Row, *, allocator: bool = False) -> Row:
    """The row with today's prediction."""
    return Row(row.model, row.symbols, row.run, row.measured, predicted(row, RESULTS.device, allocator=allocator))


@pytest.mark.parametrize("model", THIRD_PARTY)
def test_parameters_and_buffers_are_those_of_the_class(model: str) -> None:
    module, traced = _made(model), analysis(model, {"precision": "fp32"})

    assert _sizes(module.parameters()) == _predicted_sizes(traced, traced.graph.parameters.values())
    assert _sizes(module.buffers()) == _predicted_sizes(traced, traced.graph.buffers.values())
    assert sum(p.numel() for p in module.parameters()) == PARAMETERS[re.sub("-(eager|prefill|decode|cached)$", "", model)]


def _made(model: str) -> nn.Module:
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        return THIRD_PARTY[model].build(analysis(model).graph.symbols)


def _sizes(tensors: Iterable[torch.Tensor]) -> Counter[tuple[tuple[int, ...], str]]:
    """How many there are of each shape and dtype."""
    return Counter((tuple(t.shape), str(t.dtype).removeprefix("torch.")) for t in tensors)


def _predicted_sizes(of: Analysis, tensors: Iterable[Tensor]) -> Counter[tuple[tuple[int, ...], str]]:
    symbols, found = of.graph.symbols, Counter[tuple[tuple[int, ...], str]]()
    for t in tensors:
        found[tuple(evaluate(size, symbols) for size in t.shape), t.dtype] += evaluate(t.storage.copies, symbols)
    return found
