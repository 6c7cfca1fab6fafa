"""The HTML page: it evaluates the report's formulas by itself, as Python does, offline and from one file.

Needs Chromium; without it these tests are left out, but not where CI is set: there they fail.
"""

import json
import os
import random
from pathlib import Path

import pytest

from analyzer.assemble import assemble
from analyzer.commands.page import page
from analyzer.feasibility import verdicts
from analyzer.functions import FUNCTIONS
from analyzer.gpus import read_gpus, select
from analyzer.problems import InvalidConfig
from analyzer.render.page import TEMPLATES
from analyzer.sliders import grid, reached
from analyzer.validity import Known
from tests.asking import peakform
from validation.browser import browser, opened
from validation.page import CONFIGS, DOCS, READ, RESULTS, SETS, analysed, compared, expected, with_table, written

pytestmark = pytest.mark.skipif(browser() is None and not os.environ.get("CI"), reason="needs Chromium")
ARGUMENTS = {  # how many, where it is not two; and what arguments are taken from
    "log2": 1, "pow2_ceil": 1, "isqrt": 1, "size": 1, "column_scratch": 3, "column_semaphores": 3, "row_scratch": 2, "row_semaphores": 2,
    "sort_pairs_scratch": 4, "unique_scratch": 3, "scan_scratch": 2, "scan_by_key_scratch": 3, "batch_norm_scratch": 3,
    "cudnn_rnn_reserve": 3, "cudnn_rnn_workspace": 3, "topk_blocks": 3, "split_copy_scratch": 6, "flash_splits": 3, "efficient_splits": 3,
}  # fmt: skip
CHOICES = {
    "sort_pairs_scratch": {2: (4, 8), 3: (70, 75, 80, 86, 90, 100, 120)}, "unique_scratch": {1: (4, 8), 2: (70, 80, 86, 90, 100)},
    "scan_scratch": {1: (2, 4, 8)}, "scan_by_key_scratch": {1: (4, 8), 2: (70, 80, 86, 90, 100)},
    "cudnn_rnn_reserve": {2: (1, 3, 4)}, "cudnn_rnn_workspace": {2: (1, 3, 4)}, "flash_splits": {2: (40, 72, 108, 132)},
}  # fmt: skip
HOSTILE = """
name: </script><script>alert(1)</script>
symbols: {B: {value: 4, doc: "<img src=x onerror=alert(1)>"}, d: 8}
inputs: {x: [B, d], y: [B, 2]}
layers: [{Linear: 2}]
loss: [{mse_loss: y}]
"""


STAGES = """
symbols: {B: 8, d: 64, o: 8}
inputs: {x: [B, d], y: [B, o]}
blocks:
  body: {inputs: [x], layers: [Linear: d, ReLU, Linear: d]}
  head: {inputs: [x], layers: [Linear: o]}
layers: [body, head]
loss: [mse_loss: y]
run: {parallel: pipeline, ranks: 2, n_microbatches: 2, split_spec: head}
"""


def points(name, chosen):
    """Random arguments, small and large, of a function of formulas."""
    for _ in range(60):
        yield [
            chosen.choice(CHOICES.get(name, {}).get(i, (chosen.randint(1, 40), chosen.randint(1, 10 ** chosen.randint(2, 7)))))
            for i in range(ARGUMENTS.get(name, 2))
        ]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "bert.html"
    path.write_text(written(analysed("bert-base"), select(read_gpus(), ())), encoding="utf-8")
    with opened(path) as shown:
        yield shown
        assert (shown.errors, shown.requests) == ([], [])


def test_the_page_is_one_file_of_less_than_a_megabyte(tmp_path):
    target = tmp_path / "page.html"

    assert peakform("report", "bert-base", "B=4", "--format", "html", "-o", str(target)).exit_code == 0
    text = target.read_text(encoding="utf-8")
    assert len(text.encode()) < 1_000_000
    assert "src=" not in text.replace("img-src", "").partition("<script>")[0]
    assert "Content-Security-Policy" in text


@pytest.mark.parametrize("config", ["bert-base", "cnn3d", "scperb"])
def test_sliders_give_what_python_gives(config):
    found = compared(config, 3)

    assert found.wrong == []
    assert found.numbers > 0


