"""Curves: peak against a symbol, what fits along two, and parameters against memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from analyzer.bisection import LARGEST
from analyzer.pictures.shown import Card, Curves, Frontier, Sizes
from analyzer.render.pictures.style import BLUE, DASHES, FAINT, GREEN, SERIES, VERMILLION, headed, named, sheet, unit_of, whole

SEEN = 2.2  # a card is shown whose room is below so many times the highest point
APART = 0.055  # of the height of the axes, between two names of cards
MODES = {"train": ("o", BLUE, "training step"), "infer": ("s", VERMILLION, "inference")}


def draw_curves(picture: Curves, width: float, title: str | None) -> Figure:
    """Peak memory against a symbol, with the room of cards and, for one config, what fits on them."""
    figure = sheet(width)
    axes = figure.subplots()
    most = max(y for points in picture.lines.values() for _, y in points)
    unit, size = unit_of(most)
    for number, (name, points) in enumerate(picture.lines.items()):
        xs, ys = [x for x, _ in points], [y / size for _, y in points]
        style = DASHES[number // len(SERIES) % len(DASHES)]
        axes.plot(
            xs,
            ys,
            color=SERIES[number % len(SERIES)],
            linestyle=style,
            label=name,
            zorder=3,
            marker="." if len(xs) < 25 else None,
            clip_on=False,
        )
    top = max([most, *(card.room for card in picture.cards if card.room < SEEN * most)]) / size * 1.06
    shown = [card for card in picture.cards if card.room / size <= top]
    first, last = (pick(x for points in picture.lines.values() for x, _ in points) for pick in (min, max))
    axes.set_xlim(first if last - first < 40 else 0, last)
    axes.set_ylim(0, top)
    _rooms(axes, shown, size)
    _fitting(axes, picture, size)
    if len(picture.lines) > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(picture.lines)))
    axes.set_xlabel(named(picture.symbol, picture.meaning))
    axes.set_ylabel(f"peak memory ({unit})")
    whole(axes, "x")
    headed(axes, picture.heading, width, title)
    return figure


def _rooms(axes: Axes, cards: Sequence[Card], size: int) -> None:
    """The room of each card as a line, its name at the right end outside, moved apart where they would touch."""
    bottom, top = axes.get_ylim()
    at = -1.0
    for card in sorted(cards, key=lambda card: card.room):
        height = (card.room / size - bottom) / (top - bottom)
        axes.axhline(card.room / size, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=2)
        at = max(height, at + APART)
        axes.annotate(
            f" {card.name}", (1, height), (1.008, at), xycoords="axes fraction", textcoords="axes fraction", va="center", fontsize=7,
            color="#333333",
        )  # fmt: skip


def _fitting(axes: Axes, picture: Curves, size: int) -> None:
    """Of one config, the values that fit on each card shaded below its room, the more cards the darker, and the largest one marked."""
    if len(picture.lines) > 1:
        return
    (points,) = picture.lines.values()
    left, right = axes.get_xlim()
    for card in picture.cards:
        if not card.fits or card.room / size > axes.get_ylim()[1]:
            continue
        end = min(card.fits, right)
        axes.fill_between([left, end], 0, card.room / size, color=GREEN, alpha=0.11, linewidth=0, zorder=1)
        exact = dict(points).get(card.fits) or _between(points, card.fits)
        if card.fits <= right and exact is not None:
            axes.plot([card.fits], [exact / size], "o", color=BLUE, markersize=4, zorder=4, clip_on=False)
            near = card.fits > left + 0.8 * (right - left)
            axes.annotate(
                f"{picture.symbol} ≤ {card.fits:,}", (card.fits, exact / size), (-6, 2) if near else (6, -3), textcoords="offset points",
                ha="right" if near else "left", va="bottom" if near else "top", fontsize=7,
            )  # fmt: skip


def _between(points: Sequence[tuple[int, int]], x: int) -> float | None:
    """The height of a curve between two of its points."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return None


