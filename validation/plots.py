"""Predicted against measured, as a picture: points on the diagonal are equal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from validation.rows import Results

DRAWN = {"allocated": "max_memory_allocated", "reserved": "max_memory_reserved"}


def scatter(found: Sequence[Results], path: Path) -> None:
    """Draw every case of the results, in GiB on logarithmic axes. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "peakform"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(DRAWN), figsize=(9, 4.2), layout="constrained")
    for (name, title), axis in zip(DRAWN.items(), axes, strict=True):
        for results in found:
            pairs = [(row.measured[name] / 2**30, row.predicted(name) / 2**30) for row in results.rows if name in row.measured]
            axis.plot(*zip(*pairs), "o", markersize=3, alpha=0.5, label=f"{results.where}, {len(pairs)} cases")
        axis.axline((1, 1), slope=1, color="gray", linewidth=0.8)
        axis.set(xscale="log", yscale="log", title=title, xlabel="measured, GiB", ylabel="predicted, GiB", aspect="equal")
        axis.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    pyplot.close(figure)
