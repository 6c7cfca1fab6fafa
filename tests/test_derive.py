"""`peakform derive`: its lines add up to the report's formula, and say what reads each."""

import pytest

from analyzer.columns import categories
from analyzer.papers.derivation import derivation
from tests.asking import analysis, peakform


@pytest.mark.parametrize(
    ("name", "run"), [("scperb", {}), ("bioformer", {"checkpoint": "bioformer_block"}), ("gpt2", {"precision": "amp-bf16"})]
)
def test_lines_add_up_to_the_formulas_of_the_report(name: str, run: dict[str, str]) -> None:
    of = analysis(name, run)
    known = {**categories(of), "kept": categories(of)["kept_for_backward"]}

    for term in ("parameters", "gradients", "optimizer", "inputs", "kept", "peak", "peak_forward", "peak_backward"):
        found = derivation(of, term)
        assert found.form == known[term]
        assert all(line.each * line.times == line.bytes for line in found.lines)


def test_what_is_kept_is_read_by_a_formula_or_held_by_a_variable() -> None:
    found = derivation(analysis("scperb"), "kept")
    without = [line.label for line in found.lines if "reads it as" not in line.reasons[0]]

    assert all(line.place.startswith("scperb.yaml:") for line in found.lines)
    variables = ["mu_encoder: addmm", "logvar_encoder: addmm", "compute_loss: add", *3 * ["compute_loss: mul"]]
    assert without == variables  # mu, logvar and the four losses, which the training loop holds


def test_the_outer_product_by_hand() -> None:
    text = peakform("derive", "bioformer", "outer_product").stdout

    assert "(B, r, r, c, c) of float32: 4·B·c²·r² bytes × (L − 1) = 4·B·c²·r²·(L − 1)" in text
    assert "made by mul, bioformer.yaml:95" in text
    assert "reads it as mat1: gradient of mat2 = mm(mat1.T, g)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_latex() -> None:
    text = peakform("derive", "bioformer", "outer_product", "--format", "latex").stdout

    assert r"$B \times r \times r \times c \times c$ of float32: $4\,B\,c^{2}\,r^{2}$ bytes, $L - 1$ times" in text


def test_a_term_that_is_nothing() -> None:
    result = peakform("derive", "bioformer", "outer_prodct")

    assert result.exit_code == 2
    assert "did you mean 'outer_product'?" in result.stderr
