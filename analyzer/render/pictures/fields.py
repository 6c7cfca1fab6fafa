"""Peak memory over two symbols: a surface, and its contours with the room of cards."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from analyzer.pictures.shown import Field
from analyzer.render.pictures.style import headed, named, sheet, unit_of, whole

Values = NDArray[np.float64]
WIDE = 40  # a field whose largest value is so many times its smallest has levels of equal ratio


def draw_surface(picture: Field, width: float, title: str | None) -> Figure:
    """The surface of the peak over two symbols."""
    figure = sheet(width, 0.76)
    figure.set_layout_engine("none")  # it does not see the labels of three axes
    axes: Any = figure.add_axes((0.04, 0.05, 0.9, 0.83), projection="3d", computed_zorder=False)
    _, unit, z = _scaled(picture)
    x, y = np.meshgrid(picture.xs, picture.ys)
    axes.plot_surface(x, y, z, cmap="viridis", linewidth=0.15, edgecolor="#00000040", rstride=1, cstride=1, antialiased=True)
    labels = [name if len(name) < 30 else symbol for name, symbol in zip(map(named, picture.symbols, picture.meanings), picture.symbols)]
    axes.set(xlabel=labels[0], ylabel=labels[1], zlabel=f"peak memory ({unit})")
    axes.set_zlim(0, None)
    axes.view_init(elev=24, azim=-128)
    axes.set_box_aspect((1, 1, 0.72), zoom=1.02)
    whole(axes, "x", "y")
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor("#f7f7f7")
        axis.set_tick_params(pad=0)
    headed(axes, picture.heading, width, title)
    return figure


def _scaled(picture: Field) -> tuple[int, str, Values]:
    values = np.array(picture.bytes, dtype=float)
    unit, size = unit_of(int(values.max()))
    return size, unit, np.where(values < 0, np.nan, values / size)


def _decades(least: float, most: float) -> list[float]:
    """The levels 1, 2, 5, 10, 20, ... around two values."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    levels = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    below, above = max(level for level in levels if level <= least), min(level for level in levels if level >= most)
    return [level for level in levels if below <= level <= above]


def draw_contour(picture: Field, width: float, title: str | None) -> Figure:
    """Levels of the peak over two symbols, with a line for the room of each card; beyond the largest card it is hatched."""
    figure = sheet(width)
    axes = figure.subplots()
    size, unit, z = _scaled(picture)
    least, most = float(np.nanmin(z)), float(np.nanmax(z))
    wide = most > WIDE * least
    levels = _decades(least, most) if wide else [float(level) for level in MaxNLocator(9).tick_values(least, most)]
    norm = LogNorm(levels[0], levels[-1]) if wide else Normalize(levels[0], levels[-1])
    filled = axes.contourf(picture.xs, picture.ys, z, levels=levels, cmap="viridis", norm=norm)
    axes.set_facecolor("#eeeeee")
    bar = figure.colorbar(filled, ax=axes, pad=0.02, label=f"peak memory ({unit})", format=FuncFormatter(lambda value, _: f"{value:,.10g}"))
    bar.set_ticks(levels)
    bar.ax.minorticks_off()
    _cards(axes, picture, z, size)
    axes.set_xlabel(named(picture.symbols[0], picture.meanings[0]))
    axes.set_ylabel(named(picture.symbols[1], picture.meanings[1]))
    whole(axes, "x", "y")
    headed(axes, picture.heading, width, title)
    return figure


def _cards(axes: Axes, picture: Field, z: Values, size: int) -> None:
    """Where each card is full, labelled along the line; what no card holds is hatched."""
    rooms = {card.room / size: card.name for card in sorted(picture.cards, key=lambda card: card.room)}
    inside = [room for room in rooms if np.nanmin(z) < room < np.nanmax(z)]
    if rooms and max(rooms) < np.nanmax(z):
        axes.contourf(picture.xs, picture.ys, z, levels=[max(rooms), np.nanmax(z) * 2], colors=["#ffffff"], alpha=0.35, hatches=["////"])
    if not inside:
        return
    kept = inside[:1] + [high for low, high in pairwise(inside) if high > 1.01 * low]
    lines = axes.contour(picture.xs, picture.ys, z, levels=kept, colors="white", linewidths=1.3)
    lines.set_path_effects([patheffects.withStroke(linewidth=2.4, foreground="black")])
    found = (np.asarray(path.vertices, dtype=np.float64) for path in lines.get_paths())
    names, spots = {room: rooms[room] for room in kept}, [_inmost(points, axes) for points in found if points.size]
    for text in axes.clabel(lines, fmt=names, fontsize=7, inline=True, inline_spacing=4, colors="white", manual=spots):
        text.set_path_effects([patheffects.withStroke(linewidth=2.2, foreground="black")])


def _inmost(points: Values, axes: Axes) -> tuple[float, float]:
    """Of points on a line the one farthest from the edges."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    part = (points - np.array([left, bottom])) / np.array([right - left, top - bottom])
    best = points[int(np.minimum(part, 1 - part).min(axis=1).argmax())]
    return float(best[0]), float(best[1])