def test_every_function_of_formulas_is_the_same_in_the_browser(bert):
    chosen = random.Random(0)
    asked = {name: list(points(name, chosen)) for name in FUNCTIONS}
    said = bert.evaluate(
        f"Object.entries({json.dumps(asked)}).map(([name, points]) =>"
        " [name, points.map((args) => String(exact.functions[name](...args.map(BigInt))))])"
    )

    assert dict(said) == {name: [str(FUNCTIONS[name](*args)) for args in points] for name, points in asked.items()}


def test_an_arrow_key_moves_a_slider(bert):
    bert.evaluate("document.getElementById('reset').click(), document.getElementById('range-L').focus()")
    bert.key("ArrowRight")

    assert bert.evaluate("document.querySelector('[data-symbol=L] [type=number]').value") == "13"
    assert (
        bert.evaluate("document.getElementById('peak-bytes').textContent.replaceAll(',', '')")
        == expected(analysed("bert-base", {"L": "13"}))["peak"]
    )


def test_where_the_page_has_no_formulas_there_are_no_numbers(bert):
    bert.evaluate("document.getElementById('reset').click()")
    bert.evaluate(
        "(() => { const field = document.querySelector('[data-symbol=c] [type=number]'); field.value = '770';"
        " field.dispatchEvent(new Event('input')); })()"
    )
    told = bert.evaluate("document.getElementById('regime').textContent")

    assert "every set of formulas of this page needs c/n whole;" in told
    assert "c=770" in told
    assert set(bert.evaluate("[...document.querySelectorAll('[data-form], #peak-bytes')].map((e) => e.textContent)")) == {"—"}


def test_every_set_of_formulas_gives_what_python_gives(bert):
    first = analysed("bert-base")
    programs = reached(first, {}, SETS, "B")
    type_in = (
        "(name, value) => { const field = document.querySelector(`[data-symbol=${name}] [type=number]`);"
        " field.value = value; field.dispatchEvent(new Event('input')); }"
    )
    used = []

    for program in programs:
        bert.evaluate("document.getElementById('reset').click()")
        for name, value in program.symbols.values.items():
            if value != first.symbols.values[name]:
                bert.evaluate(f"({type_in})({json.dumps(name)}, '{value}')")
        said = bert.evaluate(READ)
        assert {name: said[name] for name in ("peak", "phases", "numbers", "kept")} == expected(program), program.symbols.values
        used.append(said["set"].rpartition(" ")[2])

    assert used == [f"{number}." for number in range(1, len(programs) + 1)]
    assert len(programs) > 3


def test_formulas_are_there_where_the_embedding_s_backward_takes_another_kernel(bert):
    large = analysed("bert-base", {"B": "64"})
    assert large.symbols.values["B"] * large.symbols.values["r"] > 3072
    bert.evaluate("document.getElementById('reset').click()")
    bert.evaluate(
        "(() => { const range = document.getElementById('range-B'); range.value = range.max; range.dispatchEvent(new Event('input')); })()"
    )
    said = bert.evaluate(READ)

    assert said["symbols"]["B"] == "128"
    assert said["peak"] == expected(analysed("bert-base", {"B": "128"}))["peak"]


def test_a_slider_says_how_many_values_it_skips(tmp_path):
    first = analysed("bert-base")
    known, given, path = Known(first), first.symbols.values, tmp_path / "page.html"
    path.write_text(page(assemble(first, {}, ()), first, (), (), ({}, {}), 1), encoding="utf-8")
    skipped = {}
    for name in ("B", "L"):
        points = [{**given, name: value} for value in grid(given[name])]
        offered = [point for point in points if not known.refuses(point)]
        without = sum(not known.holds_at(point) for point in offered)
        skipped[name] = f"{without} of {len(offered)} values skipped: no formulas here"

    with opened(path) as shown:
        told = {name: shown.evaluate(f"document.querySelector('[data-symbol={name}] .skips').textContent") for name in skipped}

    assert told == skipped
    assert told["B"].startswith("105 of 128")


def test_what_is_to_spare_is_the_capacity_less_the_estimate(bert):
    bert.evaluate("document.getElementById('reset').click()")
    rows = bert.evaluate(
        "[...document.querySelectorAll('[data-card]')]"
        ".map((row) => [...row.querySelectorAll('th, .num')].slice(0, 4).map((e) => e.textContent))"
    )

    for name, capacity, estimate, spare in rows:
        assert float(capacity.split()[0]) - float(estimate.split()[0]) == pytest.approx(float(spare.split()[0]), abs=0.011), name


