"""Both versions of bioformer against counts from their own code, and memory measured in PyTorch's CUDA build (torch 2.13).

Peaks were measured with requested bytes; two cuBLAS workspaces of 8,519,680 bytes, which the closed forms leave out, are
taken off where the measurement counted them.
"""

from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import find
from analyzer.evaluate import evaluate
from analyzer.parameters import count
from analyzer.polynomial import opened
from tests.asking import analysis, category, coefficient, largest_tensor, parameters_of, polynomial, report

WORKSPACES = 2 * 8_519_680
GIB = 1 << 30


def peaks(told: dict[str, Any]) -> dict[str, int]:
    """Bytes at the peak of each phase."""
    return {phase: amount["bytes"] for phase, amount in told["memory"]["peaks"].items()}


# bioformer: the version that ran out of memory has one width for everything

VERSIONS = {"bioformer": {"c_z": "c", "c_opm": "c"}, "bioformer-later": {"c_z": "c_z", "c_opm": "c_opm"}}
BLOCK = "encode.stack.blocks.block"


def stated(formula: str, version: str) -> str:
    """A formula in the later version's symbols, in those of a version."""
    return formula.replace("c_z", VERSIONS[version]["c_z"]).replace("c_opm", VERSIONS[version]["c_opm"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("module", "formula"), [
    ("encode.emb_g", "V*c + 2*c"),
    ("encode.emb_x", "c**2 + 5*c"),
    ("encode.emb_z", "c_z**2 + 5*c_z"),
    (f"{BLOCK}.attn", "L*(4*c**2 + 3*c + 2*c_z + c_z*n)"),
    (f"{BLOCK}.trans", "L*(8*c**2 + 7*c)"),
    (f"{BLOCK}.opm", "L*(2*c + 2*(c*c_opm + c_opm) + c_opm**2*c_z + c_z)"),
    ("decoder", "2*(2*c**2 + 3*c + 1)"),
])  # fmt: skip
def test_bioformer_parameters_of_modules(version: str, module: str, formula: str) -> None:
    assert parameters_of(module, analysis(version)) == polynomial(stated(formula, version))


@pytest.mark.parametrize(("version", "symbols", "total"), [
    ("bioformer", {}, 18_848_130),
    ("bioformer", {"c": 64}, 2_636_994),
    ("bioformer", {"c": 32, "n_hvg": 100}, 395_362),
    ("bioformer-later", {"V": 257}, 7_921_282),
    ("bioformer-later", {"V": 257, "L": 48}, 45_458_562),
], ids=lambda v: str(v))  # fmt: skip
def test_bioformer_parameters(version: str, symbols: dict[str, int], total: int) -> None:
    traced = analysis(version, **symbols)

    assert evaluate(count(traced.graph.parameters.values()), traced.symbols.values) == total


def test_bioformer_decoder_for_cells_is_never_called_and_the_last_outer_product_not_trained() -> None:
    traced = analysis("bioformer")
    opm = parameters_of(f"{BLOCK}.opm", traced)
    trained = opened(count(traced.graph.parameters.values())) - parameters_of("mvc_decoder", traced) - coefficient(opm, "L", 1)

    assert category("gradients", traced) == 4 * trained
    assert report("bioformer")["parameters"]["modules"][-4] == {"path": "mvc_decoder", "formula": "c*(3*c + 2)", "value": 49_408}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("precision", "formula"), [
    ("fp32", "B*r**2*(4*c_opm**2 + 8*c_z + 4*n + 8) + B*r*(52*c + 8*c_opm + 24)"),
    ("amp-fp16", "B*r**2*(2*c_opm**2 + 6*c_z + 6*n + 8) + B*r*(36*c + 4*c_opm + 24) + 24*c**2 + 4*c*c_opm + 2*c_opm**2*c_z + 2*c_z*n"),
])  # fmt: skip
def test_bioformer_keeps_per_block(version: str, precision: str, formula: str) -> None:
    kept = category("kept_for_backward", analysis(version, {"precision": precision}))

    assert coefficient(kept, "L", 1) == polynomial(stated(formula, version))
    assert kept - coefficient(kept, "L", 0) - polynomial("L") * coefficient(kept, "L", 1) == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_bioformer_of_one_block(version: str) -> None:
    kept = category("kept_for_backward", analysis(version, L=1))

    assert coefficient(kept, "r", 2) == polynomial(stated("B*(17*c_z + 4*n + 20)", version))


