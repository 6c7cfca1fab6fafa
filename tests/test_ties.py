"""Tied parameters against PyTorch's CUDA build: one weight with several names, in a block, in a loop, and in another's place."""

from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.build.model import read_model
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.parameters import count
from analyzer.peaks import largest
from analyzer.run.settings import Run, read_run
from validation.rendering import Program
from validation.saved import predicted_bytes, saved_bytes

CONFIG = Path(__file__).parent / "configs" / "valid" / "tied.yaml"
MEASURED = {  # precision: parameters, gradients, kept, forward, backward, step, in bytes
    "fp32": (12_148, 12_148, 37_136, 73_920, 84_164, 66_204),
    "amp-fp16": (12_148, 12_148, 29_232, 66_562, 71_156, 63_654),
}


@pytest.mark.parametrize("precision", MEASURED)
def test_memory_equals_pytorch(precision):
    model = read_model(CONFIG)
    analysis = analyze(model, {}, read_run(model.run, {"precision": precision}))
    values, by_category = analysis.symbols.values, categories(analysis)
    peaks = [evaluate(largest([p for p in analysis.pieces if p.phase == phase], values).form, values) for phase in analysis.timeline.spans]
    found = [evaluate(by_category[name], values) for name in ("parameters", "gradients", "kept_for_backward")]

    assert (*found, *peaks) == MEASURED[precision]


def test_counts_each_parameter_once_and_keeps_what_autograd_keeps():
    model, run = read_model(CONFIG), Run(optimizer="SGD", outputs="dropped")
    graph = trace(model, bind_symbols(model, {}), run, unroll=True)
    program = Program(graph, "cpu", run)

    assert program.modules["head"].weight is program.modules["embedding"].weight
    assert evaluate(count(graph.parameters.values()), graph.symbols) == sum(p.numel() for p in set(program.parameters.values()))
    assert predicted_bytes(graph, run) == saved_bytes(program)


def test_freezing_either_name_freezes_the_parameter(tmp_path):
    path = tmp_path / "tied.yaml"
    path.write_text(CONFIG.read_text() + "frozen: [head.weight]\n")
    model = read_model(path)
    parameters = trace(model, bind_symbols(model, {}), Run()).parameters

    assert [name for name, tensor in parameters.items() if not tensor.requires_grad] == ["embedding.weight"]
