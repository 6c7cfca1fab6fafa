"""A `data:` section from a stranger costs no more than any other config, and is refused or answered."""

from pathlib import Path

import pytest

from tests.test_security import assert_harmless, run

NAMES = [f"a{i}" for i in range(40)]
SYMBOLS = "symbols: {" + ", ".join(f"{n}: 1" for n in NAMES) + "}\n"
SUM = " + ".join(NAMES)
MANY = range(101)
REFUSED = {
    "a shape of large sums": (f"data: {{arrays: {{x: [{SUM}, {SUM}, {SUM}]}}}}", "is too complicated"),
    "many dimensions": (f"data: {{arrays: {{x: [{', '.join('2' * 1 for _ in MANY)}]}}}}", "is too complicated"),
    "many arrays": ("data: {arrays: {" + ", ".join(f"x{i}: [1]" for i in MANY) + "}}", "more than 100 entries"),
    "many steps": ("data: {prepare: [" + ", ".join("{empty: {shape: [1], as: x}}" for _ in MANY) + "]}", "more than 100 entries"),
    "a huge dimension": ("data: {arrays: {x: [10**18]}}", "expected a whole number"),
    "a division by zero": ("data: {arrays: {x: [a0 // (a1 - a2)]}}", "is no number"),
    "a division by zero among nonzeros": ("data: {arrays: {x: {shape: [3, 3], format: csr, nonzeros: a0 // (a1 - a2)}}}", "no number"),
    "a root of less than zero": ("data: {arrays: {x: [sqrt(a0 - 2)]}}", "is no number"),
    "a root of a number less than zero": ("data: {arrays: {x: [sqrt(0 - 1)]}}", "sqrt of -1"),
    "code": ("data: {arrays: {x: [\"__import__('os').system('touch owned')\"]}}", "is not allowed in an expression"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    (tmp_path / "case.yaml").write_text(SYMBOLS + text + "\n", encoding="utf-8")

    outcome = run(tmp_path, "check", "case.yaml")

    assert_harmless(outcome)
    assert outcome.status == 2
    assert message in outcome.stderr
    assert not (tmp_path / "owned").exists()


ARRAYS = [f"x{i}: {{shape: [{SUM}, 40], format: csr, nonzeros: ({SUM}) / 3, claim: [0.1, 0.5]}}" for i in range(60)]
STEPS = ["{empty: {shape: [%s, 2], dtype: int8, as: y%d}}" % (SUM, i) for i in range(100)]  # noqa: UP031
ACCEPTED = {
    "many large arrays": "data: {arrays: {" + ", ".join(ARRAYS) + "}, loader: {batch: 1, workers: 10**12}}",
    "many arrays alive": f"data: {{arrays: {{x: [{SUM}]}}, prepare: [{', '.join(STEPS)}]}}",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_is_answered(name: str, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(SYMBOLS + ACCEPTED[name] + "\n", encoding="utf-8")

    outcome = run(tmp_path, "report", "case.yaml", "--format", "json")

    assert_harmless(outcome)
    assert outcome.status == 0
