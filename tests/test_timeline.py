"""Loops that are not unrolled: memory is the same as if they were, at every moment of every iteration that is simulated."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from analyzer.analysis import SIMULATED, Analysis
from analyzer.build.model import Model
from analyzer.build.symbols import Symbols
from analyzer.build.trace import bind_symbols
from analyzer.evaluate import evaluate
from analyzer.iterations import NotSteady
from analyzer.memory import categories, kept
from analyzer.peaks import largest
from analyzer.run.settings import Run, read_run
from tests import programs
from tests.asking import analysis, model, text_model
from tests.curves import Moment, curve, peaks

CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
QUICK = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=CHECKS)
PLAIN = {"outputs": "dropped", "optimizer": "SGD"}
TRICKY = (
    "{repeat: D, layers: [{repeat: L, layers: [{mul: {in: [x, h], as: x}}, {mul: x}]}]}",  # one label and size, one kept, one not
    "{repeat: D, layers: [GELU, {repeat: L, layers: [{as: x}, {add: h}]}]}",  # the last of the inner loop is kept by the next outer
    "{repeat: D, layers: [{repeat: L, layers: [{retain: x}, mlp, {as: x}]}, {shared: {in: x, as: x}}]}",
)


def numbers(of: Analysis) -> dict[str, int]:
    """Bytes of every category, and of the peak."""
    symbols = of.symbols.values
    found = {name: evaluate(form, symbols) for name, form in categories(of).items()}
    return {**found, "peak": evaluate(largest(of.pieces, symbols).form, symbols)}


def _steady(described: Model, bound: Symbols, setting: Run) -> dict[Moment, tuple[int, int]]:
    for simulated in SIMULATED:
        try:
            return curve(described, bound, setting, simulated=simulated)
        except NotSteady:
            continue
    raise NotSteady


def same_as_unrolled(described: Model, run: dict[str, str], **symbols: int) -> None:
    """Compare the two at every simulated iteration, and at the peak of every phase."""
    bound, setting = bind_symbols(described, {name: str(value) for name, value in symbols.items()}), read_run(described.run, run)
    full = curve(described, bound, setting, unroll=True)
    short = _steady(described, bound, setting)
    inside = {moment: values for moment, values in short.items() if moment[1]}

    assert {moment: full[moment] for moment in inside} == inside
    assert peaks(short) == peaks(full)


@pytest.mark.parametrize("statements", TRICKY)
@pytest.mark.parametrize("run", [PLAIN, {"precision": "amp-bf16"}], ids=["plain", "autocast"])
def test_loops_that_were_once_wrong(statements: str, run: dict[str, str], tmp_path: Path) -> None:
    same_as_unrolled(text_model(programs.model(statements), tmp_path), run)


@QUICK
@given(programs.programs, programs.settings, st.integers(5, 7), st.integers(5, 6))
def test_loops_equal_their_unrolled_form(tmp_path: Path, statements: str, run: dict[str, str], depth: int, width: int) -> None:
    try:
        same_as_unrolled(text_model(programs.model(statements), tmp_path), run, L=depth, D=width)
    except NotSteady:
        assume(False)  # such a loop is unrolled


@pytest.mark.parametrize("name", ["bioformer", "bioformer-later"])
@pytest.mark.parametrize("precision", ["fp32", "amp-fp16"])
def test_bundled_loops_equal_their_unrolled_form(name: str, precision: str) -> None:
    same_as_unrolled(model(name), {"precision": precision}, L=7)


@pytest.mark.parametrize("statement", [s for s in programs.STATEMENTS if s != "{retain: x}"])
def test_a_loop_over_any_statement_is_steady(statement: str, tmp_path: Path) -> None:
    same_as_unrolled(text_model(programs.model(programs.repeated(f"{statement}, {{mul: x}}", "L")), tmp_path), PLAIN)


@pytest.mark.parametrize("statement", ["{Linear: c}, GELU", "{mlp: {in: x, as: x}}", "{let: {x: x * h}}"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9])
def test_n_iterations_are_n_copies_written_out(statement: str, count: int, tmp_path: Path) -> None:
    texts = programs.repeated(statement, count), ", ".join([statement] * count)
    looped, written = (numbers(analysis(text_model(programs.model(text), tmp_path))) for text in texts)

    assert looped == written


@pytest.mark.parametrize("depth", [6, 12, 10**9])
def test_a_loop_costs_the_same_whatever_its_length(depth: int, tmp_path: Path) -> None:
    described = text_model(programs.model(programs.repeated("{mlp: {in: x, as: x}}", "L")), tmp_path)
    few, many = analysis(described, L=6), analysis(described, L=depth)

    assert len(few.graph.instructions) == len(many.graph.instructions)
    assert categories(few) == categories(many)


@QUICK
@given(programs.programs, st.integers(1, 30))
@example("{add: x}", 1)
def test_bytes_grow_with_the_batch(tmp_path: Path, statements: str, batch: int) -> None:
    described = text_model(programs.model(statements), tmp_path)
    smaller, larger = (numbers(analysis(described, PLAIN, B=b)) for b in (batch, batch + 1))

    assert smaller["peak"] < larger["peak"]
    assert smaller["kept_for_backward"] < larger["kept_for_backward"]
    assert smaller["parameters"] == larger["parameters"]


CHAIN = "{Linear: {out_features: c, name: first}}, GELU, {Linear: {out_features: c, name: second}}, shared, mlp, {mul: h}"


@QUICK
@given(st.lists(st.sampled_from(["first", "second", "shared", "mlp"]), unique=True, max_size=3))
def test_freezing_keeps_a_subset(tmp_path: Path, names: list[str]) -> None:
    text = programs.model(CHAIN)
    trained, frozen = (analysis(text_model(t, tmp_path), PLAIN) for t in (text, f"{text}frozen: [{', '.join(names)}]\n"))
    before, after = numbers(trained), numbers(frozen)

    assert {(life.label, life.size) for life in kept(frozen)} <= {(life.label, life.size) for life in kept(trained)}
    assert (after["gradients"] < before["gradients"]) == bool(names)
    assert after["peak"] <= before["peak"]
    assert after["parameters"] == before["parameters"]
