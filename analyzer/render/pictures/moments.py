"""One step: what is alive at the peak by module, and the course of memory by category."""

from __future__ import annotations

import textwrap
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analyzer.pictures.shown import Course, Shares
from analyzer.render.pictures.style import CATEGORY, FAINT, NAMES, SERIES, headed, sheet, unit_of
from analyzer.render.units import binary

PIECES, LEAST = 7, 0.015  # slices of a pie beside the one of the rest, and the least share of one
PHASES = {"forward": "forward", "backward": "backward", "step": "step", "inference": "inference"}


def draw_bar(picture: Shares, width: float, title: str | None) -> Figure:
    """A bar per module, of its categories one after the other; the lengths of all together are the peak."""
    rows = list(picture.modules.items())
    figure = sheet(width, max(0.42, (1.3 + 0.21 * len(rows)) / width))
    axes = figure.subplots()
    unit, size = unit_of(max(sum(parts.values()) for _, parts in rows))
    starts = [0.0] * len(rows)
    for category in CATEGORY:
        lengths = [parts[category] / size for _, parts in rows]
        if any(lengths):
            axes.barh(range(len(rows)), lengths, left=starts, color=CATEGORY[category], label=NAMES[category], height=0.72)
            starts = [start + length for start, length in zip(starts, lengths)]
    for row, end in enumerate(starts):
        share = end * size / picture.total
        axes.annotate(f" {share:.1%}" if share >= 0.001 else " < 0.1%", (end, row), va="center", fontsize=6.5, color="#333333")
    axes.set_yticks(range(len(rows)), [_short(name) for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(starts) * 1.09)
    axes.set_xlabel(f"memory at the peak of {binary(picture.total)} ({unit})")
    axes.tick_params(axis="y", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=1, columnspacing=1.2)
    headed(axes, picture.heading, width * 0.8, title)
    return figure


def _short(name: str, most: int = 30) -> str:
    return name if len(name) <= most else f"…{name[1 - most :].partition('.')[2] or name[1 - most :]}"


def draw_pie(picture: Shares, width: float, title: str | None) -> Figure:
    """The share of each module in the peak."""
    figure = sheet(width, 0.52)
    axes = figure.subplots()
    sums = [(name, sum(parts.values())) for name, parts in picture.modules.items() if not name.endswith(" others")]
    large = [(name, size) for name, size in sums if size >= LEAST * picture.total][:PIECES]
    rest = picture.total - sum(size for _, size in large)
    slices = large + ([("all others", rest)] if rest else [])
    colors = [*(*SERIES[:6], "#332288")[: len(large)], "#cccccc"]
    wedges = axes.pie(
        [size for _, size in slices], colors=colors, startangle=90, counterclock=False, radius=1.15,
        wedgeprops={"width": 0.45, "edgecolor": "white", "linewidth": 1},
    )[0]  # fmt: skip
    axes.text(0, 0, f"{binary(picture.total)}\nat the peak", ha="center", va="center", fontsize=8)
    labels = [f"{_short(name, 22)}  {size / picture.total:.1%}  ({binary(size)})" for name, size in slices]
    figure.legend(wedges, labels, loc="outside right center", handlelength=1)
    headed(axes, picture.heading, width, title)
    return figure


def draw_course(picture: Course, width: float, title: str | None) -> Figure:
    """Memory by category over the allocations of a step, stacked, with phases and the peak marked."""
    figure = sheet(width)
    axes = figure.subplots()
    totals = [sum(column) for column in zip(*picture.bytes.values())]
    unit, size = unit_of(max(totals))
    shown = [name for name in CATEGORY if any(picture.bytes[name])]
    stack = [[b / size for b in picture.bytes[name]] for name in shown]
    axes.stackplot(
        range(len(totals)), stack, colors=[CATEGORY[n] for n in shown], labels=[NAMES[n] for n in shown], linewidth=0, step="post"
    )
    top = max(totals) / size * 1.16
    axes.set_ylim(0, top)
    axes.set_xlim(0, len(totals) - 1)
    for card in picture.cards:
        if card.room / size < top:
            axes.axhline(card.room / size, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
            axes.annotate(f" {card.name}", (1, card.room / size), xycoords=("axes fraction", "data"), va="center", fontsize=7)
    _phases(axes, picture)
    _peak(axes, picture, max(totals), size)
    axes.set_xlabel("allocations in order" + (" (of a loop its first and last iterations)" if picture.looped else ""))
    axes.set_ylabel(f"memory ({unit})")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, handlelength=1, columnspacing=1.2)
    headed(axes, picture.heading, width, title)
    return figure


def _phases(axes: Axes, picture: Course) -> None:
    """A line where a phase begins, and its name at the top."""
    start = 0
    for phase, group in groupby(picture.phases):
        length = len(list(group))
        if start:
            axes.axvline(start, color="black", linewidth=0.6)
        if length > 0.06 * len(picture.phases):
            place = start + length / 2, 0.985
            axes.annotate(
                PHASES.get(phase, phase), place, xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=7, color=FAINT
            )
        start += length


def _peak(axes: Axes, picture: Course, total: int, size: int) -> None:
    """The highest moment, with its size and op beside it."""
    right = picture.peak > 0.5 * len(picture.phases)
    text = f"peak {binary(total)}, {textwrap.shorten(picture.where.rpartition('.')[2], 44, placeholder='…')}"
    axes.plot([picture.peak], [total / size], "v", color="black", markersize=4, clip_on=False, zorder=5)
    axes.annotate(
        text, (picture.peak, total / size), (-6 if right else 6, 3), textcoords="offset points", ha="right" if right else "left",
        va="bottom", fontsize=7, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85},
    )  # fmt: skip
