"""Quantized weights against torchao 0.18 on PyTorch's CUDA build: what is kept, and the life of every allocation of an inference."""

from pathlib import Path

import pytest

from analyzer.build.model import read_model
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.problems import InvalidConfig
from analyzer.run.settings import read_run
from analyzer.run.training import simulate
from analyzer.sizes import Device, Sizes
from validation.divergence import predicted_events

CONFIGS = Path(__file__).parent / "configs" / "valid"
MEASURED = {  # bytes of weights, scales and zero points; each allocation's bytes, and how many were made when it went
    ("int8", "fp32"): (
        149048,
        [(481200, 2), (33684, 3), (33684, 4), (33684, 7), (102656, 6), (5376, 7), (5376, 8), (5376, 11), (2816, 10), (924, 11), (924, 11)],
    ),
    ("int8", "bf16"): (
        149048,
        [
            (240600, 2),
            (16842, 4),
            (802, 4),
            (16842, 5),
            (16842, 9),
            (51328, 7),
            (2688, 9),
            (128, 9),
            (2688, 10),
            (2688, 14),
            (1408, 12),
            (462, 14),
            (22, 14),
            (462, 14),
        ],
    ),
    ("float8", "fp32"): (
        148572,
        [
            (481200, 2),
            (481200, 3),
            (33684, 4),
            (33684, 5),
            (33684, 8),
            (102656, 7),
            (102656, 8),
            (5376, 9),
            (5376, 13),
            (2816, 11),
            (2816, 12),
            (924, 13),
            (924, 13),
        ],
    ),
    ("float8", "bf16"): (
        148572,
        [
            (481200, 3),
            (481200, 3),
            (240600, 4),
            (16842, 5),
            (16842, 6),
            (16842, 10),
            (102656, 9),
            (102656, 9),
            (51328, 10),
            (2688, 11),
            (2688, 16),
            (2816, 14),
            (2816, 14),
            (1408, 15),
            (462, 16),
            (462, 16),
        ],
    ),
    ("int4", "bf16"): (
        1223186,
        [(30720, 2), (3840, 3), (2621440, 4), (2621440, 6), (2621440, 6), (1320960, 7), (1312000, 8), (11520, 9), (11520, 9)],
    ),
}


@pytest.mark.parametrize(("kind", "precision"), MEASURED, ids=lambda word: word)
def test_linear_layers_equal_torchao(kind, precision):
    model = read_model(CONFIGS / ("quantized-in-tiles.yaml" if kind == "int4" else "quantized.yaml"))
    run = read_run(model.run, {"mode": "infer", "weights": kind, "precision": precision})
    graph = trace(model, bind_symbols(model, {}), run, unroll=True)
    with Sizes(graph.symbols, Device()).active():
        events = predicted_events(graph, simulate(graph, run))
    kept = [t for t in (*graph.parameters.values(), *graph.buffers.values()) if ".weight" in t.name]

    assert sum(evaluate(t.bytes, graph.symbols) for t in kept) == MEASURED[kind, precision][0]
    assert [(e.bytes, min(e.died, len(events))) for e in events] == MEASURED[kind, precision][1]


def test_training_and_autocast_are_refused():
    with pytest.raises(InvalidConfig, match="weights in int8 are for inference in fp32, bf16, fp16"):
        read_run({}, {"mode": "train", "weights": "int8"})
    with pytest.raises(InvalidConfig, match="weights in float8 are for inference"):
        read_run({}, {"mode": "infer", "weights": "float8", "precision": "amp-bf16"})
    with pytest.raises(InvalidConfig, match="weights in int8 are for inference"):
        read_run({}, {"mode": "infer", "weights": "int8", "no_grad": "false"})


def test_four_bits_need_bf16_and_tensor_cores():
    with pytest.raises(InvalidConfig, match="weights in int4 need a model in bf16, not fp16"):
        read_run({}, {"mode": "infer", "weights": "int4", "precision": "fp16"})
    model = read_model(CONFIGS / "quantized-in-tiles.yaml")
    with pytest.raises(InvalidConfig, match=r"weights in int4 need compute capability 8\.0, T4 has 7\.5"):
        trace(
            model,
            bind_symbols(model, {}),
            read_run({}, {"mode": "infer", "weights": "int4", "precision": "bf16"}),
            Device("T4", 40, 1024, 75),
        )
