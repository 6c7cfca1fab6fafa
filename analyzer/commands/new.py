"""The command that starts a config of one's own from a bundled one."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.commands.arguments import DATA, MODELS, write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest


@click.command("new")
@click.argument("name")
@click.option("--like", required=True, metavar="MODEL", help="The bundled model to begin from (`peakform models`).")
@click.option("--blocks", "written_out", is_flag=True, help="Write the included blocks out too, to change them.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def new(name: str, like: str, written_out: bool, force: bool) -> None:
    """Write NAME.yaml, a config of your own, from a bundled model; comments and all.

    Libraries that it includes are the bundled ones and found from any folder. NAME may begin with a folder.

    \b
    peakform new mine --like bert-base
    peakform new mine --like bert-base --blocks
    """
    from analyzer.starting import like_bundled

    path = _target(name, force)
    bundled = {p.stem: p for folder in (MODELS, DATA) for p in folder.glob("*.yaml")}
    if like not in bundled:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"no bundled model '{like}'", nearest(like, bundled)))
    write(like_bundled(bundled[like], path.stem, written_out=written_out), path)
    click.echo(f"{path}: written; `peakform report {path}` reports on it")


def _target(name: str, force: bool) -> Path:
    """Where the file goes. Raises InvalidConfig for a name that is none, and for a file that is there."""
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if not path.stem.replace("-", "").replace("_", "").replace(".", "").isalnum() or len(path.stem) > 60:
        hint = "letters, digits, '-', '_' and '.', up to 60"
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{name}' is no name for a config", hint))
    if path.exists() and not force:
        raise InvalidConfig(Problem(Origin(COMMAND_LINE), f"'{path}' is there already", "--force overwrites it"))
    return path
