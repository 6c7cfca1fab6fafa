"""What a repeated measurement is held to."""

from dataclasses import replace

from validation.reproduce import differences
from validation.rows import Row

ROW = Row("mlp", "B=4", "mode=train", {"step": 100, "reserved": 2048}, {"reserved": 4096})


def test_the_same_again_is_reproduced() -> None:
    assert differences(ROW, ROW) == []


def test_other_measured_figures_are_told() -> None:
    again = replace(ROW, measured={"step": 104, "reserved": 2048})

    assert differences(ROW, again) == ["step 104, committed 100"]


def test_a_prediction_that_was_right_and_is_off_now_is_told() -> None:
    again = replace(ROW, differing={"step": 96, "reserved": 4096})

    assert differences(ROW, again) == ["step is predicted 96 for 100"]


def test_a_prediction_that_has_become_right_is_reproduced() -> None:
    assert differences(ROW, replace(ROW, differing={})) == []


def test_a_figure_that_was_not_committed_is_no_difference() -> None:
    again = replace(ROW, measured={**ROW.measured, "allocated in step": 1}, differing={"allocated in step": 2, "reserved": 4096})

    assert differences(ROW, again) == []
