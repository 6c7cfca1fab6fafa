"""bioformer as it ran out of memory: under nn.DataParallel over two GPUs, with autocast.

Figures of small sizes were measured in PyTorch's CUDA build (torch 2.13) over two null devices, as requested bytes, cuBLAS workspaces
left out; those of the sizes of its journal on the meta device, as the live bytes of half the batch.
"""

import pytest

from analyzer.analysis import of_another_gpu
from analyzer.evaluate import evaluate
from analyzer.peaks import largest
from tests.asking import analysis, peakform
from validation.figures import predicted

GIB = 1 << 30
TWO = {"parallel": "data_parallel", "ranks": "2", "precision": "amp-fp16"}


@pytest.mark.parametrize(("sizes", "left", "peak"), [({"B": 32}, 885.6, 1129.7)])
def test_half_the_batch_is_on_each_gpu(sizes: dict[str, int], left: float, peak: float) -> None:
    found = predicted(analysis("bioformer", TWO, **sizes))

    assert round(found["left by forward"] / GIB, 1) == left
    assert peak < found["backward"] / GIB < peak + 0.2  # replicas' gradients, and the buffers in which they are reduced


def test_what_gets_no_gradient_gets_zeros() -> None:
    alone, two = (predicted(analysis("bioformer", run)) for run in ({"precision": "amp-fp16"}, TWO))

    assert alone["gradients"] < alone["parameters"] == two["gradients"] == two["parameters"]


def test_both_gpus_at_a_small_size() -> None:
    first = analysis("bioformer", TWO, B=4, n_hvg=24, c=32, L=3)
    peaks = [{phase: found[phase] for phase in ("left by forward", "forward", "backward")} for found in
             map(predicted, (first, of_another_gpu(first)))]  # fmt: skip

    assert peaks == [
        {"left by forward": 6_712_080, "forward": 11_433_496, "backward": 13_604_668},
        {"left by forward": 7_328_276, "forward": 10_195_288, "backward": 12_361_048},
    ]


def test_the_report_says_what_another_gpu_takes() -> None:
    sizes = [f"{name}={value}" for name, value in {"B": 4, "n_hvg": 24, "c": 32, "L": 3}.items()]
    result = peakform("report", "bioformer", *sizes, *(f"run.{key}={value}" for key, value in TWO.items()))

    assert "figures are of the first GPU" in result.output
    assert "every other GPU has 0.01 GiB" in " ".join(result.output.split())


def test_the_part_is_a_formula_of_the_batch_and_the_gpus() -> None:
    found = analysis("bioformer", TWO, B=8, n_hvg=24, c=32, L=3)
    form = largest([piece for piece in found.pieces if piece.phase == "forward"], found.symbols.values).form
    for batch, gpus in ((8, 4), (12, 3), (7, 2)):
        again = analysis("bioformer", {**TWO, "ranks": str(gpus)}, B=batch, n_hvg=24, c=32, L=3)
        assert predicted(again)["forward"] == evaluate(form, again.symbols.values)
