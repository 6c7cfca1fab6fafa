"""The pages of the systems say what the analyzer says today."""

import pytest

from validation.pages import DOCS, PAGES, verdict, written

MB = 10**6


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_its_source_gives(name: str) -> None:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")

    assert page == written(name), f"python -m validation.pages {name}"
    assert max(len(line) for line in page.splitlines() if not line.startswith("|")) <= 180


def test_every_system_has_a_page() -> None:
    assert PAGES == ["bioformer", "cnn3d", "cpa", "deepmodel-xray", "evoformer", "scperb"]


@pytest.mark.parametrize(("said", "amount", "told"), [
    ("51.2", 53_733_992, "**wrong unit**, these are MiB"), ("7.2", 7_165_952, "holds"), ("222", 348_519_328, "**wrong**, 36 % too low"),
    ("3.5", 1_000_000, "**wrong**, 3.5 times what is"), ("14", 10_000_000, "**wrong**, 40 % too high"),
])  # fmt: skip
def test_a_verdict_is_computed(said: str, amount: int, told: str) -> None:
    assert verdict(said, amount, "MB") == told


def test_what_is_about_a_figure_may_be_off_by_some_percent() -> None:
    assert verdict("500", 526 * MB, "MB", about=True) == "about right, 4.9 % too low"
    assert verdict("400", 526 * MB, "MB", about=True).startswith("**wrong**")
