"""Verdicts and solved symbols: exact against the allocator's replay, three answers, refusals, tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import analyze
from analyzer.bisection import LARGEST
from analyzer.catalogue import Gpu, read_gpus
from analyzer.evaluate import evaluate
from analyzer.gpus import device_of, named
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs
from analyzer.replay import Replay, replay
from analyzer.run.settings import read_run
from analyzer.solve import Solver
from analyzer.tape import record
from analyzer.verdict import ABSOLUTE, CLOSE, CONVOLUTION, FITS, RELATIVE, UNFIT, band, judge, status
from tests.asking import evaluated, model, peakform, text_model

ROOT = Path(__file__).resolve().parent.parent
HEADS = """
name: heads
symbols: {B: 8, c: 64, n: 4, L: 6}
inputs: {x: [B, 100, c], y: [B, 100, c]}
blocks:
  head:
    inputs: [x]
    symbols: {part: c / n}
    layers:
      - Linear: {in: x, out_features: part, as: q}
      - Linear: c
      - GELU
      - add: x
layers:
  - repeat: L
    layers:
      - head
loss:
  - mse_loss: y
run: {mode: train, optimizer: AdamW}
"""


def gpu(name: str) -> Gpu:
    """A card of the catalogue."""
    return named(read_gpus(), (name,))[0]


@cache
def programs(config: str, card: str, **symbols: int) -> Programs:
    """The programs of a bundled model on a card."""
    described = model(config)
    overrides = {name: str(value) for name, value in symbols.items()}
    run = read_run(described.run, {}, has_loss=bool(described.loss))
    return Programs(analyze(described, overrides, run, device_of((gpu(card),))), overrides)


def replayed_afresh(of: Programs, changed: Mapping[str, int], room: int | None) -> bool:
    """Whether the program, traced for these very values, runs in the room."""
    first = of.first
    there = analyze(first.model, {**of.overrides, **{n: str(v) for n, v in changed.items()}}, first.run, first.device)
    tape = record(there)
    sizes = [evaluate(form, there.symbols.values) for form in tape.forms]
    return isinstance(replay(tape, sizes, first.device.capability, room, first.run), Replay)


SOLVED = [
    ("bert-base-eager", "T4", "B", {}), ("bert-base-eager", "a100", "r", {"B": 256}), ("bioformer", "a100", "B", {"c": 64, "n_hvg": 200}),
    ("bioformer", "h200", "r", {"B": 2, "c": 64}), ("bioformer", "a100", "n_hvg", {"B": 2, "c": 64}),
    ("bioformer", "a100", "c", {"B": 1, "n_hvg": 200}),
    ("bioformer", "a100", "L", {"B": 1, "n_hvg": 200}), ("cnn3d", "rtx-4090", "B", {}),
    ("scperb", "2080ti", "B", {}), ("scperb", "t4", "G", {}),
    ("gpt2-eager", "a100-40gb", "B", {}), ("resnet18", "1g.10gb", "B", {}),
]  # fmt: skip


@pytest.mark.parametrize(("config", "card", "symbol", "fixed"), SOLVED, ids=lambda v: str(v))
def test_the_solved_value_fits_and_the_next_does_not(config: str, card: str, symbol: str, fixed: Mapping[str, int]) -> None:
    of = programs(config, card, **fixed)
    solved = Solver(of, symbol).solve(gpu(card))
    rooms = band(gpu(card), of.case({}))

    assert 0 < solved.fits <= solved.runs <= solved.close
    for value, room in ((solved.fits, rooms.sure), (solved.runs, rooms.room), (solved.close, rooms.hopeful)):
        assert replayed_afresh(of, {symbol: value}, room)
    assert solved.following > solved.fits
    assert not replayed_afresh(of, {symbol: solved.following}, rooms.sure)
    assert judge(of.case({symbol: solved.fits}), gpu(card)).answer == FITS
    assert judge(of.case({symbol: solved.following}), gpu(card)).answer != FITS


@pytest.mark.parametrize(("config", "card", "symbol", "fixed"), SOLVED[:3], ids=lambda v: str(v))
def test_every_value_near_the_boundary_is_on_its_side(config: str, card: str, symbol: str, fixed: Mapping[str, int]) -> None:
    of = programs(config, card, **fixed)
    solved = Solver(of, symbol).solve(gpu(card))
    answers = {value: judge(of.case({symbol: value}), gpu(card)).answer for value in range(max(1, solved.fits - 4), solved.close + 5)}

    assert {a for value, a in answers.items() if value <= solved.fits} == {FITS}
    assert {a for value, a in answers.items() if solved.fits < value <= solved.close} <= {CLOSE}
    assert {a for value, a in answers.items() if value > solved.close} == {UNFIT}


@pytest.mark.parametrize("changed", [{"B": 1}, {"B": 7, "c": 32}, {"n_hvg": 30, "L": 5}, {"L": 12}, {"c": 20, "n": 2, "r": 9}])
def test_a_program_at_other_values_is_that_traced_there(changed: Mapping[str, int]) -> None:
    of = programs("bioformer", "a100")
    first = of.first
    there = analyze(first.model, {n: str(v) for n, v in changed.items()}, first.run, first.device)
    afresh = Programs(there, {n: str(v) for n, v in changed.items()}).case({})
    case = of.case(changed)

    assert case.symbols == afresh.symbols
    assert case.requested == afresh.requested
    assert case.replayed() == afresh.replayed()


def test_a_bisection_traces_only_once_for_each_set_of_decisions() -> None:
    of = programs("gpt2-eager", "h200")
    Solver(of, "B").solve(gpu("h200"))

    assert len(of.programs) <= 4
    assert len(of.cases) > 10


@pytest.mark.parametrize(("config", "card", "symbol", "fixed"), SOLVED, ids=lambda v: str(v))
def test_the_closed_form_bounds_the_solution(config: str, card: str, symbol: str, fixed: Mapping[str, int]) -> None:
    of = programs(config, card, **fixed)
    solved = Solver(of, symbol).solve(gpu(card))

    if solved.bound is None:
        pytest.fail("there is a closed form for every one of these")
    assert solved.bound.value >= solved.runs
    if not solved.bound.formula.startswith("the largest"):
        symbols = {**of.case({symbol: solved.following}).symbols, "M": solved.band.room}
        assert symbol not in re.findall(r"\w+", solved.bound.formula)
        assert evaluated(solved.bound.formula, symbols) == solved.bound.value


def test_a_bound_of_the_third_degree_is_an_inequality() -> None:
    solved = Solver(programs("bioformer", "a100", B=1, n_hvg=200), "c").solve(gpu("a100"))

    assert solved.bound is not None
    assert re.match(r"the largest c with .*c\*\*3.* <= M$", solved.bound.formula)


def test_neighbours_on_the_wrong_side_are_told() -> None:
    solved = Solver(programs("vit-b-16-eager", "a100"), "B").solve(gpu("a100"))
    of = programs("vit-b-16-eager", "a100")
    near = [value for value in range(solved.fits - 8, solved.fits) if judge(of.case({"B": value}), gpu("a100")).answer != FITS]

    assert list(solved.gaps) == near


def test_values_that_the_config_refuses_are_skipped_and_told() -> None:
    of = programs("bioformer", "a100", B=1, n_hvg=200)
    solved = Solver(of, "c").solve(gpu("a100"))

    assert (solved.fits % 4, solved.following) == (0, solved.fits + 4)
    assert "width / heads" in solved.refused


def test_a_limit_that_only_a_trace_knows_is_the_end() -> None:
    solved = Solver(programs("bert-base-eager", "h200", B=8), "r").solve(gpu("h200"))

    assert (solved.fits, solved.runs, solved.close, solved.following) == (512, 512, 512, 0)
    assert solved.refused == "entries up to r of dimension 1 of (1, P)"


def test_a_swept_value_is_traced() -> None:
    rows = told("fit bert-base-eager r=512,513 --gpu h200")["rows"]

    assert ["refused" in row["cells"][0] for row in rows] == [False, True]


def test_multiples() -> None:
    of = programs("bioformer", "a100", B=1, n_hvg=200)
    free, solved = Solver(of, "c").solve(gpu("a100")), Solver(of, "c", multiple=32).solve(gpu("a100"))

    assert solved.fits == free.fits // 32 * 32
    assert solved.following == solved.fits + 32


def test_constraints_of_a_config_of_ones_own(tmp_path: Path) -> None:
    described = text_model(HEADS, tmp_path)
    first = analyze(described, {}, read_run(described.run, {}, has_loss=True))
    solved = Solver(Programs(first, {}), "c").solve(gpu("t4"))

    assert solved.fits % 4 == 0
    assert solved.following == solved.fits + 4


def test_nothing_fits_on_a_card_that_is_too_small() -> None:
    small = replace(gpu("t4"), capacity=400 << 20, largest_capacity=0)

    assert Solver(programs("bert-base-eager", "T4"), "B").solve(small).fits == 0


def test_what_takes_no_memory_has_no_end() -> None:
    of = programs("bert-base-eager", "T4")

    assert Solver(of, "B").largest(lambda case: True, LARGEST**3, 8) == LARGEST


def test_no_error_of_the_accuracy_page_is_outside_the_band() -> None:
    page = (ROOT / "docs" / "accuracy.md").read_text()
    allocated = re.search(r"\| `max_memory_allocated` \|.*\| ([\d.]+)% \|$", page, re.MULTILINE)
    reserved = [abs(int(n.replace(",", ""))) for n in re.findall(r"reserved ([+-][\d,]+)", page)]

    assert allocated
    assert float(allocated[1]) <= float(RELATIVE * 100)
    assert max(reserved, default=0) <= ABSOLUTE


def card_with(room: int, most: int = 0) -> Gpu:
    """A card that gives so many bytes to segments."""
    t4 = gpu("t4")
    return replace(t4, capacity=room + t4.context, largest_capacity=(most or room) + t4.context)


def least_room(of: Programs) -> int:
    """The least room in which the program runs, by bisection over replays."""
    low, high = 0, 64 << 30
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if isinstance(of.case({}).replayed(middle), Replay) else (middle, high)
    return high


def test_three_answers_around_the_least_room() -> None:
    of = programs("scperb", "T4", B=20000)
    case, least = of.case({}), least_room(programs("scperb", "T4", B=20000))
    margin = int(least * RELATIVE)

    said = [
        judge(case, card_with(room)).answer
        for room in (least - 2 * margin, least - margin // 2, least, least + margin // 2, least + 2 * margin)
    ]

    assert said == [UNFIT, CLOSE, CLOSE, CLOSE, FITS]


def test_a_small_model_has_the_absolute_margin() -> None:
    of = programs("scperb", "T4", B=2)
    case, least = of.case({}), least_room(of)

    assert judge(case, card_with(least + ABSOLUTE)).answer == FITS
    assert judge(case, card_with(least + ABSOLUTE - 1)).answer == CLOSE
    assert judge(case, card_with(least - ABSOLUTE)).answer == CLOSE
    assert judge(case, card_with(least - ABSOLUTE - 1)).answer == UNFIT


def test_convolutions_have_room_for_workspaces() -> None:
    rooms = band(card_with(10**10), programs("cnn3d", "T4").case({}))

    assert rooms.room - rooms.sure == 10**10 * (RELATIVE + CONVOLUTION)
    assert "cuDNN" in rooms.why


def test_cards_that_are_reported_larger_are_not_ruled_out() -> None:
    rooms = band(card_with(10**10, 2 * 10**10), programs("scperb", "T4").case({}))

    assert rooms.hopeful == 2 * 10**10 * (1 + RELATIVE)


def test_an_answer_says_why() -> None:
    unfit = judge(programs("bioformer", "a100", c=64).case({"B": 4}), gpu("a100"))
    fits = judge(programs("scperb", "T4").case({}), gpu("t4"))

    assert re.match(r"stops at encode\.stack\.blocks\.block\.opm\.outer_product: mul \(bioformer\.yaml:\d+\): 15\.32 GiB", unfit.reason)
    assert unfit.message.startswith("CUDA out of memory. Tried to allocate 15.32 GiB.")
    assert fits.reason == "needs 596.00 MiB of 14.56 GiB"
    assert [status(answers) for answers in ([fits], [fits, unfit], [])] == [0, 1, 0]


@pytest.mark.parametrize(("arguments", "code", "said"), [
    ("fit scperb --gpu t4", 0, "T4 fits: needs"),
    ("fit scperb B=200000 --gpu t4", 1, "T4 does not fit: stops at"),
    ("fit scperb B=36000 --gpu t4", 3, "T4 too close to call: the replay runs"),
    ("fit scperb B=36500 --gpu t4", 3, "T4 too close to call: the replay stops"),
    ("fit scperb B=36000 --gpu t4 --gpu a100", 3, "A100-80GB fits"),
    ("fit scperb B=200000 --gpu a100 --gpu h200", 3, "H200 fits"),
    ("fit scperb B=200000 --gpu t4 --gpu h200", 1, "H200 fits"),
    ("fit scperb B=200000", 0, "does not fit"),
    ("fit bert-base-eager c=49152 --gpu t4 --solve B", 1, "none"),
    ("check scperb --gpu t4", 0, "T4 fits: needs"),
    ("check scperb B=200000 --gpu t4", 1, "T4 does not fit: stops at"),
    ("check scperb B=36000 --gpu t4", 3, "T4 too close to call"),
    ("check scperb", 0, "right"),
])  # fmt: skip
def test_the_exit_status_is_the_answer(arguments: str, code: int, said: str) -> None:
    result = peakform(*arguments.split())

    assert (result.exit_code, result.stderr) == (code, "")
    assert said in " ".join(result.stdout.split())


@pytest.mark.parametrize(("arguments", "message"), [
    ("B=3", "command line: no config is named\n    expected CONFIG... [SYMBOL=VALUES]..."),
    ("scperb B=1:2:0", "command line: cannot read 'B=1:2:0'\n    expected numbers above 0 as 128,256,512 or 64:512:64"),
    ("scperb B=1:2:3:4", "command line: cannot read 'B=1:2:3:4'"),
    ("scperb B=1,,2", "command line: cannot read 'B=1,,2'"),
    ("scperb B=a,b", "command line: cannot read 'B=a,b'"),
    ("scperb B=0,1", "command line: cannot read 'B=0,1'"),
    ("scperb B=9:2", "command line: 'B=9:2' has 0 values\n    expected 1 to 1,000"),
    ("scperb B=1:9999", "command line: 'B=1:9999' has 9,999 values\n    expected 1 to 1,000"),
    ("scperb Q=1,2", "command line: no symbol 'Q' to override\n    known: B, G, H, Z"),
    ("scperb cnn3d G=3", "command line: no symbol 'G' to override"),
    ("scperb --solve Q", "command line: no symbol 'Q' to solve for\n    known: B, G, H, Z"),
    ("scperb --solve B,Q", "command line: no symbol 'Q' to solve for"),
    ("scperb --solve B,G,H", "command line: cannot solve for 'B,G,H'\n    expected one symbol, or two with a comma between"),
    ("scperb --solve B,B", "command line: cannot solve for 'B,B'"),
    ("scperb --solve B,", "command line: cannot solve for 'B,'"),
    ("scperb --solve B B=1,2", "command line: 'B' is solved for and cannot be swept too"),
    ("scperb --multiple-of 0", "'--multiple-of': 0 is not in the range x>=1"),
    ("scperb --gpu H101", "command line: unknown GPU 'H101'\n    did you mean 'h100'?"),
    ("scperb --gpus-file none.yaml", "none.yaml:1:1: cannot read the file"),
    ("scprb", "command line: no file and no bundled model 'scprb'\n    did you mean 'scperb'?"),
    ("bioformer c=65", "'width / heads' is 65/4, not a whole number"),
    ("bioformer c=65,66", "'width / heads' is 33/2, not a whole number"),
    ("", "Missing argument 'CONFIG..."),
])  # fmt: skip
def test_a_question_that_is_refused(arguments: str, message: str) -> None:
    result = peakform("fit", *arguments.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_symbol_without_any_value_that_is_taken(tmp_path: Path) -> None:
    described = text_model(HEADS.replace("c: 64", "c: 64, d: 8").replace("[B, 100, c], y", "[B, 100 + 0*d, c], y"), tmp_path)
    first = analyze(described, {}, read_run(described.run, {}, has_loss=True))

    with pytest.raises(InvalidConfig) as refused:
        Solver(Programs(first, {}), "d", {"c": 66})

    assert "no value of 'd' near 8 is taken" in str(refused.value)
    assert "'part' is 33/2, not a whole number" in str(refused.value)


@pytest.mark.parametrize("arguments", [
    "fit scperb", "fit scperb --solve B", "fit scperb cnn3d bert-base-eager --solve B", "fit scperb G=1000,2000000 --solve B",
    "fit bioformer c=64 --gpu a100 --solve B,r", "fit bioformer B=4 c=63:66 --gpu a100 --gpu t4",
])  # fmt: skip
def test_tables_fit_eighty_columns(arguments: str) -> None:
    result = peakform(*arguments.split())

    assert result.exit_code in (0, 1)
    assert max(map(len, result.stdout.splitlines())) <= 80


def told(arguments: str) -> dict[str, Any]:
    """The JSON of a question."""
    parsed: dict[str, Any] = json.loads(peakform(*arguments.split(), "--format", "json").stdout)
    return parsed


def test_a_matrix_of_configs_and_cards() -> None:
    rows = told("fit scperb cnn3d --gpu t4 --gpu a100 --solve B")["rows"]

    assert [[(c["gpu"], c["fits"] > 0) for c in row["cells"]] for row in rows] == [[("T4", True), ("A100-80GB", True)]] * 2
    assert [row["config"] for row in rows] == ["scperb.yaml", "cnn3d.yaml"]
    for row, name in zip(rows, ("scperb", "cnn3d")):
        for cell in row["cells"]:
            assert cell["fits"] == Solver(programs(name, cell["gpu"]), "B").solve(gpu(cell["gpu"])).fits


def test_values_that_are_swept_and_refused() -> None:
    (row,) = (
        {
            str(c.get("refused"))
            for r in told("fit bioformer B=4 c=63:66 --gpu a100")["rows"]
            for c in r["cells"]
            if r["symbols"]["c"] == 65
        },
    )

    assert row == {"'width / heads' is 65/4, not a whole number"}


def test_a_frontier_falls() -> None:
    rows = told("fit bioformer c=64 --gpu a100 --solve B,r")["rows"]
    frontier = [(row["symbols"]["r"], row["cells"][0]["fits"]) for row in rows]

    assert len(frontier) >= 8
    assert frontier == sorted(frontier)
    assert [b for _, b in frontier] == sorted((b for _, b in frontier), reverse=True)
    assert frontier[-1][1] >= 1
    assert Solver(programs("bioformer", "a100", c=64), "r", {"B": 1}).solve(gpu("a100")).fits == frontier[-1][0]


def test_json_tells_everything_about_a_verdict() -> None:
    found = told("fit scperb B=200000 --gpu t4")
    cell = found["rows"][0]["cells"][0]

    assert (found["status"], found["solved"], cell["answer"]) == (1, None, "does not fit")
    assert cell["needed_bytes"] > cell["capacity_bytes"]
    assert cell["failure"]["path"] == "scperb.yaml"
    assert cell["band"]["sure_bytes"] < cell["band"]["room_bytes"] == cell["capacity_bytes"] - cell["context_bytes"]


def test_csv_has_one_line_per_cell() -> None:
    lines = peakform(*"fit scperb G=1000,2000 --gpu t4 --gpu a100 --solve B --format csv".split()).stdout.splitlines()

    assert lines[0] == "config,G,gpu,capacity_bytes,fits,too_close_to,next,bound,refused"
    assert len(lines) == 5


def test_a_card_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("gpus:\n  - {name: lab, like: T4, capacity_gib: 1}\n", encoding="utf-8")

    assert peakform("fit", "scperb", "--gpus-file", str(path), "--gpu", "lab").exit_code == 0
    assert peakform("check", "scperb", "B=9000", "--gpus-file", str(path), "--gpu", "lab").exit_code == 1


def test_what_is_not_a_cuda_card_says_so() -> None:
    printed = " ".join(peakform("fit", "scperb", "--gpu", "mi300x", "--gpu", "tpu-v3").stdout.split())

    assert "Note: MI300X: a ROCm card: op rules, workspaces and context are those of CUDA." in printed
    assert "Note: TPU v3 core: not a CUDA device" in printed
