"""The command that draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.commands.arguments import FILES, GPUS, VALUES, find, read
from analyzer.commands.values import is_several, several
from analyzer.problems import COMMAND_LINE, InvalidConfig, Origin, Problem, nearest

if TYPE_CHECKING:
    from analyzer.build.model import Model
    from analyzer.fit import Asked
    from analyzer.gpus import Gpu
    from analyzer.pictures.shown import Picture
    from analyzer.run.settings import Run

KINDS = ("memory", "surface", "contour", "frontier", "bar", "pie", "timeline", "parameters")
SEVERAL = ("memory", "parameters")  # kinds that take several configs
RANGED = {"memory": 1, "surface": 2, "contour": 2, "frontier": 1}  # how many symbols may have a range
WITH_CARDS = ("memory", "contour", "frontier")  # kinds that show the common cards where none is named
COMMON = ("t4", "rtx-4090", "a100-80gb")
ILLUSTRATED = {  # the kinds of a report
    "memory": "peak memory against the batch", "timeline": "memory over the step", "bar": "memory at the peak by module",
}  # fmt: skip
FORMATS = (".png", ".svg", ".pdf", ".csv")
MOST, POINTS = 10_000, 1 << 18


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="CONFIG... [KIND] [SYMBOL=VALUES | run.KEY=VALUE]...")
@GPUS
@FILES
@click.option("--over", metavar="SYMBOL[,SYMBOL]", help="Draw over these symbols, between values that are chosen for you.")
@click.option("--depth", type=click.IntRange(1, 40), help="bar, pie: modules down to so many levels.")
@click.option("--width", default=5.0, show_default=True, type=click.FloatRange(2.5, 20), metavar="INCHES", help="Of the picture.")
@click.option("--title", help="Instead of the model's name, symbols and settings; an empty one for a figure with a caption.")
@VALUES
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="FILE.png, .svg or .pdf; .csv for its numbers.")
def plot(
    words: tuple[str, ...], gpus: tuple[str, ...], files: tuple[Path, ...], over: str | None, depth: int | None, width: float,
    title: str | None, values: Path | None, output: Path | None,
) -> None:  # fmt: skip
    """Draw the memory of CONFIG; without -o into CONFIG-KIND.png. KIND is one of

    \b
    memory      peak against the batch or any symbol, GPUs as lines, what fits shaded
                  peakform plot bioformer c=64 B=1:64 --gpu a100-80gb -o memory.pdf
                  peakform plot bert-base-eager memory --over r --gpu t4
                  peakform plot bert-base gpt2 vgg16 memory B=1:64
    surface     peak over two symbols, in three dimensions
                  peakform plot bert-base-eager surface B=1:32 r=16:512:16
    contour     the same from above, with the lines at which GPUs are full
                  peakform plot bioformer contour B=1:64 r=64:512:8 --gpu a100-80gb
    frontier    the largest value that fits along another symbol, for each GPU
                  peakform plot bioformer frontier c=64 --over B,r --gpu h200
    bar, pie    what is alive at the peak, by module
                  peakform plot vgg16 bar --depth 2
    timeline    memory over a step, by category
                  peakform plot scperb timeline -o timeline.svg
    parameters  parameters against peak memory, of several configs
                  peakform plot bert-base gpt2 t5-small vgg16 parameters

    VALUES is a range (1:64, or 64:1024:64, both ends in) or a list (128,256,512).
    Curves are the closed form of the peak, exact to the byte; the largest value that fits is that of `peakform fit --solve`.
    """
    kind, configs, single, axes = _sorted(words)
    path = output or Path(f"{Path(configs[0]).stem}-{kind}.png")
    if path.suffix.lower() not in FORMATS:
        raise _refused(f"cannot tell what to draw into '{path}'", "a name that ends in .png, .svg, .pdf or .csv")
    symbols = tuple(name.strip() for name in over.split(",")) if over else ()
    _checked(kind, configs, axes, symbols)
    save = _drawing()
    asked = [_asked(config, single, values, (*axes, *symbols)) for config in configs]
    with _busy(f"drawing {path}"):
        picture = _picture(kind, asked, axes, symbols, _cards(kind, gpus, files), depth)
        try:
            save(kind, picture, path, width, title)
        except OSError as error:
            raise InvalidConfig(Problem(Origin(str(path)), f"cannot write: {error.strerror or error}")) from None
    click.echo(f"written to {path}")


def illustrated(model: Model, symbols: Mapping[str, str], run: Run, gpus: Sequence[Gpu], folder: Path, beside: Path) -> str:
    """A Markdown section of pictures that are drawn into a folder, linked from a file in `beside`. Raises InvalidConfig."""
    from analyzer.fit import Asked

    save, asked, lines = _drawing(), [Asked(model, symbols, run)], ["", "## Pictures", ""]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, said in ILLUSTRATED.items():
            path = folder / f"{model.name}-{kind}.svg"
            save(kind, _picture(kind, asked, {}, (), tuple(gpus) if kind in WITH_CARDS else (), None), path, 5.0)
            lines += [f"![{said}]({relpath(path, beside).replace(' ', '%20')})", ""]
    except OSError as error:
        raise InvalidConfig(Problem(Origin(str(folder)), f"cannot write: {error.strerror or error}")) from None
    return "\n".join(lines)


def _busy(what: str) -> AbstractContextManager[object]:
    """A line that moves on stderr where that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    return console.status(what) if console.is_terminal else nullcontext()


