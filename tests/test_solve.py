"""Solved symbols: exact against the allocator's replay, within their closed forms, with what the config refuses left out."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.analysis import analyze
from analyzer.bisection import LARGEST, last_near
from analyzer.evaluate import evaluate
from analyzer.problems import InvalidConfig
from analyzer.programs import Programs
from analyzer.replay import Replay, replay
from analyzer.run.settings import read_run
from analyzer.solve import Solver
from analyzer.tape import record
from analyzer.verdict import CLOSE, FITS, UNFIT, band, judge
from tests.asking import evaluated, text_model
from tests.cards import gpu, programs

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


def test_a_symbol_without_any_value_that_is_taken(tmp_path: Path) -> None:
    described = text_model(HEADS.replace("c: 64", "c: 64, d: 8").replace("[B, 100, c], y", "[B, 100 + 0*d, c], y"), tmp_path)
    first = analyze(described, {}, read_run(described.run, {}, has_loss=True))

    with pytest.raises(InvalidConfig) as refused:
        Solver(Programs(first, {}), "d", {"c": 66})

    assert "no value of 'd' near 8 is taken" in str(refused.value)
    assert "'part' is 33/2, not a whole number" in str(refused.value)


@pytest.mark.parametrize("off", [0, 1, 40, 10**6])
def test_the_last_value_is_found_whatever_the_estimates(off: int) -> None:
    chance = random.Random(off)
    for _ in range(300):
        high = chance.randint(1, 10**6)
        end, tries = chance.randrange(high), list[int]()

        def tried(value: int, end: int = end, tries: list[int] = tries) -> tuple[bool, int]:
            tries.append(value)
            return value <= end, end + chance.randint(-off, off)

        assert last_near(tried, chance.randint(0, high), high) == end
        assert len(tries) == len(set(tries)) <= (5 if off < 2 else 60)


def test_values_are_taken_as_a_trace_of_each_takes_them(tmp_path: Path) -> None:
    described = text_model(HEADS, tmp_path)
    stepped, traced = (Programs(analyze(described, {}, read_run(described.run, {}, has_loss=True)), {}) for _ in range(2))
    values = [{"c": c, "n": n} for c in range(1, 40) for n in (1, 4, 6)]

    assert [stepped.takes(v) for v in values] == [traced.refusal(v) is None for v in values]
    assert len(stepped.refusals) < len(traced.refusals) / 4
