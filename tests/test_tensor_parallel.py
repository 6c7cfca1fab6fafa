"""Tensor parallel: what a rank has of a block that says how it is divided."""

from pathlib import Path

import pytest
import torch

from analyzer.analysis import Analysis
from analyzer.build.ranks import with_ranks
from analyzer.build.trace import bind_symbols, trace
from analyzer.evaluate import evaluate
from analyzer.memory import categories
from analyzer.problems import InvalidConfig
from analyzer.run.settings import read_run
from analyzer.timeline import Life
from tests.asking import analysis, model, peakform, text_model
from tests.test_timeline import same_as_unrolled
from validation.checks import Checker
from validation.tensor_parallel import TensorParallel

LAYER = "tests/configs/valid/megatron-layer.yaml"
TENSOR = {"parallel": "tensor", "ranks": "2"}
SEQUENCE, LOSS = {"sequence_parallel": "true"}, {"loss_parallel": "true"}
LLAMA = {"L": 1, "r": 16, "c": 64, "n": 8, "kv": 4, "f": 96, "V": 98}
STATISTICS = 2 * 2 * 4  # bytes a token: mean and 1 / deviation of two norms, in float32; the paper leaves them out


def kept(found: Analysis) -> int:
    """Bytes that the forward leaves for backward."""
    return sum(evaluate(life.size, found.symbols.values) for life in left(found))


def left(found: Analysis) -> list[Life]:
    """What the forward leaves for backward."""
    start, end = found.timeline.marks["forward"], found.timeline.marks["backward"]
    return [life for life in found.timeline.alive(end) if start < life.birth < end]


@pytest.mark.parametrize("sizes", [{"B": 2, "r": 64, "c": 128, "n": 8}, {"B": 3, "r": 96, "c": 320, "n": 16}])
@pytest.mark.parametrize("t", [1, 2, 4, 8])
def test_a_layer_keeps_what_megatron_counts(sizes: dict[str, int], t: int) -> None:
    """Korthikanti et al. (2022), equations 1 and 2: s b h (34 + 5 a s / h), and with tensor parallel s b h (10 + 24/t + 5 a s / (h t))."""
    b, s, h, a = sizes.values()
    published = s * b * h * (10 + 24 / t + 5 * a * s / (h * t))
    run = {**TENSOR, "ranks": str(t)} if t > 1 else {}
    assert a_layer(run, sizes) == published + STATISTICS * s * b


@pytest.mark.parametrize("sizes", [{"B": 2, "r": 64, "c": 128, "n": 8}, {"B": 3, "r": 96, "c": 320, "n": 16}])
@pytest.mark.parametrize("t", [2, 4, 8])
def test_with_sequence_parallel_a_layer_keeps_what_megatron_counts_and_its_gathered_inputs(sizes: dict[str, int], t: int) -> None:
    """Korthikanti et al. (2022), equation 4: s b h / t (34 + 5 a s / h).

    Megatron keeps a rank's part of the inputs of its two column-parallel layers and gathers them again in backward; a Linear of
    PyTorch keeps its input, which is gathered: 2 s b h bytes each, in place of 2 s b h / t.
    """
    b, s, h, a = sizes.values()
    published = s * b * h / t * (34 + 5 * a * s / h)
    gathered = 2 * (2 * s * b * h) * (1 - 1 / t)

    assert a_layer({**TENSOR, "ranks": str(t), **SEQUENCE}, sizes) == published + gathered + STATISTICS * s * b / t


def a_layer(run: dict[str, str], sizes: dict[str, int]) -> int:
    """Bytes that one more layer keeps."""
    return kept(analysis(LAYER, run, **sizes, L=7)) - kept(analysis(LAYER, run, **sizes, L=6))


@pytest.mark.parametrize(
    ("config", "symbols", "settings"),
    [
        (LAYER, {"L": 2}, {}),
        (LAYER, {"L": 2}, SEQUENCE),
        ("bert-base", {"L": 1, "B": 1, "r": 16, "V": 99, "c": 24, "n": 4}, {}),
        ("bert-base", {"L": 1, "B": 2, "r": 16, "V": 99, "c": 24, "n": 4}, SEQUENCE),
        ("llama-3.1-8b", LLAMA, {}),
        ("llama-3.1-8b", {**LLAMA, "B": 2}, {**SEQUENCE, **LOSS}),
        ("llama-3.2-1b", LLAMA, LOSS),
    ],
)
def test_every_tensor_is_as_parallelize_module_makes_it(config: str, symbols: dict[str, int], settings: dict[str, str]) -> None:
    described = model(config)
    run = read_run(described.run, {**TENSOR, "precision": "fp32", **settings})
    described = with_ranks(described, run)
    bound = bind_symbols(described, {name: str(value) for name, value in symbols.items()})
    program = TensorParallel(trace(described, bound, run, unroll=True), "cpu", run, 2)
    checker = Checker(program)
    program.forward()
    program.variables["loss"].backward()
    program.leave()
    torch.distributed.destroy_process_group()

    assert not checker.found
    assert all(p.grad is not None for p in program.parameters.values())


