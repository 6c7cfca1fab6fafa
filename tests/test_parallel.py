"""Several GPUs: settings that go together, and what each of them adds to a rank."""

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.testing._internal.distributed.fake_pg import FakeStore

from analyzer.build.ranks import with_ranks
from analyzer.evaluate import evaluate
from analyzer.graph import Storage, Tensor
from analyzer.memory import categories
from analyzer.peaks import largest
from analyzer.polynomial import poly, symbols_of
from analyzer.problems import InvalidConfig, Origin
from analyzer.run.buckets import assigned
from analyzer.run.partition import heaviest
from analyzer.run.settings import read_run
from analyzer.sizes import Device, Sizes
from tests.asking import analysis, model, peakform, report
from tests.test_timeline import same_as_unrolled

DDP = {"parallel": "ddp", "ranks": "8"}


def peaks(config: str, run: dict[str, str], **symbols: int) -> dict[str, int]:
    """The peak of each phase."""
    found = analysis(config, run, **symbols)
    values = found.symbols.values
    return {phase: evaluate(largest([p for p in found.pieces if p.phase == phase], values).form, values) for phase in found.timeline.spans}


def _tensor(elements: int, dtype: str) -> Tensor:
    storage = Storage(poly(elements), "parameter", "", Origin(""))
    return Tensor((poly(elements),), (poly(1),), dtype, storage, True)


@given(st.lists(st.tuples(st.integers(1, 5000), st.sampled_from(["float32", "bfloat16"])), min_size=1, max_size=30), st.integers(1, 30000))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_tensors_are_divided_among_buckets_as_pytorch_divides_them(tensors: list[tuple[int, str]], cap: int) -> None:
    real = [torch.empty(size, dtype=getattr(torch, dtype)) for size, dtype in tensors]
    with Sizes({}, Device()).active():
        ours = assigned([_tensor(size, dtype) for size, dtype in tensors], [4096, cap])

    theirs, _ = dist._compute_bucket_assignment_by_size(real, [4096, cap])
    assert ours == theirs


@pytest.mark.parametrize("layers", [2, 12])
def test_buckets_are_as_large_as_the_gradients(layers: int) -> None:
    alone, ranked = (peaks("bert-base", run, L=layers, B=2) for run in ({}, DDP))
    gradients = evaluate(
        categories(analysis("bert-base", {}, L=layers, B=2))["gradients"], analysis("bert-base", {}, L=layers).symbols.values
    )

    assert ranked == {phase: peak + gradients for phase, peak in alone.items()}


def test_unused_parameters_stop_ddp_unless_it_looks_for_them() -> None:
    with pytest.raises(InvalidConfig, match="would stop at the second step: 10 parameters get no gradient"):
        analysis("scperb", DDP)

    assert analysis("scperb", {**DDP, "find_unused_parameters": "true"}).pieces


def test_the_report_says_of_which_rank_it_is() -> None:
    assert any("of rank 0" in note for note in report(PRENORM, SHARDED)["notes"])


def test_ranks_is_a_symbol_that_may_be_an_expression() -> None:
    assert analysis("bert-base", {"parallel": "ddp", "ranks": "2*B"}, B=3).symbols.values["ranks"] == 6
    assert analysis("bert-base", DDP, ranks=5).symbols.values["ranks"] == 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["run.parallel=ddp"], "run.parallel=ddp needs the number of GPUs"),
        (["run.ranks=4"], "run.ranks needs to know how the GPUs share the work"),
        (["run.parallel=ddp", "run.ranks=q"], "unknown symbol 'q'"),
        (["run.bucket_cap_mb=4"], "run.bucket_cap_mb means nothing with run.parallel=none"),
        (["run.parallel=ddp", "run.ranks=2", "run.shard=block"], "run.shard means nothing with run.parallel=ddp"),
        (["run.parallel=zero2", "run.ranks=2", "run.reshard_after_forward=true"], "zero2 is fsdp with reshard_after_forward=false"),
        (["run.parallel=zero3", "run.ranks=2", "run.cast_forward_inputs=false"], "cast_forward_inputs=false means nothing without"),
        (["run.parallel=ddp", "run.ranks=2", "run.param_dtype=bf16"], "run.param_dtype means nothing with run.parallel=ddp"),
        (["run.parallel=fsdp", "run.ranks=1"], "run.parallel=fsdp is for several GPUs, and ranks is 1"),
        (["run.parallel=data_parallel", "run.ranks=1"], "run.parallel=none for one GPU"),
        (["run.parallel=fsdp", "run.ranks=2", "run.shard=encoder"], "run.shard names no block 'encoder'"),
        (["run.parallel=ddp", "run.ranks=2", "run.mode=infer"], "run.parallel=ddp is for training"),
    ],
)
def test_settings_that_mean_nothing_together_are_refused(settings: list[str], message: str) -> None:
    result = peakform("check", "bert-base", *settings)

    assert result.exit_code == 2
    assert message in result.output


