"""The `peakform` command: reads arguments, calls the pipeline, prints. Nothing is computed or caught here but InvalidConfig.

Imports of the pipeline stand inside the commands, so that `--help` costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer import __version__
from analyzer.problems import InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Model

HERE = Path(__file__).resolve().parent
MODELS = HERE / "configs" / "models"


class Commands(click.Group):
    """A group that prints the problems of a refused config and exits with 2."""

    def invoke(self, ctx: click.Context) -> Any:
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

    \b
    peakform report bioformer             a bundled model, with every number
    peakform report my.yaml B=16 r=501    your own, with symbols overridden
    peakform check my.yaml                only say whether it is right

    Exit status: 0 done, 2 the config or the command is refused.
    """


CONFIG = click.argument("config")
ASSIGNMENTS = click.argument("assignments", nargs=-1, metavar="[SYMBOL=VALUE | run.KEY=VALUE]...")
OUTPUT = click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")


@main.command()
@CONFIG
@ASSIGNMENTS
@click.option(
    "--gpu", "gpus", multiple=True, metavar="NAME", help="A GPU of `peakform gpus`; repeatable. The first is the device kernels run on."
)
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv"]), default="text", show_default=True)
@OUTPUT
def report(config: str, assignments: tuple[str, ...], gpus: tuple[str, ...], form: str, output: Path | None) -> None:
    """Parameters, memory, peak and feasibility of CONFIG, as closed forms and numbers.

    CONFIG is a path to a YAML file, or the name of a bundled model (`peakform models`).

    \b
    peakform report scperb B=512
    peakform report bioformer run.mode=infer --gpu a100-80gb --format markdown -o report.md
    """
    from analyzer.analysis import analyze
    from analyzer.assemble import assemble
    from analyzer.gpus import device_of, read_gpus, select
    from analyzer.render import render
    from analyzer.run.settings import read_run

    model, symbols, settings = _read(config, assignments)
    chosen = select(read_gpus(), gpus)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)), device_of(chosen if gpus else ()))
    written = assemble(analysis, symbols, chosen)
    for warning in written.warnings:
        click.echo(f"warning: {warning}", err=True)
    terminal = output is None and sys.stdout.isatty()
    _write(render(written, form, _width(terminal), terminal), output)


@main.command()
@CONFIG
@ASSIGNMENTS
@click.option("--at", metavar="TEXT", help="List what is alive at the highest moment whose phase, label or op contains TEXT.")
@click.option("--rows", default=50, show_default=True, type=click.IntRange(1, 10000), help="Lines of the chart.")
@click.option("--format", "form", type=click.Choice(["text", "csv", "json"]), default="text", show_default=True)
@OUTPUT
def explain(config: str, assignments: tuple[str, ...], at: str | None, rows: int, form: str, output: Path | None) -> None:
    """Show how memory rises and falls over a step of CONFIG, by category and op.

    csv and json give every allocation; of a loop the first, second, last but one and last iteration stand for all.

    \b
    peakform explain bioformer B=2
    peakform explain bioformer B=2 --at softmax
    """
    from analyzer.analysis import analyze
    from analyzer.assemble import alive_at
    from analyzer.explain import course, named, sampled
    from analyzer.render.chart import as_alive, as_chart, as_json, as_rows
    from analyzer.run.settings import read_run

    model, symbols, settings = _read(config, assignments)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    moments = course(analysis)
    if at is not None:
        found = named(moments, at)
        if not found:
            labels = {m.label.rpartition(".")[2] for m in moments}
            raise InvalidConfig(Problem(Origin("command line"), f"nothing is called '{at}' in the step", nearest(at, labels)))
        moment = max(found, key=lambda m: m.total)
        _write(as_alive(moment, alive_at(analysis, moment.tick)), output)
    elif form == "text":
        _write(as_chart(sampled(moments, rows), _width(output is None and sys.stdout.isatty())), output)
    else:
        _write(as_rows(moments) if form == "csv" else as_json(moments), output)


@main.command()
@CONFIG
@ASSIGNMENTS
def check(config: str, assignments: tuple[str, ...]) -> None:
    """Say whether CONFIG is right: every problem with its line, or nothing wrong."""
    from analyzer.analysis import analyze
    from analyzer.run.settings import read_run
    from analyzer.tables import tables

    model, symbols, settings = _read(config, assignments)
    analysis = analyze(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))
    tables(analysis, symbols)
    for warning in analysis.graph.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{model.path}: right ({len(analysis.graph.parameters)} parameter tensors, {len(model.symbols)} symbols)")


@main.command("models")
def models_command() -> None:
    """List the bundled models."""
    from analyzer.document import Scalar, load

    for path in sorted(MODELS.glob("*.yaml")):
        doc = load(path, path.name).get("doc")
        click.echo(f"{path.stem:<24} {doc.value if isinstance(doc, Scalar) else ''}".rstrip())


@main.command("gpus")
def gpus_command() -> None:
    """List the GPUs with the memory their driver reports."""
    from analyzer.gpus import GIB, read_gpus

    click.echo(f"{'name':<16} {'capacity':>11}  {'compute':>7} {'SMs':>4}  aliases")
    for gpu in read_gpus():
        capability = f"{gpu.capability // 10}.{gpu.capability % 10}"
        click.echo(f"{gpu.name:<16} {gpu.capacity / GIB:>7.2f} GiB  {capability:>7} {gpu.sms:>4}  {', '.join(gpu.aliases)}".rstrip())


@main.command("ops")
@click.argument("names", nargs=-1)
def ops_command(names: tuple[str, ...]) -> None:
    """List the ops with signature, equation and gradient formulas; NAMES selects some."""
    from analyzer.vocabulary import described

    click.echo(described(names), nl=False)


@main.command("schema")
@OUTPUT
def schema_command(output: Path | None) -> None:
    """Print the JSON Schema (draft-07) of a config, for editors.

    Put `# yaml-language-server: $schema=model.schema.json` at the top of a config to get completion.
    """
    import json

    from analyzer.schema import model_schema

    _write(json.dumps(model_schema(), indent=2) + "\n", output)


def _read(config: str, assignments: tuple[str, ...]) -> tuple[Model, Mapping[str, str], Mapping[str, str]]:
    """The model, the symbols to override, and the run settings to override."""
    from analyzer.build.model import read_model

    symbols: dict[str, str] = {}
    settings: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name or not value:
            problem = Problem(Origin("command line"), f"cannot read '{assignment}'", "expected SYMBOL=VALUE or run.KEY=VALUE")
            raise InvalidConfig(problem)
        if name.startswith("run."):
            settings[name[4:]] = value
        else:
            symbols[name] = value
    path, shown = find(config)
    return read_model(path, shown), symbols, settings


def find(config: str) -> tuple[Path, str]:
    """A config's path and how to show it: a file, or a bundled model by name. Raises InvalidConfig."""
    path = Path(config)
    if path.is_file():
        return path, config
    bundled = MODELS / f"{config}.yaml"
    if config.replace("-", "_").replace(".", "_").isidentifier() and bundled.is_file():
        return bundled, bundled.name
    names = [p.stem for p in MODELS.glob("*.yaml")]
    raise InvalidConfig(Problem(Origin("command line"), f"no file and no bundled model '{config}'", nearest(config, names)))


def _width(terminal: bool) -> int:
    import shutil

    return max(80, shutil.get_terminal_size().columns) if terminal else 100


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidConfig(Problem(Origin(str(output)), f"cannot write: {error.strerror}")) from None
