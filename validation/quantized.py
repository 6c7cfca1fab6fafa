"""Quantized weights beside torchao: what it keeps, and each allocation of an inference.

    validation/nullcuda/run.sh -m validation.quantized CONFIG KIND [SYMBOL=VALUE | run.KEY=VALUE]...

torchao has to be installed (0.18). KIND is int8, float8 or int4. Exit status: 0 all equal, 1 not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch
from torch import nn

from analyzer.build.trace import trace
from analyzer.evaluate import evaluate
from analyzer.graph import Graph
from analyzer.run.settings import DTYPES, Run
from analyzer.run.training import simulate
from analyzer.sizes import Sizes
from validation.divergence import Event, first_divergence, measured_events, predicted_events
from validation.loop import infer
from validation.measure_graph import analysis_of
from validation.nullcuda.recorder import Recorder
from validation.rendering import Program


def main(arguments: Sequence[str]) -> int:
    """Compare one config in one kind; every allocation of both sides where they differ."""
    config, kind, *settings = arguments
    quantized = analysis_of(config, ["run.mode=infer", f"run.weights={kind}", *settings])
    graph = trace(quantized.model, quantized.symbols, quantized.run, quantized.device, unroll=True)
    with Sizes(graph.symbols, quantized.device).active():
        expected = predicted_events(graph, simulate(graph, quantized.run))
    kept, real = _measured(analysis_of(config, ["run.mode=infer", *settings, "run.weights=precision"]).graph, kind, quantized.run.dtype)
    predicted = _kept(graph)
    divergence = first_divergence(expected, real)
    print(f"weights and buffers of Linear layers: predicted {predicted:,}, measured {kept:,}; {len(real)} allocations")
    if divergence:
        print("\n".join(("first difference:", *divergence.lines, "predicted", *map(str, expected), "measured", *map(str, real))))
    return 0 if predicted == kept and divergence is None else 1


def _kept(graph: Graph) -> int:
    tensors = (*graph.parameters.values(), *graph.buffers.values())
    return sum(
        evaluate(t.bytes, graph.symbols)
        for t in tensors
        if t.name.endswith((".weight", ".weight.scale", ".weight.zero_point", ".weight.scale_and_zero"))
    )


def _measured(graph: Graph, kind: str, dtype: str) -> tuple[int, list[Event]]:
    """Bytes of the quantized tensors, and the allocations of an inference."""
    from torchao import quantization  # type: ignore[import-not-found]

    recorder = Recorder()
    program = Program(graph, "cuda", Run(mode="infer", precision=next(word for word, name in DTYPES.items() if name == dtype)))
    config = {
        "int8": quantization.Int8WeightOnlyConfig(),
        "float8": quantization.Float8WeightOnlyConfig(),
        "int4": quantization.Int4WeightOnlyConfig(int4_packing_format="tile_packed_to_4d", set_inductor_config=False),
    }[kind]
    kept = 0
    for module in program.modules.values():
        if isinstance(module, nn.Linear):
            quantization.quantize_(module, config)
            names = getattr(module.weight, "tensor_data_names", ["data"])  # not quantized: itself
            inner = [getattr(module.weight, name) for name in names]
            optional = [getattr(module.weight, name, None) for name in getattr(module.weight, "optional_tensor_data_names", ())]
            kept += sum(t.numel() * t.element_size() for t in (*inner, *optional) if isinstance(t, torch.Tensor))
    infer(program, recorder.mark)
    return kept, measured_events(recorder.finish(), ("inference",))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