def test_an_estimate_promises_no_fit_that_a_replay_refuses(tmp_path):
    first, cards, path = analysed("cnn3d"), select(read_gpus(), ("t4", "rtx-2080-ti")), tmp_path / "page.html"
    path.write_text(page(assemble(first, {}, cards), first, cards, (), ({}, {})), encoding="utf-8")
    type_in = (
        "(() => { const field = document.querySelector('[data-symbol=B] [type=number]'); field.value = '4';"
        " field.dispatchEvent(new Event('input')); return [...document.querySelectorAll('.said')].map((e) => e.textContent); })()"
    )
    with opened(path) as shown:
        given = shown.evaluate("[...document.querySelectorAll('.need')].map((e) => e.textContent)")
        replayed = shown.evaluate("[...document.querySelectorAll('[data-card] .made:nth-child(7)')].map((e) => e.textContent)")
        told = shown.evaluate(type_in)

    assert given == replayed
    assert told == ["too close to call", "does not fit"]
    assert [row.answer for row in verdicts(analysed("cnn3d", {"B": "4"}), {"B": "4"}, "", cards)[1]] == ["does not fit", "does not fit"]


def test_a_pipeline_s_page_follows_the_stage_that_has_most(tmp_path):
    config = tmp_path / "stages.yaml"
    config.write_text(STAGES, encoding="utf-8")
    found = compared(str(config), 20)

    assert found.wrong == []
    assert found.numbers > 10
    assert {program.graph.stage.index for program in reached(analysed(str(config)), {})} == {0, 1}


def test_what_the_config_refuses_is_told(bert):
    bert.evaluate("document.getElementById('reset').click()")
    bert.evaluate(
        "(() => { const field = document.querySelector('[data-symbol=r] [type=number]'); field.value = '640';"
        " field.dispatchEvent(new Event('input')); })()"
    )

    told = bert.evaluate("document.getElementById('regime').textContent")
    assert told == "The config is refused at these values: it needs r ≤ P."
    with pytest.raises(InvalidConfig):
        analysed("bert-base", {"r": "640"})


def test_more_sets_of_formulas_are_found_where_more_are_asked_for():
    first = analysed("bert-base")

    few, usual, many = (len(reached(first, {}, most)) for most in (1, 12, SETS))
    assert few == 1 < usual < many <= SETS
    assert "--format html" in peakform("report", "bert-base", "--sets", "3").output


def test_texts_of_a_config_are_no_markup(tmp_path):
    config, target = tmp_path / "hostile.yaml", tmp_path / "page.html"
    config.write_text(HOSTILE, encoding="utf-8")

    assert peakform("report", str(config), "--format", "html", "-o", str(target)).exit_code == 0
    with opened(target) as shown:
        assert shown.evaluate("document.querySelector('h1').textContent").startswith("</script>")
        assert shown.evaluate("document.querySelectorAll('img').length") == 0
        assert (shown.errors, shown.requests) == ([], [])


def test_what_was_compared_is_committed_and_shown():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = DOCS.read_text(encoding="utf-8")

    assert text == with_table(text, results)
    assert [row["config"] for row in results["configs"] if row["wrong"]] == []
    assert [row["config"] for row in results["configs"]] == list(CONFIGS)
    assert [row["positions"] for row in results["configs"]] == [1000] * 5


def test_data_without_layers_has_no_page():
    found = peakform("report", "cpa-data", "--format", "html")

    assert found.exit_code == 2
    assert "--format markdown" in found.output


def test_what_is_vendored_has_its_licence():
    assert "MIT" in (Path(TEMPLATES) / "vendor" / "uPlot.LICENSE").read_text(encoding="utf-8")


def test_a_condition_that_another_one_settles_is_not_told(tmp_path):
    first, path = analysed("llama-3.2-1b"), tmp_path / "page.html"
    path.write_text(page(assemble(first, {}, ()), first, (), (), ({}, {}), 1), encoding="utf-8")
    assert first.symbols.values["B"] == 1
    with opened(path) as shown:
        shown.evaluate(
            "(() => { const field = document.querySelector('[data-symbol=B] [type=number]'); field.value = '2';"
            " field.dispatchEvent(new Event('input')); })()"
        )
        told = shown.evaluate("document.getElementById('regime').firstChild.textContent")

    assert told.endswith("The nearest formulas hold while B = 1.")
