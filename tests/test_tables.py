"""Tables for papers: what they hold, what is refused, and that LaTeX compiles them without a warning."""

import csv
import io
import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from analyzer.evaluate import evaluate
from analyzer.functions import FUNCTIONS
from analyzer.papers.order import GROWTH, leading
from analyzer.polynomial import call, poly, symbol
from analyzer.typesetting import unicode
from tests.asking import peakform, polynomial, report
from tests.test_page import points

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "tables"
COMMANDS = re.findall(r"^peakform (.*)$", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
CONFIG = """\
symbols: {B: 8, c: 32, d: 64}
inputs: {x: [B, c]}
layers: [Linear: d, ReLU, Linear: 1]
tables:
  own:
    TABLE
"""


def printed(*arguments: str) -> list[list[str]]:
    """The rows of a table in CSV, its titles first."""
    result = peakform(*arguments, "--format", "csv")
    assert result.exit_code == 0, result.output
    return list(csv.reader(io.StringIO(result.stdout)))


def of_config(folder: Path, table: str) -> Path:
    path = folder / "case.yaml"
    path.write_text(CONFIG.replace("TABLE", table.replace("\n", "\n    ")))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_are_what_their_commands_print(command: str) -> None:
    *arguments, _, file = shlex.split(command)
    result = peakform(*arguments)

    assert result.exit_code == 0, result.output
    assert result.stdout == (ROOT / file).read_text()


def test_latex_compiles_the_examples_without_a_warning(tmp_path: Path) -> None:
    assert len(list(EXAMPLES.glob("*.tex"))) == len(COMMANDS)
    compiler = shutil.which("pdflatex")
    if compiler is None:
        pytest.skip("no LaTeX here")
    head = peakform("table", "bioformer", "--format", "latex", "--standalone").stdout.partition(r"\begin{table}")[0]
    body = "\n\\clearpage\n".join(path.read_text() for path in sorted(EXAMPLES.glob("*.tex")))

    assert complaints(compiler, f"{head}{body}\\end{{document}}\n", tmp_path) == []


def complaints(compiler: str, text: str, place: Path) -> list[str]:
    """What LaTeX says of a document once it no longer asks to be run again."""
    (place / "all.tex").write_text(text)
    for _ in range(4):
        done = subprocess.run([compiler, "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=place, capture_output=True)
        log = (place / "all.log").read_text(errors="replace")
        assert done.returncode == 0, log[-2000:]
    return re.findall(r"^.*Warning.*$|^(?:Over|Under)full.*$", log, re.MULTILINE)


@pytest.mark.parametrize("config", ["bert-base", "bioformer", "evoformer"])
def test_tables_longer_than_a_page_compile_without_a_warning(config: str, tmp_path: Path) -> None:
    compiler = shutil.which("pdflatex")
    if compiler is None:
        pytest.skip("no LaTeX here")
    asked = ("table", config, "memory", "parameters", "layers", "--depth", "5", "--order", "--format", "latex", "--standalone")
    text = peakform(*asked).stdout

    assert text.count(r"\begin{longtable}") >= 1
    assert complaints(compiler, text, tmp_path) == []


def test_a_table_is_a_float_or_not_as_it_is_asked_for() -> None:
    asked = ("table", "scperb", "parameters", "--depth", "1", "--format", "latex")

    assert r"\begin{table}" in peakform(*asked).stdout
    assert r"\begin{longtable}" in peakform(*asked, "--longtable").stdout
    assert r"\begin{longtable}" not in peakform("table", "bert-base", "layers", "--depth", "6", "--format", "latex", "--float").stdout


def test_rows_may_be_sweeps(tmp_path: Path) -> None:
    path = of_config(tmp_path, "columns: {x: x, twice: [x, 4*B*c]}\nrows: [{B: [1, 2], c: '16:48:16'}, {B: 5}]\nunit: bytes")

    assert printed("table", str(path)) == [
        ["B", "c", "x (bytes)", "twice (bytes)"], ["", "", "4*B*c", "8*B*c"],
        *([str(b), str(c), str(4 * b * c), str(8 * b * c)] for b in (1, 2) for c in (16, 32, 48)), ["5", "32", "640", "1280"],
    ]  # fmt: skip


def test_columns_may_be_modules_and_peaks_and_bindings_columns(tmp_path: Path) -> None:
    path = of_config(tmp_path, "columns: {w: {parameters: linear}, peak: peak}\nrows: {B: [1, 2]}\nbindings: columns\norder: true")
    title, weights, peak = printed("table", str(path))

    assert title == ["", "formula", "order", "B = 1 (bytes)", "B = 2 (bytes)"]
    assert weights == ["w", "4*d*(c + 1)", "O(c*d)", str(4 * 64 * 33), str(4 * 64 * 33)]
    assert int(peak[4]) == report_of(path, "B=2")


def report_of(path: Path, assignment: str) -> int:
    rows = csv.reader(io.StringIO(peakform("report", str(path), assignment, "--format", "csv").stdout))
    return int(next(row for row in rows if row[0] == "peaks")[3])


def test_elements_instead_of_bytes(tmp_path: Path) -> None:
    path = of_config(tmp_path, "columns: {x: x, all: parameters}\nunit: elements")

    assert printed("table", str(path))[1:] == [["B*c", "c*d + 2*d + 1"], ["256", str(33 * 64 + 65)]]


@pytest.mark.parametrize(("table", "message"), [
    ("columns: {x: y}", "case.yaml:6:18: 'y' is no tensor, category or symbol"),
    ("columns: {x: {kept: linaer}}", "no module 'linaer'"),
    ("columns: {x: {of: linear}}", "a column of a module has one key"),
    ("columns: {x: {}}", "a column of a module has one key"),
    ("columns: {x: x}\nlabel: '}\\input{x}'", "'label' of a table cannot be"),
    ("columns: {x: x}\nunit: furlongs", "'unit' of a table cannot be 'furlongs'\n    one of: bytes, kB"),
    ("columns: {x: x}\nrows: [{B: '1:9999'}]", "the range has 9999 values"),
    ("columns: {x: x}\nrows: {B: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], c: '1:10'}", "more than 100 rows"),
    ("columns: {x: x}\nrows: [{b: 1}]", "unknown symbol 'b'"),
])  # fmt: skip
def test_a_table_that_means_nothing_is_refused(table: str, message: str, tmp_path: Path) -> None:
    result = peakform("table", str(of_config(tmp_path, table)))

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_name_that_does_not_exist_is_refused() -> None:
    result = peakform("table", "scperb", "paramters")

    assert result.exit_code == 2
    assert "scperb.yaml has no table 'paramters'\n    did you mean 'parameters'?" in result.stderr


def test_built_in_tables_agree_with_the_report() -> None:
    told = report("scperb")
    memory = {row[0].strip(): row[1] for row in printed("table", "scperb", "memory", "--unit", "bytes")}
    modules = printed("table", "scperb", "parameters")
    scaling = {row[0]: row for row in printed("table", "scperb", "scaling")}

    assert memory["kept for backward"] == str(told["memory"]["kept_for_backward"]["bytes"])
    assert memory["peak, backward"] == str(told["memory"]["peaks"]["backward"]["bytes"])
    assert modules[-1][1] == str(told["parameters"]["total"]["value"])
    assert scaling["H"][2] == "O(H**2)"


def test_one_config_in_two_settings() -> None:
    rows = {row[0]: row for row in printed("diff", "scperb", "run.optimizer=SGD", "--unit", "bytes") if row}

    assert rows["memory"][1:3] == ["as described (bytes)", "run.optimizer=SGD (bytes)"]
    assert int(rows["optimizer state"][2]) == 0
    assert int(rows["optimizer state"][3]) == -int(rows["optimizer state"][1]) < 0


def test_two_configs_at_the_same_values() -> None:
    rows = {row[0]: row for row in printed("diff", "bioformer-later", "bioformer-chunked", "B=2", "r=64", "--unit", "bytes") if row}
    first, second = report("bioformer-later", B=2, r=64), report("bioformer-chunked", B=2, r=64)

    assert [int(cell) for cell in rows["peak"][1:3]] == [first["memory"]["peak"]["bytes"], second["memory"]["peak"]["bytes"]]


@pytest.mark.parametrize(("words", "message"), [
    (["scperb"], "nothing to compare with"),
    (["scperb", "vae", "cnn3d"], "3 configs"),
    (["scperb", "run.mode=learn"], "run.mode cannot be 'learn'"),
])  # fmt: skip
def test_a_difference_that_is_refused(words: list[str], message: str) -> None:
    result = peakform("diff", *words)

    assert (result.exit_code, message in result.stderr) == (2, True)


@pytest.mark.parametrize(("form", "shown"), [
    ("markdown", "| 32 | 499 | 128 | 8.192 | 24.576 | 128 | 524,288 |"),
    ("html", "4·<var>B</var>·<var>c</var><sup>2</sup>·<var>r</var><sup>2</sup>"),
    ("latex", r"32 & 499 & 128 & 8.192 & 24.576 & 128 & 524288 \\"),
])  # fmt: skip
def test_formats(form: str, shown: str) -> None:
    assert shown in peakform("table", "bioformer", "--format", form).stdout


@pytest.mark.parametrize(("formula", "order"), [
    ("4*B*r**2*c**2 + 9*B*r*c + 7", "B·c²·r²"), ("3*B*c + 5*r", "B·c + r"), ("12", "1"),
])  # fmt: skip
def test_the_leading_order(formula: str, order: str) -> None:
    assert unicode(leading(polynomial(formula))) == order


@pytest.mark.parametrize("name", sorted(set(GROWTH) - {"max"}))
def test_a_function_grows_no_faster_than_its_order(name: str) -> None:
    chosen, most = random.Random(0), 0
    for args in points(name, chosen):
        order = evaluate(GROWTH[name](*map(poly, args)), {})
        most = max(most, FUNCTIONS[name](*args) // order)

    assert most <= 1 << 15  # while arguments go up to ten million


def test_a_rounded_quotient_grows_as_the_quotient_does() -> None:
    r, c, n = symbol("r"), symbol("c"), symbol("n")

    assert unicode(leading(call("ceildiv", r, 32) * c + 5 * r + call("column_scratch", n, c, c))) == "c·(n + r)"


def test_orders_that_are_asked_for() -> None:
    parameters = printed("table", "scperb", "parameters", "--depth", "1", "--order")
    layers = printed("table", "scperb", "layers", "--order")
    few, all_ = printed("table", "bert-base", "memory", "--depth", "1"), printed("table", "bert-base", "memory", "--depth", "1", "--order")

    assert parameters[0] == ["module", "parameters", "share", "order", "formula"]
    assert ["encoder1", "6243200", "31.6 %", "O(H*(G + H))", "H*(G + H + 6)"] in parameters
    assert all(row[4].startswith("O(") for row in layers[1:-2])
    assert "" in [row[2] for row in few]
    assert "" not in [row[2] for row in all_]


def test_cards_have_no_order() -> None:
    result = peakform("table", "scperb", "feasibility", "--order")

    assert (result.exit_code, result.stderr) == (2, "command line: --order: 'feasibility' has no formulas to tell the order of\n")


def test_a_row_whose_sizes_are_no_whole_numbers_is_left_out(tmp_path: Path) -> None:
    text = "symbols: {B: 4, c: 12, n: 3}\ninputs: {x: [B, c]}\nlayers: [{reshape: {shape: [B, n, c/n], in: x}}, {Linear: 2}]\n"
    path = tmp_path / "heads.yaml"
    path.write_text(f"{text}tables:\n  own: {{columns: {{x: x}}, rows: [{{n: 4}}, {{n: 5}}]}}\n")
    result = peakform("table", str(path), "own")

    assert result.exit_code == 0, result.output
    assert "the row n=5 is left out" in result.stderr
    assert " 4 " in result.stdout
