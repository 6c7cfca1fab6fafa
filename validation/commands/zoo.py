"""`python -m validation zoo`: third-party classes beside the configs that describe them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from validation.commands.words import needs_cuda


@click.command(short_help="Measure third-party classes beside their configs.")
@click.argument("words", nargs=-1, metavar="[NAME]... [SYMBOL=VALUE | run.KEY=VALUE]...")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write rows to a JSON file; its other rows stay.")
@click.option("--list", "listed", is_flag=True, help="List the models and their cases, and measure nothing.")
def zoo(words: tuple[str, ...], output: Path | None, listed: bool) -> None:
    """Run the classes of transformers, torchvision, peft and scvi-tools, and compare them with what is predicted of our configs.

    Without a NAME all are run. With symbols or settings it is one case, and where the two first part is shown. Large models need
    NULLCUDA_MEM=2000 over nullcuda, or a large card.

    \b
    python -m validation zoo vit-b-16 gpt2
    python -m validation zoo gpt2 B=3 r=37 run.precision=amp-bf16

    Exit status: 0 all figures equal, 1 not, 2 refused.
    """
    from validation.third_party import main

    if not listed:
        needs_cuda(f"zoo {' '.join(words)}")
    sys.exit(main([*words, *(["-o", str(output)] if output else []), *(["--list"] if listed else [])]))
