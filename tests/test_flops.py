"""FLOPs beside torch.utils.flop_counter's and published figures; bytes moved and the least time of a step."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from analyzer.catalogue import Gpu
from analyzer.compute import Floor, floors, flops, kernels, moved
from analyzer.evaluate import evaluate
from analyzer.run.settings import read_run
from analyzer.sizes import Device
from tests.asking import analysis, peakform, report, text_model
from validation.cases import cases
from validation.chains import chains
from validation.flops import compared, counted, predicted, rendered, third_party
from validation.third_party_models import THIRD_PARTY
from validation.torchvision_ops import declare

RUN = read_run({}, {"optimizer": "SGD", "outputs": "dropped"})
OPS = (
    "mm", "mv", "dot", "addmm", "bmm", "baddbmm", "matmul", "einsum", "linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d",
    "scaled_dot_product_attention", "MultiheadAttention",
)  # fmt: skip
SMALL = {"r": 16, "c": 32, "n": 4, "L": 5, "V": 101}
LAYER = """
symbols: {n: 4096, k: 2048, m: 1024}
inputs: {x: [n, k]}
layers: [{Linear: {out_features: m, bias: false}}]
run: {mode: infer}
"""
ATTENTION = """
inputs: {q: [2, 4, 256, 64]}
layers: [{scaled_dot_product_attention: {in: [q, q, q], is_causal: CAUSAL}}]
run: {mode: infer}
"""


@pytest.mark.parametrize("op", OPS)
def test_ops_have_the_flops_that_pytorch_counts(op: str) -> None:
    tried = [case for case in cases(op) if len(case.ends) > 1 or op == "dot"][::3]
    rows = [row for case in tried for row in list(compared(str(case), [next(chains(case, case.ends[0], RUN))], RUN, Device(), "cpu"))]

    assert rows
    assert [row for row in rows if row[1] != row[2]] == []


@pytest.mark.parametrize(("layer", "kwargs"), [
    ("LSTM", {"num_layers": 2, "bidirectional": True}), ("GRU", {}), ("RNN", {"num_layers": 3}), ("LSTM", {"proj_size": 3}),
])  # fmt: skip
def test_recurrent_layers_have_the_flops_of_their_matrices(layer: str, kwargs: dict[str, object], tmp_path: Path) -> None:
    module = getattr(torch.nn, layer)(5, 4, **kwargs)
    directions, layers = 1 + bool(kwargs.get("bidirectional")), int(str(kwargs.get("num_layers", 1)))
    x, h = (torch.rand(*shape, requires_grad=True) for shape in ((7, 3, 5), (layers * directions, 3, kwargs.get("proj_size", 4))))
    states = (h, torch.rand(layers * directions, 3, 4, requires_grad=True)) if layer == "LSTM" else h
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        y = module(x, states)[0].sum()
        forward = counter.get_total_flops()
        y.backward()
    settings = "".join(f", {name}: {str(value).lower()}" for name, value in kwargs.items())
    described = text_model(f"inputs: {{x: [7, 3, 5]}}\nlayers: [{{{layer}: {{hidden_size: 4{settings}}}}}]\nloss: [mean]", tmp_path)

    assert predicted(analysis(described)) == {"forward": forward, "backward": counter.get_total_flops() - forward}


@pytest.mark.parametrize(("name", "symbols"), [("resnet18", {"B": 1}), ("gpt2-eager", {"B": 1, "r": 16, "L": 5})])
def test_third_party_classes_have_the_flops_that_are_predicted(name: str, symbols: dict[str, int]) -> None:
    described = analysis(name, **symbols)

    assert counted(third_party(THIRD_PARTY[name], described, "meta")) == predicted(described)


@pytest.mark.parametrize("settings", [
    {"checkpoint": "bert_layer"}, {"checkpoint": "bert_layer", "use_reentrant": "true"}, {"accumulation": "3"},
])  # fmt: skip
def test_recomputation_and_micro_batches_are_counted(settings: dict[str, str]) -> None:
    described = analysis("bert-base-eager", settings, **SMALL, B=2, f=64, P=16)

    assert predicted(described) == counted(rendered(described, "cpu"))


@pytest.mark.parametrize(("name", "weights"), [
    ("resnet50", "ResNet50"), ("vgg16", "VGG16"), ("mobilenet-v2", "MobileNet_V2"), ("densenet121", "DenseNet121"),
])  # fmt: skip
def test_torchvision_publishes_half_as_many_multiply_adds(name: str, weights: str) -> None:
    declare()
    from torchvision import models

    multiply_adds = predicted(analysis(name, {"mode": "infer"}, B=1))["inference"] / 2

    assert round(multiply_adds / 1e9, 3) == getattr(models, f"{weights}_Weights").IMAGENET1K_V1.meta["_ops"]


def test_a_formula_holds_at_any_depth() -> None:
    four, nine = (analysis("bert-base", L=depth) for depth in (6, 9))

    assert flops(kernels(four)) == flops(kernels(nine))
    assert moved(kernels(four)) == moved(kernels(nine))


def _card(**speeds: int) -> Gpu:
    return Gpu("card", (), 10**10, 0, 80, 108, 2048, bandwidth=10**12, flops={k: v * 10**12 for k, v in speeds.items()})


def _floor(text: str, folder: Path, card: Gpu, **settings: str) -> Floor:
    described = analysis(text_model(text, folder), settings)
    (floor,) = floors(described, kernels(described), [card])
    return floor


def test_products_run_at_the_speed_of_their_dtype(tmp_path: Path) -> None:
    card, count = _card(fp32=10, tf32=100, bf16=200), 2 * 4096 * 2048 * 1024

    assert _floor(LAYER, tmp_path, card).arithmetic == pytest.approx(count / 10e12)
    assert _floor(LAYER, tmp_path, card, allow_tf32="true").arithmetic == pytest.approx(count / 100e12)
    assert _floor(LAYER, tmp_path, card, precision="bf16").arithmetic == pytest.approx(count / 200e12)
    assert _floor(LAYER, tmp_path, card, precision="amp-bf16").arithmetic == pytest.approx(count / 200e12)
    assert _floor(LAYER, tmp_path, card, precision="fp16").arithmetic == pytest.approx(count / 10e12)


def test_a_kernel_reads_its_operands_and_writes_its_result_once(tmp_path: Path) -> None:
    described, bytes_ = analysis(text_model(LAYER, tmp_path)), 4 * (4096 * 2048 + 2048 * 1024 + 4096 * 1024)

    assert evaluate(moved(kernels(described))["total"], described.symbols.values) == bytes_
    assert _floor(LAYER, tmp_path, _card(fp32=10**6)).least == pytest.approx(bytes_ / 10**12)


def test_what_a_cache_may_hold_is_no_part_of_the_bound(tmp_path: Path) -> None:
    card = Gpu("card", (), 10**10, 0, 80, 108, 2048, bandwidth=10**12, cache=10**9, flops={"fp32": 10**18})

    assert _floor(LAYER, tmp_path, card).least == pytest.approx(2 * 4096 * 2048 * 1024 / 10**18)


def test_a_causal_kernel_may_skip_half(tmp_path: Path) -> None:
    card = _card(fp32=1, tf32=1)
    causal, whole = (_floor(ATTENTION.replace("CAUSAL", word), tmp_path, card) for word in ("true", "false"))

    assert causal.arithmetic == whole.arithmetic == pytest.approx(2 * whole.arithmetic - causal.arithmetic)
    assert causal.least == pytest.approx(whole.least / 2)


def test_an_embedding_reads_rows_and_not_its_table() -> None:
    def read(vocabulary: int) -> int:
        described = analysis("bert-base", {"mode": "infer"}, **{**SMALL, "V": vocabulary}, B=2, f=64, P=16)
        return evaluate(moved(kernels(described))["total"], described.symbols.values)

    logits_and_head = 4 * (2 * 16 + 32 + 2) * 10**6  # what is written, the matrix and its bias that are read, and the loss's kernels
    assert read(101 + 10**6) - read(101) <= 2 * logits_and_head


def test_the_report_has_flops_bytes_and_a_bound_for_each_card() -> None:
    told = report("bert-base", {}, ("a100-80gb", "h200"))["effort"]

    assert set(told["flops"]) == {"forward", "backward", "step", "total"}
    assert told["flops"]["forward"]["value"] == 227_992_928_256
    assert [row["gpu"] for row in told["time_floor"]] == ["A100-80GB", "H200"]
    assert all(0 < row["seconds"] <= row["arithmetic_seconds"] + row["memory_seconds"] for row in told["time_floor"])


def test_the_bound_is_called_one() -> None:
    printed = peakform("report", "cnn3d", "--gpu", "t4").stdout

    assert "a bound, not a forecast" in printed
