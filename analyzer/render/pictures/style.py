"""How all pictures look: fonts, lines, colours that colour-blind people tell apart, headings, and files equal on every run."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analyzer.pictures.shown import Heading
from analyzer.render.units import GIB, KIB, MIB

# M. Okabe and K. Ito, Color Universal Design, 2008
BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE, YELLOW, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#999999",
)  # fmt: skip
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, "#000000", GREY)
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (5, 1.5, 1, 1.5)))
CATEGORY = {"parameters": BLUE, "optimizer": SKY, "gradients": GREEN, "inputs": YELLOW, "kept": ORANGE, "temporary": VERMILLION}
NAMES = {
    "parameters": "parameters and buffers", "optimizer": "optimizer state", "gradients": "gradients", "inputs": "inputs",
    "kept": "activations", "temporary": "temporaries",
}  # fmt: skip
RATIO, FAINT = 0.66, "#666666"
STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7, "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7,
    "lines.linewidth": 1.4, "xtick.major.width": 0.7, "ytick.major.width": 0.7, "xtick.major.size": 3, "ytick.major.size": 3,
    "svg.hashsalt": "peakform", "svg.fonttype": "path", "pdf.fonttype": 42, "savefig.dpi": 200, "hatch.linewidth": 0.5,
    "axes.unicode_minus": False, "path.simplify": True,
}  # fmt: skip
NO_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}


def unit_of(most: int) -> tuple[str, int]:
    """The unit in which the largest of some amounts of bytes is read easily, and its bytes."""
    return next(((name, size) for name, size in (("GiB", GIB), ("MiB", MIB)) if most >= size), ("KiB", KIB))


def headed(axes: Axes, heading: Heading, width: float, title: str | None) -> None:
    """The name of the model above what was held fixed; a title that is given stands alone, an empty one leaves all out."""
    if title is not None:
        axes.set_title(title, loc="left", fontweight="bold")
        return
    lines = textwrap.wrap(heading.fixed.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), int(width * 16))
    name = textwrap.wrap(heading.title, int(width * 13.5))
    axes.set_title("\n".join(name), loc="left", fontweight="bold", pad=5 + 9.2 * len(lines))
    fixed = axes.annotate(
        "\n".join(lines), (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=7, color=FAINT, va="bottom"
    )
    fixed.set_in_layout(False)  # the title leaves the room above it; to the right it may reach over a narrow picture


def named(symbol: str, meaning: str) -> str:
    """The label of an axis: `B, sequences per batch`."""
    short = meaning.partition(";")[0].partition(":")[0]
    return f"{symbol}, {short}" if short else symbol


def whole(axes: Axes, *which: str) -> None:
    """Ticks of an axis as whole numbers with separators."""
    for name in which:
        getattr(axes, f"{name}axis").set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
        getattr(axes, f"{name}axis").set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def sheet(width: float, ratio: float = RATIO) -> Figure:
    """An empty figure of so many inches."""
    return Figure(figsize=(width, width * ratio), layout="constrained")
