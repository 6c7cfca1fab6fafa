"""The `peakform` command: the group of commands. Nothing is computed or caught here but InvalidConfig."""

from __future__ import annotations

import gc
import sys
from typing import Any

import click

from analyzer import __version__
from analyzer.commands.advise import advise
from analyzer.commands.arguments import MODELS, find
from analyzer.commands.blocks import blocks
from analyzer.commands.check import check
from analyzer.commands.cluster import cluster, submit_check
from analyzer.commands.derive import derive
from analyzer.commands.fit import fit
from analyzer.commands.imports import imports
from analyzer.commands.layers import layers
from analyzer.commands.lists import gpus, models, ops, schema
from analyzer.commands.new import new
from analyzer.commands.plot import plot
from analyzer.commands.report import explain, report
from analyzer.commands.sweep import sweep
from analyzer.commands.table import diff, table
from analyzer.problems import InvalidConfig, nearest

__all__ = ["MODELS", "RARELY", "find", "main"]
RARELY = 200_000  # objects made between two searches for garbage that holds itself: of little use in a short command, and slow


PURPOSES = {
    "What a model needs": (report, explain, layers, plot, sweep),
    "Whether and where it fits": (check, fit, advise, submit_check, cluster),
    "Tables and formulas for a paper": (table, diff, derive),
    "Configs": (new, imports, models, blocks, ops, schema),
    "Cards": (gpus,),
}


class Commands(click.Group):
    """A group that prints the problems of a refused config and exits with 2; its commands stand by purpose."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        room = formatter.width - 6 - max(map(len, self.commands))
        named = {command: name for name, command in self.commands.items()}
        for purpose, commands in PURPOSES.items():
            with formatter.section(purpose):
                formatter.write_dl([(named[command], command.get_short_help_str(room)) for command in commands])

    def invoke(self, ctx: click.Context) -> Any:
        gc.set_threshold(RARELY, *gc.get_threshold()[1:])
        try:
            return super().invoke(ctx)
        except InvalidConfig as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            sys.exit(2)
        except RecursionError:
            click.echo("the description is nested too deeply", err=True)
            sys.exit(2)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = nearest(args[0], self.commands) if args else ""
            raise click.UsageError(f"{error.message} {hint}".strip(), ctx) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="peakform")
def main() -> None:
    """Closed forms for the parameters and peak memory of a neural network written in YAML.

    Start with a bundled model, or `peakform new mine --like bert-base` for one of your own:

    \b
    peakform report bioformer             a bundled model, with every number
    peakform report my.yaml B=16 r=501    your own, with symbols overridden
    peakform fit my.yaml --gpu a100       does it fit, and with --solve B: up to where
    peakform advise my.yaml --gpu a100    what would make it fit
    peakform check my.yaml                only say whether it is right

    Exit status: 0 done or fits, 1 does not fit, 2 the config or the command is refused, 3 too close to call.
    """


for _commands in PURPOSES.values():
    for _command in _commands:
        main.add_command(_command)