SHARDED = {"parallel": "fsdp", "ranks": "4", "shard": "attention,feed_forward"}
PRENORM = "validation/models/encoder_prenorm.yaml"


@pytest.mark.parametrize("stage", ["zero2", "zero3"])
@pytest.mark.parametrize(
    "run",
    [
        {},
        {"precision": "amp-bf16", "accumulation": "2"},
        {"checkpoint": "attention"},
        {"param_dtype": "fp16", "reduce_dtype": "fp32"},
    ],
)
def test_loops_of_sharded_units_are_as_if_unrolled(stage: str, run: dict[str, str]) -> None:
    settings = {**SHARDED, "parallel": stage, **run}

    same_as_unrolled(with_ranks(model(PRENORM), read_run({}, settings)), settings, L=9, ranks=3)


@pytest.mark.parametrize("ranks", [2, 7, 64])
def test_a_rank_keeps_a_share_of_parameters_gradients_and_states(ranks: int) -> None:
    """ZeRO-3 (Rajbhandari et al., 2020): (2 + 2 + K) / N bytes per parameter, in fp32 with Adam 4 + 4 + 8; parts are rounded up."""
    alone, sharded = analysis(PRENORM), analysis(PRENORM, {"parallel": "zero3", "ranks": "2"}, ranks=ranks)
    values = alone.symbols.values
    rows = sum(evaluate(t.elements * t.storage.copies, values) // evaluate(t.shape[0], values) for t in alone.graph.parameters.values())
    for name, width in (("parameters", 4), ("gradients", 4), ("optimizer", 8)):
        whole, part = (evaluate(categories(found)[name], found.symbols.values) for found in (alone, sharded))
        assert whole / ranks <= part <= whole / ranks + width * rows


def test_shards_are_closed_forms_in_the_number_of_ranks() -> None:
    found = analysis(PRENORM, SHARDED)
    form = categories(found)["gradients"]

    assert "ranks" in symbols_of(form)
    for ranks in (2, 3, 5, 64):
        values = {**found.symbols.values, "ranks": ranks}
        assert evaluate(form, values) == evaluate(categories(analysis(PRENORM, SHARDED, ranks=ranks))["gradients"], values)


def kept(run: dict[str, str]) -> dict[str, int]:
    """Bytes of a rank's parameters, gradients and states."""
    found = analysis(PRENORM, {**SHARDED, **run})
    return {name: evaluate(categories(found)[name], found.symbols.values) for name in ("parameters", "gradients", "optimizer")}


def test_copies_of_a_sharded_model_are_divided_among_their_own_ranks() -> None:
    assert kept({"ranks": "12", "replicate": "3"}) == kept({"ranks": "4"})


def test_a_policy_of_mixed_precision_leaves_shards_as_they_are() -> None:
    """MixedPrecisionPolicy: the optimizer steps the sharded parameters in their own dtype, and activations are in param_dtype."""
    lower = {"param_dtype": "bf16", "reduce_dtype": "bf16"}
    plain, cast = (analysis(PRENORM, {**SHARDED, **run}) for run in ({}, lower))
    saved = [evaluate(categories(found)["kept_for_backward"], found.symbols.values) for found in (plain, cast)]

    assert kept(lower) == kept({})
    assert saved[1] < 0.6 * saved[0]


def test_what_is_offloaded_takes_nothing_of_the_card() -> None:
    plain, host = ({**SHARDED, "offload_policy": policy} for policy in ("none", "cpu"))
    told = next(note for note in report(PRENORM, host)["notes"] if "host memory" in note)

    assert set(kept(host).values()) == {0}
    assert peaks(PRENORM, host)["step"] < peaks(PRENORM, plain)["step"] - sum(kept(plain).values())
    assert f"{sum(kept(plain).values()) / 2**30:.2f} GiB" in told


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("resnet18", ["run.param_dtype=bf16"], "a batch norm with its weight in bfloat16 and its statistics in float32"),
        (PRENORM, ["run.shard=attention", "run.param_dtype=bf16", "run.output_dtype=fp32"], "layer_norm takes one dtype"),
        (PRENORM, ["run.replicate=4"], "run.replicate=4 is for several times as many GPUs, and ranks is 4"),
        (PRENORM, ["run.ema=true"], "AveragedModel copies the model"),
        (PRENORM, ["run.precision=amp-fp16", "run.offload_policy=cpu"], "a GradScaler of gradients in host memory"),
    ],
)
def test_what_fully_shard_would_not_take_is_refused(model: str, settings: list[str], message: str) -> None:
    result = peakform("check", model, "run.parallel=fsdp", "run.ranks=4", *settings)

    assert result.exit_code == 2
    assert message in result.output


