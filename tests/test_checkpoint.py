"""Activation checkpointing against PyTorch's CUDA build: bioformer's later version, B=2, r=64, the real classes run; and
blocks inside blocks and loops inside blocks, under both kinds of checkpoint."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.cli import find
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.peaks import largest
from analyzer.run.settings import read_run

MEASURED = {  # block, precision: kept, forward, backward, step
    ("bioformer_block", "fp32"): (45_747_716, 176_649_752, 283_826_344, 156_226_092),
    ("bioformer_block", "amp-fp16"): (43_732_996, 170_732_064, 247_357_364, 156_226_104),
    ("attention_with_pair_bias", "fp32"): (288_082_436, 423_310_872, 485_721_256, 156_226_092),
    ("attention_with_pair_bias", "amp-fp16"): (176_344_068, 297_216_544, 356_205_492, 156_226_104),
}

NESTED = {  # block, use_reentrant, precision: kept, forward, backward, step
    ("cell", "false", "fp32"): (1_441_600, 5_724_768, 5_830_276, 6_898_080),
    ("cell", "false", "amp-fp16"): (760_000, 5_643_752, 5_689_648, 6_898_092),
    ("cell", "true", "fp32"): (1_441_600, 5_724_768, 5_849_476, 6_898_080),
    ("cell", "true", "amp-fp16"): (760_000, 5_643_752, 5_699_248, 6_898_092),
    ("tower", "false", "fp32"): (212_800, 4_515_168, 7_194_532, 6_898_080),
    ("tower", "false", "amp-fp16"): (145_600, 5_038_952, 6_456_880, 6_898_092),
    ("tower", "true", "fp32"): (212_800, 4_515_168, 7_213_732, 6_898_080),
    ("tower", "true", "amp-fp16"): (145_600, 5_038_952, 6_466_480, 6_898_092),
    ("cell,tower", "false", "fp32"): (212_800, 4_515_168, 5_812_132, 6_898_080),
    ("cell,tower", "false", "amp-fp16"): (145_600, 5_038_952, 5_689_648, 6_898_092),
    ("cell,tower", "true", "fp32"): (212_800, 4_515_168, 5_869_444, 6_898_080),
    ("cell,tower", "true", "amp-fp16"): (145_600, 5_038_952, 5_718_448, 6_898_092),
}


@pytest.mark.parametrize(("block", "precision"), MEASURED, ids=lambda word: word)
def test_checkpointed_blocks_equal_pytorch(block, precision):
    model = read_model(*find("bioformer-later"))
    run = read_run(model.run, {"checkpoint": block, "precision": precision})

    assert figures(analyze(model, {"B": "2", "r": "64"}, run)) == MEASURED[block, precision]


@pytest.mark.parametrize(("block", "reentrant", "precision"), NESTED, ids=lambda word: word)
def test_checkpoints_around_loops_and_checkpoints_equal_pytorch(block, reentrant, precision):
    model = read_model(Path(__file__).parent / "configs" / "valid" / "checkpoint.yaml")
    run = read_run(model.run, {"checkpoint": block, "use_reentrant": reentrant, "precision": precision})
    analysis = analyze(model, {"B": "200", "S": "9", "L": "8"}, run)

    assert figures(analysis) == NESTED[block, reentrant, precision]
    assert not any(a.relation == "==" for a in analysis.assumptions)  # neither loop is unrolled


def figures(analysis):
    values = analysis.symbols.values
    peaks = [evaluate(largest([p for p in analysis.pieces if p.phase == phase], values).form, values) for phase in analysis.timeline.spans]
    return (evaluate(categories(analysis)["kept_for_backward"], values), *peaks)
