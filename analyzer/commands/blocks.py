"""The command that lists the bundled blocks."""

from __future__ import annotations

import click

from analyzer.commands.arguments import write
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest


@click.command("blocks")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def blocks(names: tuple[str, ...], form: str) -> None:
    """List the reusable blocks with inputs, symbols and defaults; NAMES, of blocks or libraries, shows some whole.

    \b
    peakform blocks
    peakform blocks bert_layer
    peakform blocks llama --format json
    """
    from analyzer.block_files import libraries
    from analyzer.render.blocks import as_json, as_list, as_whole

    every = libraries()
    known = [block for library in every for block in library.blocks]
    words = {block.name for block in known} | {library.name for library in every}
    missing = [name for name in names if name not in words]
    if missing:
        raise InvalidConfig(*(Problem(Origin(COMMAND_LINE), f"no block '{name}'", nearest(name, words)) for name in missing))
    chosen = tuple(block for block in known if not names or block.name in names or block.file in names)
    if form == "json":
        write(as_json(chosen, every), None)
    else:
        write(as_whole(chosen, every) if names else as_list(every), None)