def test_a_sharded_block_inside_a_checkpointed_one_is_refused() -> None:
    result = peakform(
        "check", "vit-b-16", "run.parallel=fsdp", "run.ranks=2", "run.shard=vision_mlp", "run.checkpoint=vision_encoder_block"
    )

    assert result.exit_code == 2
    assert "inside a checkpointed block" in result.output


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 6))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_parameters_are_divided_among_ranks_as_pytorch_divides_them(counts: list[int], ranks: int) -> None:
    dist.init_process_group(backend="fake", store=FakeStore(), rank=0, world_size=ranks)
    try:
        parameters = [torch.nn.Parameter(torch.empty(count)) for count in counts]
        divided = [groups[0]["params"] for groups in ZeroRedundancyOptimizer(parameters, torch.optim.SGD, lr=0.1)._partition_parameters()]
    finally:
        dist.destroy_process_group()
    rank, members = heaviest([counts], ranks)

    assert [id(parameters[i]) for i in members] == [id(p) for p in divided[rank]]
    assert sum(p.numel() for p in divided[rank]) == max(sum(p.numel() for p in owned) for owned in divided)


@pytest.mark.parametrize("ranks", [1, 2, 7])
def test_a_rank_keeps_a_share_of_the_states(ranks: int) -> None:
    """ZeRO-1 (Rajbhandari et al., 2020): K / N bytes per parameter, 8 with Adam in fp32; no parameter is divided."""
    found = {kind: analysis(PRENORM, {"parallel": kind, "ranks": "2"}, ranks=ranks) for kind in ("ddp", "zero1")}
    values = found["ddp"].symbols.values
    whole, part = (evaluate(categories(of)["optimizer"], values) for of in found.values())
    largest_one = max(evaluate(t.elements, values) for t in found["ddp"].graph.parameters.values())

    assert whole / ranks <= part <= whole / ranks + 8 * largest_one
    assert all(evaluate(categories(of)["gradients"], values) == whole / 2 for of in found.values())


def test_outputs_that_are_gathered_one_by_one_are_ordered_beside_the_replicas_nodes() -> None:
    """Measured in PyTorch's CUDA build over two null devices: scPerb, whose model returns several outputs."""
    assert peaks("scperb", {"parallel": "data_parallel", "ranks": "2"}) == {
        "forward": 412_632_896, "backward": 444_580_100, "step": 444_580_096,
    }  # fmt: skip