@pytest.mark.parametrize(
    "run", [{}, {"precision": "amp-bf16", "accumulation": "2"}, {"checkpoint": "layer"}, SEQUENCE, {**SEQUENCE, "checkpoint": "layer"}]
)
def test_loops_of_divided_blocks_are_as_if_unrolled(run: dict[str, str]) -> None:
    settings = {**TENSOR, "precision": "fp32", **run}

    same_as_unrolled(with_ranks(model(LAYER), read_run({}, settings)), settings, L=9, ranks=4)


@pytest.mark.parametrize(("config", "settings"), [("bert-base", {}), ("bert-base", SEQUENCE), ("llama-3.2-1b", {**SEQUENCE, **LOSS})])
def test_a_rank_is_a_closed_form_in_the_number_of_ranks(config: str, settings: dict[str, str]) -> None:
    sizes = {"r": 144, "V": 30528}
    found = analysis(config, {**TENSOR, **settings}, **sizes)
    for ranks in (4, 8) if config.startswith("llama") else (3, 4, 6, 12):
        again = analysis(config, {**TENSOR, **settings}, **sizes, ranks=ranks)
        for name in ("parameters", "gradients", "optimizer"):
            values = {**found.symbols.values, "ranks": ranks}
            assert evaluate(categories(found)[name], values) == evaluate(categories(again)[name], again.symbols.values)
        alive = [life.size for life in left(found)]
        assert sum(evaluate(size, {**found.symbols.values, "ranks": ranks}) for size in alive) == kept(again)


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        ("bert-base", ["run.ranks=5"], "12 heads of block 'bert_self_attention' cannot be divided among 5 ranks"),
        ("bert-base", ["run.ranks=4", "f=30"], "out_features f, which is 30, cannot be divided among 4 ranks"),
        ("gpt2", ["run.ranks=4"], "run.parallel=tensor divides nothing"),
        ("bert-base", ["run.ranks=4", "run.precision=amp-fp16"], "a GradScaler would stop"),
        ("bert-base", ["run.ranks=4", "run.loss_parallel=true"], "run.loss_parallel divides nothing: no Linear is colwise_gather_output"),
        ("bert-base", ["run.ranks=4", "run.sequence_parallel=true", "r=126"], "the sequence r, which is 126, cannot be divided"),
        ("llama-3.1-8b", ["run.ranks=8", "V=128250"], "num_embeddings V, which is 128250, cannot be divided among 8 ranks"),
        ("llama-3.1-8b", ["run.ranks=8", "run.optimizer=Lion"], "Lion on gradients of rowwise embeddings"),
        (
            "bert-base-pooled",
            ["run.ranks=4", "run.sequence_parallel=true"],
            "a part of the sequence of bert.yaml:44:9, and select needs all of it",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused(config: str, settings: list[str], message: str) -> None:
    result = peakform("check", config, "run.parallel=tensor", *settings)

    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("shard", "message"),
    [
        ("{upp: colwise}", "case.yaml:5:13: block 'mlp' has no module 'upp' to shard\n    did you mean 'up'?"),
        ("{width: divided}", "case.yaml:5:13: block 'mlp' has no symbol 'width' to shard"),
        ("{up: rows}", "case.yaml:5:17: a module is sharded colwise or rowwise, a symbol is divided"),
        ("{up: gathered}", "case.yaml:5:13: block 'mlp' has no input 'up' to shard"),
    ],
)
def test_what_a_block_does_not_have_cannot_be_sharded(shard: str, message: str, tmp_path: Path) -> None:
    block = f"blocks:\n  mlp:\n    inputs: [x]\n    shard: {shard}\n    layers: [{{Linear: {{out_features: 8, name: up}}}}]\n"
    with pytest.raises(InvalidConfig) as error:
        analysis(text_model("inputs: {x: [4, 8]}\n" + block + "layers: [{mlp: {in: x}}]\n", tmp_path))

    assert message in str(error.value)
