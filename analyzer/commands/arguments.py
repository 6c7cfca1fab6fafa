"""What the commands share: their arguments, the config they read, where they write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.problems import InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Model

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
MODELS, DATA = CONFIGS / "models", CONFIGS / "data"

CONFIG = click.argument("config")
ASSIGNMENTS = click.argument("assignments", nargs=-1, metavar="[SYMBOL=VALUE | run.KEY=VALUE]...")
GPUS = click.option("--gpu", "gpus", multiple=True, metavar="NAME", help="A card of `peakform gpus` or a cloud instance; repeatable.")
FILES = click.option("--gpus-file", "files", multiple=True, type=click.Path(path_type=Path), help="A file of your own cards; repeatable.")
VALUES = click.option(
    "--values", type=click.Path(path_type=Path), metavar="FILE", help="Your training config; symbols that say `from:` are read from it."
)
OUTPUT = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")


def read(
    config: str, assignments: tuple[str, ...], values: Path | None = None, others: tuple[str, ...] = ()
) -> tuple[Model, Mapping[str, str], Mapping[str, str]]:
    """The model, with symbols that say `from:` read from `values`, the symbols to override, and the run settings to override.

    `others` are symbols that get their values later, and need none of `values`.
    """
    from analyzer.build.model import read_model

    symbols, settings = assigned(assignments)
    path, shown = find(config)
    model = read_model(path, shown)
    if values is not None:
        from analyzer.importing.values import with_values

        model = with_values(model, values, (*symbols, *others))
    return model, symbols, settings


def assigned(assignments: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The symbols to override, and the run settings to override. Raises InvalidConfig."""
    symbols: dict[str, str] = {}
    settings: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name or not (value or name.startswith("run.")):
            problem = Problem(Origin("command line"), f"cannot read '{assignment}'", "expected SYMBOL=VALUE or run.KEY=VALUE")
            raise InvalidConfig(problem)
        if name.startswith("run."):
            settings[name[4:]] = value
        else:
            symbols[name] = value
    return symbols, settings


def find(config: str) -> tuple[Path, str]:
    """A config's path and how to show it: a file, or a bundled model or data description by name. Raises InvalidConfig."""
    path = Path(config)
    if path.is_file():
        return path, config
    for bundled in (MODELS / f"{config}.yaml", DATA / f"{config}.yaml"):
        if config.replace("-", "_").replace(".", "_").isidentifier() and bundled.is_file():
            return bundled, bundled.name
    names = [p.stem for folder in (MODELS, DATA) for p in folder.glob("*.yaml")]
    raise InvalidConfig(Problem(Origin("command line"), f"no file and no bundled model '{config}'", nearest(config, names)))


def is_data_only(model: Model, settings: Mapping[str, str]) -> bool:
    """Whether a config has `data:` and no layers. Raises InvalidConfig when it is to be run all the same."""
    if model.layers or model.data is None:
        return False
    if settings:
        name = next(iter(settings))
        raise InvalidConfig(Problem(Origin("command line"), f"run.{name} means nothing for a config without layers"))
    return True


def width(terminal: bool) -> int:
    """Columns to write in."""
    import shutil

    return max(80, shutil.get_terminal_size().columns) if terminal else 100


def write(text: str, output: Path | None) -> None:
    """Print, or write to a file. Raises InvalidConfig when it cannot be written."""
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidConfig(Problem(Origin(str(output)), f"cannot write: {error.strerror}")) from None
