"""What others measured on GPUs, beside what this code predicts of it."""

import pytest
from click.testing import CliRunner

from validation.__main__ import main
from validation.published_figures import Source, compared, sources


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_figures_are_within_two_percent_or_explained(source: Source) -> None:
    found = list(compared(source))

    assert [figure for figure in found if not (figure.agrees or figure.why or source.known)] == []
    assert [figure for figure in found if figure.why and figure.agrees and abs(figure.predicted - figure.published) <= source.within] == []


def test_the_command_prints_a_table() -> None:
    told = CliRunner().invoke(main, ["published", "vgg"])

    assert told.exit_code == 0
    assert "B=4 s=224                   2.31          2.31" in told.output


def test_an_unknown_table_is_refused_with_those_there_are() -> None:
    told = CliRunner().invoke(main, ["published", "nothing"])

    assert told.exit_code == 2
    assert "DeepModel-XRay, VGG16" in told.output