OUTER = {  # cells, positions, width: GB in fp32, GiB in fp32, in fp16, in fp16 on each of two GPUs
    (32, 501, 128): (526.39, 490.24, 245.12, 122.56), (32, 500, 128): (524.288, 488.28, 244.14, 122.07),
    (16, 401, 128): (168.61, 157.03, 78.52, 39.26), (16, 400, 128): (167.77, 156.25, 78.13, 39.06),
    (16, 501, 64): (65.80, 61.28, 30.64, 15.32), (16, 500, 64): (65.54, 61.04, 30.52, 15.26),
}  # fmt: skip


@pytest.mark.parametrize("sizes", OUTER, ids=lambda s: "B{} r{} c{}".format(*s))
def test_bioformer_outer_product(sizes: tuple[int, int, int]) -> None:
    cells, r, c = sizes
    decimal, single, half, split = OUTER[sizes]
    found = [
        largest_tensor(analysis("bioformer", {"precision": precision}, B=batch, r=r, c=c))
        for precision, batch in (("fp32", cells), ("amp-fp16", cells), ("amp-fp16", cells // 2))
    ]

    assert [form for form, _ in found] == [polynomial(f"{size}*B*r**2*c**2") for size in (4, 2, 2)]
    assert found[0][1] / 1e9 == pytest.approx(decimal, abs=0.006)
    assert [size / GIB for _, size in found] == pytest.approx([single, half, split], abs=0.006)


@pytest.mark.parametrize(("mode", "fits"), [("train", False), ("infer", True)])
def test_bioformer_with_16_cells_does_not_train_on_an_a100_but_infers(mode: str, fits: bool) -> None:
    (verdict,) = report("bioformer", {"mode": mode, "precision": "amp-fp16"}, gpus=("A100-80GB",), B=16, r=500, c=64)["feasibility"]

    assert verdict["fits"] == fits
    assert (verdict["max"]["B"] >= 16) == fits


def test_bioformer_with_16_cells_in_fp32() -> None:
    (verdict,) = report("bioformer", gpus=("A100-80GB",), B=16, r=500, c=64)["feasibility"]
    inference = report("bioformer", {"mode": "infer"}, B=16, r=500, c=64)["memory"]["peak"]["bytes"]

    assert not verdict["fits"]
    assert inference < verdict["capacity_bytes"]


@pytest.mark.parametrize(("version", "precision", "symbols", "kept", "backward", "largest"), [
    ("bioformer", "fp32", {"B": 2, "n_hvg": 100, "c": 32}, 640_171_940, 854_507_612, 112_525_312),
    ("bioformer", "amp-fp16", {"B": 2, "n_hvg": 100, "c": 32}, 336_775_192, 510_552_800, 112_525_312),
    ("bioformer-later", "amp-fp16", {"B": 16, "r": 171}, 10_454_172_324, 12_311_843_700, 958_169_088),
    ("bioformer-later", "fp32", {"B": 16, "r": 256}, 40_702_394_372, 48_758_356_520, 4_294_967_296),
], ids=["first fp32", "first autocast", "later autocast", "later fp32"])  # fmt: skip
def test_bioformer_memory(version: str, precision: str, symbols: dict[str, int], kept: int, backward: int, largest: int) -> None:
    told = report(version, {"precision": precision}, **symbols)

    assert told["memory"]["kept_for_backward"]["bytes"] == kept
    assert told["memory"]["peak"]["bytes"] == peaks(told)["backward"] == backward - WORKSPACES
    assert told["memory"]["largest_tensor"]["bytes"] == largest


def test_bioformer_peak_is_at_the_outer_product_of_the_library() -> None:
    peak = report("bioformer")["memory"]["peak"]
    line = Path(find("bioformer")[0].parent.parent / "blocks" / "bioformer.yaml").read_text(encoding="utf-8").splitlines()[peak["line"] - 1]

    assert peak["path"] == "bioformer.yaml"
    assert "einsum" in line


def test_bioformer_table_of_the_note() -> None:
    (table,) = report("bioformer")["tables"]

    assert table["formulas"] == {
        "one of Q, K, V": "4*B*c*r", "Q, K, V": "12*B*c*r", "Scores": "4*B*n*r**2", "Outer product": "4*B*c**2*r**2",
    }  # fmt: skip
    assert [[value / 1e6 for value in row["values"].values()] for row in table["rows"]] == [
        [8.192, 24.576, 128.0, 524_288.0], [3.2768, 9.8304, 40.96, 167_772.16], [2.048, 6.144, 64.0, 65_536.0],
    ]  # fmt: skip
