"""`peakform plot`: what is drawn is what the other commands say, and every kind becomes a file."""

import csv
import io
import json
from pathlib import Path

import pytest

from analyzer.cli import main
from analyzer.commands.plot import KINDS
from analyzer.pictures.shown import Heading, Shares
from analyzer.render.pictures.moments import draw_pie
from tests.asking import peakform, report

MODEL = """
name: tiny
symbols: {B: {value: 4, doc: samples}, d: {value: 16, doc: width}, n: 4, k: d/n}
inputs: {x: [B, d], y: [B, d]}
modules: {}
layers: [{Linear: 8*d}, GELU, {Linear: d}, {reshape: [B, n, k]}, {reshape: [B, d]}]
loss: [{mse_loss: y}]
run: {mode: train, optimizer: AdamW}
"""
DRAWN = {
    "memory": ("B=1:20",), "surface": ("B=1:6", "d=4:32:4"), "contour": ("B=1:6", "d=4:32:4"), "frontier": ("d=4:12:4",),
    "bar": ("--depth", "1"), "pie": (), "timeline": (), "parameters": ("scperb",),
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(MODEL.replace("modules: {}\n", ""), encoding="utf-8")
    return "tiny.yaml"


def numbers(*words: str) -> list[dict[str, str]]:
    """The rows behind a picture."""
    result = peakform("plot", *words, "-o", "numbers.csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(Path("numbers.csv").read_text(encoding="utf-8"))))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn_and_the_same_file_twice(kind: str, tiny: str) -> None:
    results = [peakform("plot", tiny, kind, *DRAWN[kind], "-o", name) for name in ("one.svg", "two.svg")]

    assert [r.exit_code for r in results] == [0, 0], results[0].output
    assert Path("one.svg").read_text(encoding="utf-8") == Path("two.svg").read_text(encoding="utf-8")
    assert "<path" in Path("one.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")])
def test_formats(name: str, start: bytes, tiny: str) -> None:
    assert peakform("plot", tiny, "timeline", "-o", name).exit_code == 0
    assert Path(name).read_bytes().startswith(start)


def test_without_a_name_it_is_called_after_config_and_kind(tiny: str) -> None:
    assert peakform("plot", tiny, "pie").output == "written to tiny-pie.png\n"
    assert Path("tiny-pie.png").is_file()


def test_a_curve_is_the_peak_of_the_report_and_ends_where_fit_says(tiny: str) -> None:
    rows = numbers("scperb", "memory", "--gpu", "t4")
    solved = json.loads(peakform("fit", "scperb", "--gpu", "t4", "--solve", "B", "--format", "json").output)["rows"][0]["cells"][0]
    (card,) = [row for row in rows if row["series"] == "T4"]
    points = {int(row["B"]): int(row["bytes"]) for row in rows if row["series"] == "scperb"}

    assert int(card["B"]) == solved["fits"] < max(points)
    assert int(card["bytes"]) == solved["capacity_bytes"] - solved["context_bytes"]
    for b in (min(points), max(points)):
        assert points[b] == report("scperb", gpus=("t4",), B=b)["memory"]["peak"]["bytes"]


def test_values_that_the_config_refuses_are_left_out(tiny: str) -> None:
    rows = numbers(tiny, "memory", "d=1:20", "--gpu", "t4")

    assert [int(row["d"]) for row in rows if row["series"] == "tiny"] == [4, 8, 12, 16, 20]


def test_modules_together_are_the_peak(tiny: str) -> None:
    peak = report("vgg16")["memory"]["peak"]["bytes"]

    for depth in ("1", "3"):
        assert sum(int(row["total"]) for row in numbers("vgg16", "bar", "--depth", depth)) == peak


def test_the_timeline_reaches_the_peak(tiny: str) -> None:
    rows = numbers("scperb", "timeline")
    totals = [sum(int(v) for k, v in row.items() if k not in ("allocation", "phase")) for row in rows]

    assert max(totals) == report("scperb")["memory"]["peak"]["bytes"]
    assert list(dict.fromkeys(row["phase"] for row in rows)) == ["forward", "backward", "step"]


def test_the_frontier_is_that_of_fit(tiny: str) -> None:
    rows = numbers(tiny, "frontier", "d=1024:4096:1024", "--gpu", "t4")
    told = peakform("fit", tiny, "--solve", "B", "d=1024:4096:1024", "--gpu", "t4", "--format", "csv").output
    solved = list(csv.DictReader(io.StringIO(told)))

    assert [(r["d"], r["largest_B"]) for r in rows] == [(r["d"], r["fits"]) for r in solved]


def test_parameters_of_configs(tiny: str) -> None:
    rows = {row["config"]: row for row in numbers("scperb", "vgg16", "parameters")}

    assert int(rows["vgg16"]["parameters"]) == 138_357_544
    assert int(rows["vgg16"]["infer_peak_bytes"]) == report("vgg16", {"mode": "infer"})["memory"]["peak"]["bytes"]


@pytest.mark.parametrize(("words", "said"), [
    (("vgg16", "timelin"), "did you mean 'timeline'?"), (("vgg16", "pie", "-o", "a.gif"), "ends in .png, .svg, .pdf or .csv"),
    (("vgg16", "scperb", "pie"), "draws one config"), (("vgg16", "pie", "B=1:4"), "kinds that are: memory"),
    (("vgg16", "pie", "bar"), "one kind at a time"), (("pie",), "no config is named"), (("vgg16", "surface", "q=1:4"), "no symbol 'q'"),
    (("vgg16", "B=0:4"), "numbers above 0"), (("vgg16", "--over", "Q"), "no symbol 'Q'"), (("cpa-data", "bar"), "has no layers"),
    (("scperb", "bar", "-o", "no/such/a.svg"), "cannot write"),
])  # fmt: skip
def test_refusals(words: tuple[str, ...], said: str, tiny: str) -> None:
    result = peakform("plot", *words)

    assert result.exit_code == 2
    assert said in result.output


def test_without_matplotlib_it_says_what_to_install(tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("analyzer.render.pictures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = peakform("plot", tiny)

    assert result.exit_code == 2
    assert "matplotlib is not installed" in result.output
    assert "pip install '.[plot]'" in result.output


def test_a_report_has_pictures(tiny: str) -> None:
    result = peakform("report", tiny, "--gpu", "t4", "--format", "markdown", "--plots", "out/pictures", "-o", "out/report.md")
    shown = [line.partition("](")[2][:-1] for line in Path("out/report.md").read_text(encoding="utf-8").splitlines() if line[:2] == "!["]

    assert result.exit_code == 0, result.output
    assert shown == ["pictures/tiny-memory.svg", "pictures/tiny-timeline.svg", "pictures/tiny-bar.svg"]
    assert all((Path("out") / path).is_file() for path in shown)


def test_pictures_go_with_markdown_only(tiny: str) -> None:
    assert "--plots goes with --format markdown" in peakform("report", tiny, "--plots", "here").output


def test_help_shows_an_example_of_every_kind() -> None:
    text = peakform("plot", "--help").output

    assert all(any(kind in line for line in text.splitlines() if "peakform plot" in line) for kind in set(KINDS) - {"pie"})
    assert "plot" in main.commands


def test_a_pie_below_a_long_heading_stays_large() -> None:
    fixed = ", ".join(f"symbol_{i} = {i:,}" for i in range(1000, 1012))
    modules = {"encoder.layer.attention.output": {"kept": 3}, "head": {"kept": 1}}
    figure = draw_pie(Shares(Heading("a model", fixed), "the peak", modules), 5.0, None)
    figure.draw_without_rendering()

    assert figure.axes[0].get_position().width > 0.3
