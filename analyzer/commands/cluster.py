"""The commands about clusters: a file from what sinfo prints, and whether a job fits on one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import ASSIGNMENTS, CONFIG, FILES, OUTPUT, VALUES, read, width, write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem

if TYPE_CHECKING:
    from analyzer.cluster.script import Wanted


@click.group("cluster")
def cluster() -> None:
    """Describe a Slurm cluster in a file, for `peakform submit-check`."""


@cluster.command("from-sinfo")
@click.argument("source", required=False, metavar="[FILE|-]")
@click.option("--name", default="cluster", show_default=True, help="What the file calls the cluster.")
@FILES
@OUTPUT
def from_sinfo(source: str | None, name: str, files: tuple[Path, ...], output: Path | None) -> None:
    """Write a cluster file from the output of sinfo: of this machine, of FILE, or (-) of standard input.

    Read are its tables (with or without the line of names) and its JSON. What is not certain stands on standard error.

    \b
    peakform cluster from-sinfo -o mycluster.yaml
    ssh login sinfo -o '"%P|%G|%D|%l|%f|%a"' | peakform cluster from-sinfo - -o mycluster.yaml
    """
    from analyzer.cluster.sinfo import groups
    from analyzer.cluster.writing import as_yaml
    from analyzer.gpus import read_gpus

    text, shown = _told(source)
    found = groups(text, shown)
    if not found:
        raise InvalidConfig(Problem(Origin(shown), "no partition has GPUs", "their gres is gpu:TYPE:NUMBER or gpu:NUMBER"))
    made = as_yaml(found, read_gpus(*files), name)
    write(made.text, output)
    for doubt in made.doubts:
        click.echo(f"warning: {doubt}", err=True)
    if output is not None:
        click.echo(f"{output}: written; `peakform submit-check CONFIG --cluster {output}` uses it")


def _told(source: str | None) -> tuple[str, str]:
    """What sinfo printed, and how to call it in messages. Raises InvalidConfig."""
    if source == "-":
        return sys.stdin.read(), "standard input"
    if source is None:
        return _asked(), "sinfo"
    try:
        return Path(source).read_text(encoding="utf-8"), source
    except (OSError, ValueError) as error:
        raise InvalidConfig(
            Problem(Origin(source), f"cannot read the file: {getattr(error, 'strerror', None) or 'not UTF-8 text'}")
        ) from None


def _asked() -> str:
    """What sinfo of this machine prints. Raises InvalidConfig."""
    import subprocess

    from analyzer.cluster.sinfo import COMMAND, FORMAT

    hint = f"run `{COMMAND}` on the cluster and give its output: peakform cluster from-sinfo FILE"
    try:
        done = subprocess.run(["sinfo", "-o", FORMAT], capture_output=True, text=True, timeout=60, check=True)
    except FileNotFoundError:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "there is no sinfo on this machine", hint)) from None
    except subprocess.TimeoutExpired:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), "sinfo did not answer within a minute", hint)) from None
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip().splitlines()
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"it failed: {said[-1] if said else error.returncode}", hint)) from None
    return done.stdout


@click.command("submit-check")
@CONFIG
@ASSIGNMENTS
@click.option("--cluster", "path", required=True, metavar="FILE", help="The cluster's file, or `university`, an example.")
@click.option("--partition", "only", multiple=True, metavar="NAME", help="Look at this partition only; repeatable.")
@click.option("--time", metavar="TIME", help="How long the job runs, as Slurm writes it: 90, 12:00:00, 2-00:00:00.")
@click.option("--script", type=click.Path(path_type=Path), metavar="FILE", help="Check what the #SBATCH lines of this job script ask for.")
@VALUES
@FILES
@click.option("--format", "form", type=click.Choice(["text", "json", "sbatch"]), default="text", show_default=True)
@OUTPUT
def submit_check(
    config: str,
    assignments: tuple[str, ...],
    path: str,
    only: tuple[str, ...],
    time: str | None,
    script: Path | None,
    values: Path | None,
    files: tuple[Path, ...],
    form: str,
    output: Path | None,
) -> None:
    """Say on which partitions of a cluster CONFIG fits, why not on the others, and the cheapest with its #SBATCH lines.

    Cheapest is the smallest cost of the cards by the cluster's file; of equals, the smallest card.

    \b
    peakform submit-check my.yaml B=32 --cluster mycluster.yaml
    peakform submit-check my.yaml --cluster mycluster.yaml --time 12:00:00 --format sbatch
    peakform submit-check my.yaml --values train.yaml --cluster mycluster.yaml --script job.sh && sbatch job.sh

    Exit status: 0 fits on some partition (with --script, on every card that it may get), 1 on none, 2 the config, the cluster or
    the command is refused, 3 too close to call.
    """
    from analyzer.cluster.reading import bundled, read_cluster
    from analyzer.cluster.submission import submission
    from analyzer.fit import Asked
    from analyzer.gpus import read_gpus
    from analyzer.render.submission import as_json, as_sbatch, as_text
    from analyzer.run.settings import read_run

    described = read_cluster(bundled(path), read_gpus(*files))
    wanted = _wanted(only, time, script)
    model, symbols, settings = read(config, assignments, values)
    if not model.layers:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{config}' has no layers: nothing runs on a GPU"))
    found = submission(Asked(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss))), described, wanted)
    terminal = output is None and sys.stdout.isatty()
    if form == "text":
        write(as_text(found, width(True) if terminal else 80, terminal), output)
    else:
        write(as_json(found) if form == "json" else as_sbatch(found), output)
    sys.exit(found.status)


def _wanted(only: tuple[str, ...], time: str | None, script: Path | None) -> Wanted:
    """What the options, or a job script, ask for. Raises InvalidConfig."""
    from analyzer.cluster.partitions import minutes
    from analyzer.cluster.script import Wanted, read_script

    if script is not None:
        if only or time:
            raise InvalidConfig(Problem(Origin(COMMAND_LINE), "--script says what --partition and --time would", "leave them out"))
        return read_script(script)
    try:
        return Wanted(only, minutes(time) if time is not None else None)
    except ValueError:
        hint = "as Slurm writes it: 90, 12:00:00, 2-00:00:00"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{time}' is no time", hint)) from None