def _refused(said: str, hint: str = "") -> InvalidConfig:
    return InvalidConfig(Problem(Origin(COMMAND_LINE), said, hint))


def _sorted(words: Sequence[str]) -> tuple[str, list[str], tuple[str, ...], dict[str, tuple[int, ...]]]:
    """The kind, configs, assignments of one value, and symbols with several. Raises InvalidConfig."""
    plain = [word for word in words if "=" not in word or Path(word).is_file()]
    kinds = [word for word in plain if word in KINDS and not Path(word).is_file()]
    configs = [word for word in plain if word not in kinds]
    if len(kinds) > 1:
        raise _refused(f"{' and '.join(kinds)}: one kind at a time")
    if not configs:
        raise _refused("no config is named", "expected CONFIG [KIND], such as: peakform plot bert-base timeline")
    for word in configs[1:]:
        _known(word, kinds)
    single = tuple(word for word in words if word not in plain and not is_several(word))
    axes = {word.partition("=")[0]: tuple(several(word, MOST)) for word in words if word not in plain and is_several(word)}
    return (kinds or ["memory"])[0], configs, single, axes


def _known(word: str, kinds: Sequence[str]) -> None:
    """Refuse a word that is no config; it may be meant as a kind."""
    try:
        find(word)
    except InvalidConfig:
        if kinds:
            raise
        close = nearest(word, KINDS)
        raise _refused(f"'{word}' is neither a config nor a kind of picture", close or f"kinds: {', '.join(KINDS)}") from None


def _checked(kind: str, configs: Sequence[str], axes: Mapping[str, tuple[int, ...]], over: Sequence[str]) -> None:
    """Refuse what the kind does not take. Raises InvalidConfig."""
    room = RANGED.get(kind, 0)
    if len(configs) > 1 and kind not in SEVERAL:
        raise _refused(f"'{kind}' draws one config, and {len(configs)} are named", f"kinds of several: {', '.join(SEVERAL)}")
    if len(axes) > room or (over and not room):
        named = ", ".join(axes or over)
        able = [k for k, n in RANGED.items() if n >= max(1, len(axes))]
        said = f"'{kind}' is drawn over {room or 'no'} symbol{'s' if room > 1 else ''}, not over {named}"
        raise _refused(said, f"kinds that are: {', '.join(able)}" if able else "at most two symbols with several values")
    if len(over) > (2 if kind == "frontier" else room):
        raise _refused(f"'{kind}' is drawn over {room} symbol{'s' if room > 1 else ''}, not over {', '.join(over)}")
    points = 1
    for values in axes.values():
        points *= len(values)
    if points > POINTS:
        raise _refused(f"{points:,} points are too many for a picture", f"at most {POINTS:,}; a step makes them fewer: r=64:4096:64")


def _drawing() -> Callable[..., None]:
    """What draws into a file. Raises InvalidConfig where matplotlib or numpy is not there."""
    try:
        import numpy  # noqa: F401

        from analyzer.render.pictures.draw import save
    except ImportError as error:
        raise _refused(
            f"{(error.name or 'matplotlib').partition('.')[0]} is not installed", "pip install '.[plot]', in peakform's checkout"
        ) from None
    return save


def _asked(config: str, single: tuple[str, ...], values: Path | None, others: tuple[str, ...]) -> Asked:
    from analyzer.fit import Asked
    from analyzer.run.settings import read_run

    model, symbols, settings = read(config, single, values, others)
    if not model.layers:
        raise _refused(f"'{config}' has no layers: nothing runs on a GPU")
    return Asked(model, symbols, read_run(model.run, settings, has_loss=bool(model.loss)))


def _cards(kind: str, gpus: tuple[str, ...], files: tuple[Path, ...]) -> tuple[Gpu, ...]:
    """The cards to show: those named, else a few common ones where the kind shows any."""
    from analyzer.gpus import named, read_gpus

    wanted = gpus or (COMMON if kind in WITH_CARDS else ())
    return named(read_gpus(*files), wanted) if wanted else ()


def _picture(
    kind: str, asked: Sequence[Asked], axes: Mapping[str, tuple[int, ...]], over: tuple[str, ...], cards: tuple[Gpu, ...], depth: int | None
) -> Picture:
    """What is drawn. Raises InvalidConfig."""
    from analyzer.pictures import moments, sweeps

    match kind:
        case "memory":
            return sweeps.curves(asked, axes, over, cards)
        case "surface" | "contour":
            return sweeps.field(asked[0], axes, over, cards)
        case "frontier":
            return sweeps.frontier(asked[0], axes, over, cards)
        case "bar" | "pie":
            return moments.shares(asked[0], depth, cards)
        case "timeline":
            return moments.timeline(asked[0], cards)
    return moments.sizes(asked, cards)
