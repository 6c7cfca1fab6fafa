"""`python -m validation submit`: the same measurements as jobs of a Slurm cluster, one for each kind of card."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from validation.commands.words import WORDS, parted


@click.command(short_help="Run the measurements on a Slurm cluster, a job for each kind of card.")
@WORDS
@click.option("--partition", metavar="NAME", help="Slurm's partition.")
@click.option("--gres", "kinds", multiple=True, metavar="GRES", help="A kind of card, as gpu:a100:1; repeat it for a job of each.")
@click.option("--time", "minutes", default=60, show_default=True, metavar="MINUTES", help="The jobs' time limit.")
@click.option("--account", metavar="NAME", help="Slurm's account.")
@click.option("--local", is_flag=True, help="Run the jobs as processes of this machine instead.")
@click.option("--python", default=sys.executable, show_default=False, metavar="PROGRAM", help="What runs a job; by default this Python.")
@click.option("-o", "--output", default="validation-jobs", show_default=True, type=click.Path(file_okay=False, path_type=Path),
              help="A folder that the nodes see: job logs, and a JSON file of results for each kind of card.")  # fmt: skip
def submit(
    words: tuple[str, ...], partition: str | None, kinds: tuple[str, ...], minutes: int, account: str | None, local: bool,
    python: str, output: Path,
) -> None:  # fmt: skip
    """Send `python -m validation run WORDS` to one node of each --gres through submitit, wait, and print one table of all.

    \b
    python -m validation submit bert-base B=4 --partition gpu --gres gpu:a100:1 --gres gpu:h100:1
    python -m validation submit --partition gpu --gres gpu:a100:1 --time 120     the whole table
    python -m validation submit scperb --local --python validation/nullcuda/run.sh

    Exit status: 0 all jobs ran and agree, 1 not, 2 refused.
    """
    try:
        import submitit
    except ImportError:
        raise click.UsageError("submitit is not installed\nexpected: pip install submitit") from None
    parted(words)
    if not local and not kinds:
        raise click.UsageError("say which cards, as in --gres gpu:a100:1, or --local")
    output.mkdir(parents=True, exist_ok=True)
    executor = submitit.AutoExecutor(folder=output / "logs", cluster="local" if local else "slurm")
    jobs: dict[str, Any] = {}
    for kind in kinds or ("local",):
        slurm = {"slurm_partition": partition, "slurm_account": account, "slurm_gres": None if local else kind}
        executor.update_parameters(timeout_min=minutes, name="peakform", **{k: v for k, v in slurm.items() if v})
        file = output / f"{re.sub(r'[^A-Za-z0-9.]+', '-', kind)}.json"
        command = [python, "-m", "validation", "run", *words, "-o", str(file.resolve())]
        jobs[kind] = executor.submit(submitit.helpers.CommandFunction(command, verbose=True))
        click.echo(f"{kind}: job {jobs[kind].job_id}, results go to {file}", err=True)
    failed = _waited(jobs)
    files = [file for file in sorted(output.glob("*.json"))]
    if files:
        from validation.accuracy import overview
        from validation.rows import read

        click.echo("\n".join(overview([read(file) for file in files])))
    sys.exit(1 if failed else 0)


def _waited(jobs: Mapping[str, Any]) -> Sequence[str]:
    """Wait for every job, saying when each ends; the kinds whose job failed or found figures that differ."""
    failed, left, started = [], dict(jobs), time.monotonic()
    while left:
        for kind in [kind for kind, job in left.items() if job.done()]:
            job = left.pop(kind)
            error = job.exception()
            told = "differs or failed, see " + str(job.paths.stdout) if error else "equal"
            failed += [kind] if error else []
            click.echo(f"{kind}: {told} after {time.monotonic() - started:.0f} s", err=True)
        time.sleep(1 if left else 0)
    return failed
