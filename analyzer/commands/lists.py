"""The commands that list what there is: models, gpus, ops, schema."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.commands.arguments import DATA, MODELS, OUTPUT, write


@click.command("models")
def models() -> None:
    """List the bundled models, and descriptions of data alone."""
    from analyzer.document import Scalar, load

    for path in (*sorted(MODELS.glob("*.yaml")), *sorted(DATA.glob("*.yaml"))):
        doc = load(path, path.name).get("doc")
        click.echo(f"{path.stem:<24} {doc.value if isinstance(doc, Scalar) else ''}".rstrip())


@click.command("gpus")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--instances", is_flag=True, help="List cloud instances and their cards instead.")
@click.option("--gpus-file", "files", multiple=True, type=click.Path(path_type=Path), help="A file of your own cards; repeatable.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def gpus(names: tuple[str, ...], instances: bool, files: tuple[Path, ...], form: str) -> None:
    """List the GPUs with the memory their driver reports; NAMES tells all about some, with sources.

    A ~ stands before a value that was derived and not reported.

    \b
    peakform gpus a100-80gb
    peakform gpus --instances
    peakform gpus --gpus-file mine.yaml
    """
    from analyzer.gpus import named, read_gpus, read_instances
    from analyzer.render.cards import as_cards, as_catalogue, as_instances, as_json

    cards = read_gpus(*files)
    if names:
        cards = named(cards, names)
    rented = [i for i in read_instances() if not names or i.gpu in {c.name for c in cards}]
    if form == "json":
        write(as_json(cards, rented), None)
    elif instances:
        write(as_instances(rented, {card.name: card for card in cards}), None)
    else:
        write(as_cards(cards) if names else as_catalogue(cards), None)


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