def draw_frontier(picture: Frontier, width: float, title: str | None) -> Figure:
    """What fits along two symbols on each card: all below a line."""
    figure = sheet(width)
    axes = figure.subplots()
    finite = {name: [(x, y) for x, y in points if 0 < y < LARGEST] for name, points in picture.lines.items()}
    for number, (name, points) in enumerate(sorted(finite.items(), key=lambda item: -max((y for _, y in item[1]), default=0))):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        color = SERIES[number % len(SERIES)]
        axes.plot(xs, ys, color=color, marker="o", markersize=3.2, label=name, zorder=3)
        axes.fill_between(xs, 0, ys, color=color, alpha=0.10, linewidth=0)
    heights = [y for points in finite.values() for _, y in points if y > 0]
    if heights and max(heights) > 30 * min(heights):
        axes.set_yscale("log")
        axes.set_ylim(min(heights) / 1.3, None)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, None)
        whole(axes, "y")
    whole(axes, "x")
    axes.set_xlabel(named(picture.symbols[1], picture.meanings[1]))
    axes.set_ylabel(f"largest {named(picture.symbols[0], picture.meanings[0])}")
    axes.legend(title="fits on, below the line", loc="upper right", alignment="left", title_fontsize=7)
    headed(axes, picture.heading, width, title)
    return figure


def draw_sizes(picture: Sizes, width: float, title: str | None) -> Figure:
    """Parameters against the peak of every config, both on logarithmic scales."""
    figure = sheet(width)
    axes = figure.subplots()
    unit, size = unit_of(max(b for _, peaks in picture.points.values() for b in peaks.values()))
    for mode, (marker, color, meaning) in MODES.items():
        found = [(count / 1e6, peaks[mode] / size) for count, peaks in picture.points.values() if mode in peaks]
        if found:
            axes.plot(*zip(*found), marker, color=color, markersize=4.5, label=meaning, linestyle="none", zorder=3)
    for count, peaks in picture.points.values():
        axes.plot([count / 1e6] * len(peaks), [b / size for b in peaks.values()], color=FAINT, linewidth=0.6, zorder=2)
    axes.set(xscale="log", yscale="log", xlabel="parameters (millions)", ylabel=f"peak memory ({unit})")
    axes.margins(x=0.14, y=0.10)
    axes.autoscale_view()
    _weights(axes, size)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_formatter(NullFormatter())
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    headed(axes, picture.heading if len(picture.points) < 4 else type(picture.heading)(_many(picture), picture.heading.fixed), width, title)
    _names(axes, picture, size)
    return figure


def _many(picture: Sizes) -> str:
    return f"Parameters and peak memory of {len(picture.points)} models"


def _weights(axes: Axes, size: int) -> None:
    """The line of four bytes per parameter."""
    limits = axes.get_xlim(), axes.get_ylim()
    axes.plot(limits[0], [x * 1e6 * 4 / size for x in limits[0]], color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1,
              label="4 bytes per parameter")  # fmt: skip
    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])


def _at(axes: Axes, count: int, height: float) -> tuple[float, float]:
    """Where a point is on the page, in points."""
    x, y = axes.transData.transform((count / 1e6, height)) * 72 / axes.figure.dpi
    return float(x), float(y)


def _names(axes: Axes, picture: Sizes, size: int) -> None:
    """Each config's name where there is room: above its highest point, beside it, below its lowest, else further up."""
    axes.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    ends = {name: [_at(axes, count, b / size) for b in sorted(peaks.values())] for name, (count, peaks) in picture.points.items()}
    taken = [(x, y, 3.0, 3.0) for points in ends.values() for x, y in points]
    taken += [(x, (low + high) / 2, 1.0, (high - low) / 2) for points in ends.values() for (x, low), (_, high) in [(points[0], points[-1])]]
    for name, points in sorted(ends.items(), key=lambda item: item[1][-1][1]):
        (x, low), (_, high), half = points[0], points[-1], 2.0 * len(name)
        places = [(x, high + 9), (x + half + 6, high), (x - half - 6, high), (x, low - 10), *((x, high + 9 + 4 * n) for n in range(1, 40))]
        free = (place for place in places if not any(_touch(place, half, other) for other in taken))
        found = next(free, places[0])
        taken.append((*found, half, 3.5))
        text = axes.annotate(name, found, xycoords="figure points", ha="center", va="center", fontsize=6.5, annotation_clip=False)
        text.set_in_layout(False)


def _touch(place: tuple[float, float], half: float, other: tuple[float, float, float, float]) -> bool:
    """Whether a name at a place lies on something that is taken."""
    x, y, wide, tall = other
    return abs(place[0] - x) < half + wide and abs(place[1] - y) < 3.5 + tall
