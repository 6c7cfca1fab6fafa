"""`python -m validation`: predicted beside measured. Nothing is measured here; each command has its file in validation/commands."""

from __future__ import annotations

import sys
from typing import Any

import click

from analyzer.problems import InvalidConfig
from validation.commands.oom import oom
from validation.commands.published import published
from validation.commands.report import report
from validation.commands.run import run
from validation.commands.submit import submit
from validation.commands.zoo import zoo


class Commands(click.Group):
    """A group that prints the problems of a refused config and exits with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidConfig as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Predictions of peakform beside what PyTorch allocates on CUDA.

    On a machine with an NVIDIA GPU and a CUDA build of PyTorch:

    \b
    python -m validation run bert-base B=4 r=128     one config, figure by figure
    python -m validation run -o mine.json            every model of the table, on your card
    python -m validation report mine.json            your table
    python -m validation oom bert-base --gpu t4      where it stops on a smaller card

    Without a GPU the same programs run over validation/nullcuda, PyTorch's CUDA build without a card
    (its README says what that cannot see): put validation/nullcuda/run.sh in the place of python.

    Exit status: 0 predicted and measured agree, 1 they do not, 2 a config or the command is refused.
    """


for _command in (run, zoo, oom, report, published, submit):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="python -m validation")
