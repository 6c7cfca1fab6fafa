"""Ratios of a Markdown report: numbers known from other places, and their text."""

from fractions import Fraction

from analyzer.build.model import read_model
from analyzer.ratios import ratios
from tests.asking import analysis, peakform


def test_a_further_image_of_vgg16_adds_what_deepmodel_xray_s_page_has_as_its_peak():
    """docs/deepmodel-xray.md: 25.07 MiB above the weights for one image, 200.59 for eight, measured."""
    found = ratios(analysis("vgg16", {"mode": "infer"}, B=8), {"B": "8"}, "B")
    named = {row.name: row.value for row in found.rows}

    assert round(float(named["each further sample adds to the peak"]) / 2**20, 2) == 25.07
    assert [batch.size for batch in found.batches] == [8, 16, 32, 64, 128]
    assert named["left by the forward per sample"] == 4 * 1000  # the logits
    assert "peak per token" not in named


def test_what_training_keeps_is_told_per_sample_token_and_parameter():
    """8 sequences of 128 tokens, 109,514,298 parameters."""
    found = analysis("bert-base")
    named = {row.name: row.value for row in ratios(found, {}, "B").rows}

    assert named["kept for backward per token"] * 128 == named["kept for backward per sample"]
    assert named["peak per token"] * 128 * 8 == named["peak per sample"] * 8
    assert named["peak per million parameters"] == Fraction(named["peak per sample"] * 8 * 10**6, 109514298)
    assert named["peak to bytes of parameters"] == named["peak per sample"] * 8 / 438057192


def test_doubling_ends_where_the_config_refuses(tmp_path):
    config = tmp_path / "narrow.yaml"
    config.write_text("name: n\nsymbols: {B: 3, d: 8, rest: 10 - B}\ninputs: {x: [B, d]}\nlayers: [{Linear: rest}]\nrun: {mode: infer}\n")
    found = ratios(analysis(read_model(config)), {}, "B")

    assert [batch.size for batch in found.batches] == [3, 6]


def test_a_markdown_report_shows_them():
    told = peakform("report", "scperb", "B=512", "--format", "markdown").stdout.partition("## Ratios")[2].partition("## Feasibility")[0]

    assert "| each further sample adds to the peak |" in told
    sizes = [line.split(" | ")[0] for line in told.splitlines() if line[2:3].isdigit()]
    assert sizes == ["| 512", "| 1,024", "| 2,048", "| 4,096", "| 8,192"]
