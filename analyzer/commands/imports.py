"""The command that reads a Hugging Face config.json."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.commands.arguments import ASSIGNMENTS, OUTPUT, assigned, write
from analyzer.commands.report import reported


@click.command("import")
@click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG.JSON")
@ASSIGNMENTS
@click.option("--attention", metavar="NAME", default="", help="Its implementation: sdpa or eager, where both are described.")
@click.option("--ignore", "ignored", multiple=True, metavar="KEY", help="Describe the model without a setting that cannot be said.")
@click.option("--gpu", "gpus", multiple=True, metavar="NAME", help="A GPU of `peakform gpus`; repeatable.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "csv"]), default="text", show_default=True)
@OUTPUT
def imports(
    config: Path,
    assignments: tuple[str, ...],
    attention: str,
    ignored: tuple[str, ...],
    gpus: tuple[str, ...],
    form: str,
    output: Path | None,
) -> None:
    """Report on the model of a Hugging Face CONFIG.JSON; with -o FILE.yaml write the model as a config.

    Offline, without PyTorch or transformers. What is read, what is not, and why, stands on stderr and in the config.

    \b
    peakform import config.json B=8 r=512 run.precision=amp-bf16
    peakform import config.json -o mine.yaml
    """
    from analyzer.build.model import model_of
    from analyzer.document import reads
    from analyzer.importing.apply import imported
    from analyzer.importing.family import families
    from analyzer.importing.json_text import load_json
    from analyzer.importing.writing import accounts, as_yaml

    symbols, settings = assigned(assignments)
    made = imported(load_json(config), families(), attention, ignored, symbols)
    writes = output is not None and output.suffix in (".yaml", ".yml")
    name = output.stem if output is not None and writes else made.family.name
    text = as_yaml(made, name, config.name)
    model = model_of(*reads(text, f"{config.name}, imported"), config)
    for line in accounts(made, config.name):
        click.echo(line, err=True)
    if writes:
        write(text, output)
    else:
        reported(model, symbols, settings, gpus, form, output)
