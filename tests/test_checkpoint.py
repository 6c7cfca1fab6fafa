"""Activation checkpointing against PyTorch's CUDA build: bioformer's later version, B=2, r=64, the real classes run."""

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


@pytest.mark.parametrize(("block", "precision"), MEASURED, ids=lambda word: word)
def test_checkpointed_blocks_equal_pytorch(block, precision):
    model = read_model(*find("bioformer-later"))
    run = read_run(model.run, {"checkpoint": block, "precision": precision})
    analysis = analyze(model, {"B": "2", "r": "64"}, run)
    values = analysis.symbols.values
    peaks = [evaluate(largest([p for p in analysis.pieces if p.phase == phase], values).form, values) for phase in analysis.timeline.spans]
    kept = evaluate(categories(analysis)["kept_for_backward"], values)

    assert (kept, *peaks) == MEASURED[block, precision]
