"""Predicted against measured: every case of the table of measurements and of the third-party classes, as a picture.

    python -m validation.plot [-o FILE.png|.svg|.pdf|.csv]

Above, `max_memory_allocated` as PyTorch counted it and as it is predicted; below, how far the two are apart.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from validation.rows import RESULTS, read

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCES = {"described in YAML and run": RESULTS, "classes of other packages": RESULTS.parent / "third-party.json"}
FIGURE = "allocated"


@dataclass(frozen=True, slots=True)
class Case:
    """One measured case: bytes of `max_memory_allocated`."""

    source: str
    name: str
    measured: int
    predicted: int

    @property
    def error(self) -> float:
        """How far the prediction is off, in percent."""
        return 100 * (self.predicted / self.measured - 1)


def cases() -> list[Case]:
    """Every case of the result files."""
    return [
        Case(source, f"{row.model} {row.symbols} {row.run}", row.measured[FIGURE], row.predicted(FIGURE))
        for source, path in SOURCES.items()
        for row in read(path).rows
        if FIGURE in row.measured
    ]


def numbers(found: Sequence[Case]) -> str:
    """The cases as CSV."""
    out = io.StringIO()
    rows = [("source", "case", "measured_bytes", "predicted_bytes"), *((c.source, c.name, c.measured, c.predicted) for c in found)]
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def draw(found: Sequence[Case], path: Path) -> None:
    """The picture into a file; the same cases give the same bytes. Raises OSError."""
    import matplotlib

    from analyzer.render.pictures.style import FAINT, NO_DATE, STYLE, sheet
    from analyzer.render.units import GIB

    with matplotlib.rc_context(STYLE):
        figure = sheet(5.0, 0.9)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        ends = [min(c.measured for c in found) / GIB / 1.3, max(c.measured for c in found) / GIB * 1.3]
        above.plot(ends, ends, color=FAINT, linewidth=0.8, zorder=1)
        below.axhline(0, color=FAINT, linewidth=0.8, zorder=1)
        _points(above, below, found)
        most = max(0.05, *(abs(c.error) for c in found))
        below.set(xscale="log", xlim=ends, ylim=(-1.3 * most, 1.3 * most), xlabel="measured max_memory_allocated (GiB)", ylabel="error (%)")
        above.set(yscale="log", ylim=ends, ylabel="predicted (GiB)")
        for axis in (below.xaxis, above.yaxis):
            axis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
        above.legend(loc="upper left")
        above.set_title("Predicted against measured, PyTorch's own allocator", loc="left", fontweight="bold")
        figure.savefig(path, format=path.suffix[1:], metadata=NO_DATE[path.suffix[1:]])


def _points(above: Axes, below: Axes, found: Sequence[Case]) -> None:
    """The cases of each source: their values above, their errors below."""
    from analyzer.render.pictures.style import BLUE, VERMILLION
    from analyzer.render.units import GIB

    for source, marker, color in zip(SOURCES, "o+", (BLUE, VERMILLION)):
        ours = [c for c in found if c.source == source]
        said = f"{source}: {sum(c.measured == c.predicted for c in ours)} of {len(ours)} equal to the byte"
        for axes, heights in ((above, [c.predicted / GIB for c in ours]), (below, [c.error for c in ours])):
            axes.plot([c.measured / GIB for c in ours], heights, marker, color=color, label=said, markersize=4, fillstyle="none",
                      markeredgewidth=0.8, clip_on=axes is above, zorder=3)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, or write the numbers."""
    parser = argparse.ArgumentParser(prog="plot", description="Predicted against measured, as a picture.")
    parser.add_argument("-o", "--output", type=Path, default=Path("measured.png"), metavar="FILE", help=".png, .svg, .pdf or .csv")
    path: Path = parser.parse_args(arguments).output
    if path.suffix == ".csv":
        path.write_text(numbers(cases()), encoding="utf-8")
    elif path.suffix in (".png", ".svg", ".pdf"):
        draw(cases(), path)
    else:
        parser.error(f"cannot tell what to draw into '{path}': a name that ends in .png, .svg, .pdf or .csv")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
