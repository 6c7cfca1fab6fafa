"""Where two sequences of allocations part, and what does not count as parting."""

from __future__ import annotations

from validation.divergence import NEVER, Event, aligned, first_divergence


def events(*pairs: tuple[int, int]) -> list[Event]:
    """Events of (bytes, died)."""
    return [Event(size, died, "forward", "", "") for size, died in pairs]


def test_equal_sequences_do_not_part() -> None:
    assert first_divergence(events((4, 2), (8, NEVER)), events((4, 2), (8, NEVER))) is None


def test_the_first_other_size_is_named() -> None:
    found = first_divergence(events((4, NEVER), (8, NEVER), (8, NEVER)), events((4, NEVER), (12, NEVER), (9, NEVER)))

    assert found is not None
    assert found.index == 1


def test_another_line_counts_where_both_are_known() -> None:
    here, there = Event(4, NEVER, "forward", "", "add m.yaml:3"), Event(4, NEVER, "forward", "", "mul m.yaml:4")

    assert first_divergence([here], [there]) is not None
    assert first_divergence([here], events((4, NEVER))) is None


def test_a_longer_life_is_named_at_the_allocation_it_is_too_long_for() -> None:
    found = first_divergence(events((4, 1), (8, NEVER), (2, NEVER)), events((4, 2), (8, NEVER), (2, NEVER)))

    assert found is not None
    assert found.index == 1
    assert "lives until allocation 2 as measured" in found.lines[0]


def test_a_missing_allocation_is_found_at_the_end() -> None:
    found = first_divergence(events((4, NEVER), (8, NEVER)), events((4, NEVER)))

    assert found is not None
    assert found.index == 1


def test_swapped_neighbours_are_taken_as_measured() -> None:
    expected, adapted = aligned(events((4, NEVER), (1, 3), (2, NEVER)), events((4, NEVER), (2, NEVER), (1, 3)))

    assert adapted == [1]
    assert [e.bytes for e in expected] == [4, 2, 1]


def test_one_block_may_be_two_of_the_kernel() -> None:
    expected, adapted = aligned(events((12, 1), (5, NEVER)), events((8, 2), (4, 2), (5, NEVER)))

    assert adapted == [0]
    assert first_divergence(expected, events((8, 2), (4, 2), (5, NEVER))) is None


def test_lives_of_equal_neighbours_may_be_exchanged() -> None:
    measured = events((4, NEVER), (4, 2), (1, NEVER))
    expected, _ = aligned(events((4, 2), (4, NEVER), (1, NEVER)), measured)

    assert first_divergence(expected, measured) is None
