"""The gallery: every table and picture that peakform makes, each with the command that makes it, as docs/gallery.md.

    python -m validation.gallery [NAME]...    # writes docs/gallery.md and docs/gallery/; of the pictures those that are named, or all

Beside each picture lie its numbers as CSV.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner
from PIL import Image

from analyzer.cli import main as command
from validation.plot import cases, draw

DOCS = Path(__file__).resolve().parent.parent / "docs"
PLACE = DOCS / "gallery"
HEAD = """# Gallery

Every picture and table is printed by the command above it. Curves are closed forms, exact to the byte, evaluated at every value;
the largest value that fits is found by replaying the step through a simulation of PyTorch's caching allocator, as
`peakform fit --solve` does. Colours are those of Okabe and Ito, which colour-blind people tell apart; a name that ends in `.pdf` or
`.svg` gives a figure for a paper, `--title ""` one without a heading, `.csv` the numbers behind it (they lie beside each picture in
`docs/gallery`). This page is written by `python -m validation.gallery`.
"""
LINES = 24  # of a table
FIVE = """The project began with five notes about real systems. What each claims, and whether it holds, stands in
[scperb.md](scperb.md), [cnn3d.md](cnn3d.md), [bioformer.md](bioformer.md), [evoformer.md](evoformer.md), [cpa-data.md](cpa-data.md) and
[deepmodel-xray.md](deepmodel-xray.md). These commands make their tables and plots.
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture or table: the command without `-o`, and what to see in it."""

    name: str
    command: str
    text: str

    @property
    def picture(self) -> str:
        """The file of a picture."""
        return f"{self.name}.svg" if self.name not in LARGE else f"{self.name}.png"


LARGE = ("surface", "timeline", "timeline-loop", "measured")  # pictures of so many parts that PNG is smaller
MEASURED = Shown("measured", "python -m validation.plot", "What PyTorch's own caching allocator counted, and what is predicted.")
PICTURES: dict[str, tuple[Shown, ...]] = {
    "Memory against one symbol": (
        Shown("batch", "peakform plot bert-base-eager", "The peak against the batch, what cards have room for, and what fits on them."),
        Shown("length", "peakform plot bert-base-eager memory B=32 r=8:512:8 --gpu t4", "Any other symbol: attention's square shows."),
        Shown("batches", "peakform plot vgg16 t5-small bert-base memory run.mode=infer B=1:64", "Several configs."),
    ),
    "Memory over two symbols": (
        Shown("surface", "peakform plot bert-base-eager surface B=1:32 r=16:512:16", "The peak as a surface."),
        Shown(
            "contour", "peakform plot bioformer contour c=64 B=1:24 r=64:320:4 --gpu t4 --gpu a100-80gb",
            "Its levels, and where cards are full; what no card holds is hatched.",
        ),
        Shown("frontier", "peakform plot bioformer frontier c=64 r=64:384:64 --gpu a100-80gb", "The largest batch that fits, by replay."),
    ),
    "One step": (
        Shown("timeline", "peakform plot scperb timeline", "Memory after every allocation, by category."),
        Shown("timeline-loop", "peakform plot bert-base-eager timeline B=32", "Of a loop the first and last iterations are shown."),
        Shown("bar", "peakform plot vgg16 bar", "What is alive at the peak, by module and category; all bars together are the peak."),
        Shown("bar-bert", "peakform plot bert-base-eager bar B=32", "Depth is chosen so that several modules are seen, or by `--depth`."),
        Shown("pie", "peakform plot vgg16 pie", "The same as shares."),
    ),
    "Models beside each other": (
        Shown(
            "parameters", "peakform plot scperb resnet50 t5-small vit-b-16 bert-base gpt2 vgg16 llama-3.2-1b parameters",
            "Parameters say little about the peak of a training step.",
        ),
    ),
    "Predicted against measured": (MEASURED,),
}  # fmt: skip
TABLES = (
    Shown("fit", "peakform fit bert-base-eager gpt2 --gpu t4 --gpu a100-80gb --solve B --format markdown", "What fits where."),
    Shown("layers", "peakform layers vgg16 --depth 2 --format markdown", "A model layer by layer."),
    Shown("table-parameters", "peakform table scperb parameters --format markdown", "Tables for papers, here in Markdown: by module,"),
    Shown("table-memory", "peakform table scperb memory --format markdown", "by block,"),
    Shown("table-scaling", "peakform table bert-base-eager scaling --format markdown", "and which term dominates where."),
    Shown("table-latex", "peakform table scperb parameters --depth 1 --format latex", "The same in LaTeX."),
    Shown("derive", "peakform derive scperb kept", "How a formula comes about, line by line."),
)
OWN = (
    Shown(
        "note-bioformer", "peakform table bioformer 'attention and outer product' --order --format markdown",
        "bioformer's journal: attention and the outer product. A config may have tables of its own (`tables:`); this is one.",
    ),
    Shown("note-scperb", "peakform table scperb parameters --depth 1 --order --format markdown", "scPerb's note: its components,"),
    Shown("note-scperb-cards", "peakform table scperb feasibility --gpu t4 --gpu rtx-3090 --format markdown", "and which GPUs it needs."),
    Shown("note-cnn", "peakform table cnn3d layers B=1 --unit MB --format markdown", "The lecture on a 3D CNN: layer by layer, in MB."),
    Shown("note-alphafold", "peakform table evoformer parameters --depth 2 --format markdown", "AlphaFold 2's configuration."),
    Shown("note-cpa", "peakform report cpa-data --format markdown", "CPA's data in host memory."),
)  # fmt: skip
XRAY = {
    "memory against the batch": "peakform plot vgg16 t5-small-cached bert-base-pooled memory run.mode=infer B=1:32 -o batch.svg",
    "memory against the length": "peakform plot bert-base-pooled memory run.mode=infer B=8 r=16:256:16 -o length.svg",
    "the surface over both": "peakform plot t5-small-cached surface run.mode=infer B=1:16 r=16:256:16 -o surface.png",
    "parameters against memory": "peakform plot vgg16 t5-small-cached bert-base-pooled parameters run.mode=infer -o parameters.svg",
    "what layers take, as bars": "peakform plot vgg16 bar run.mode=infer -o bar.svg",
    "what layers take, as a pie": "peakform plot vgg16 pie run.mode=infer -o pie.svg",
    "the structure of a model": "peakform layers bert-base-pooled",
    "parameters and memory, layer by layer": "peakform report vgg16 run.mode=infer --full",
    "a report with ratios and pictures": "peakform report vgg16 run.mode=infer --format markdown --plots pictures -o report.md",
}


def entries() -> list[Shown]:
    """Every picture."""
    return [shown for several in PICTURES.values() for shown in several]


def made(shown: Shown, path: Path) -> None:
    """Draw a picture into a file, or its numbers into a CSV file. Raises RuntimeError where the command fails."""
    if shown is MEASURED:
        draw(cases(), path)
    else:
        _run([*shlex.split(shown.command)[1:], "-o", str(path)])
    if path.suffix == ".png":
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


def _run(words: Sequence[str]) -> str:
    result = CliRunner().invoke(command, list(words))
    if result.exit_code:
        raise RuntimeError(f"peakform {shlex.join(words)}: {result.output}")
    return result.output


def page() -> str:
    """docs/gallery.md as it should be."""
    parts = [HEAD]
    for title, several in PICTURES.items():
        parts.append(f"## {title}\n")
        for shown in several:
            output = f"{shown.command} -o {shown.picture}"
            parts.append(f"{shown.text}\n\n```sh\n{output}\n```\n\n![{shown.text}](gallery/{shown.picture})\n")
    parts += ["## Tables\n", *map(_printed, TABLES)]
    parts += ["## The tables and plots of five notes\n", FIVE, *map(_printed, OWN)]
    listed = "\n".join(f"| {what} | `{asked}` |" for what, asked in XRAY.items())
    parts.append(f"DeepModel-XRay's plots and reports:\n\n| what | command |\n| --- | --- |\n{listed}\n")
    return "\n".join(parts)


def _printed(shown: Shown) -> str:
    """What a command prints, its first lines; headings one level down."""
    lines = _run(shlex.split(shown.command)[1:]).strip().splitlines()
    more = ["", f"({len(lines) - LINES} more lines)"] if len(lines) > LINES else []
    fence = [] if "markdown" in shown.command else ["```text"]
    shorter = [f"##{line}" if not fence and line.startswith("#") else line for line in lines[:LINES]]
    table = [*fence, *shorter, *(["```"] if fence else []), *more]
    return "\n".join([f"{shown.text}\n\n```sh\n{shown.command}\n```\n", *table, ""])


def main() -> None:
    """Write the page, and the pictures that are named, or all."""
    PLACE.mkdir(exist_ok=True)
    for shown in entries():
        if shown.name in sys.argv[1:] or not sys.argv[1:]:
            print(shown.name, file=sys.stderr)
            made(shown, PLACE / shown.picture)
            if shown is not MEASURED:  # its numbers lie in validation/results
                made(shown, PLACE / f"{shown.name}.csv")
    (DOCS / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
