"""The commands that list what there is: models, gpus, ops, schema."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.commands.arguments import MODELS, OUTPUT, write


@click.command("models")
def models() -> None:
    """List the bundled models."""
    from analyzer.document import Scalar, load

    for path in sorted(MODELS.glob("*.yaml")):
        doc = load(path, path.name).get("doc")
        click.echo(f"{path.stem:<24} {doc.value if isinstance(doc, Scalar) else ''}".rstrip())


@click.command("gpus")
def gpus() -> None:
    """List the GPUs with the memory their driver reports."""
    from analyzer.gpus import GIB, read_gpus

    click.echo(f"{'name':<16} {'capacity':>11}  {'compute':>7} {'SMs':>4}  aliases")
    for gpu in read_gpus():
        capability = f"{gpu.capability // 10}.{gpu.capability % 10}"
        click.echo(f"{gpu.name:<16} {gpu.capacity / GIB:>7.2f} GiB  {capability:>7} {gpu.sms:>4}  {', '.join(gpu.aliases)}".rstrip())


@click.command("ops")
@click.argument("names", nargs=-1)
def ops(names: tuple[str, ...]) -> None:
    """List the ops with signature, equation and gradient formulas; NAMES selects some."""
    from analyzer.vocabulary import described

    click.echo(described(names), nl=False)


@click.command("schema")
@OUTPUT
def schema(output: Path | None) -> None:
    """Print the JSON Schema (draft-07) of a config, for editors.

    Put `# yaml-language-server: $schema=model.schema.json` at the top of a config to get completion.
    """
    import json

    from analyzer.schema import model_schema

    write(json.dumps(model_schema(), indent=2) + "\n", output)
