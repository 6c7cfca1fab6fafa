"""The values behind each kind of picture: bytes as whole numbers, and the same as rows for a CSV file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ALL = (1 << 63) - 1
Cell = str | int
Table = list[tuple[Cell, ...]]


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above a picture: the model, and what was held fixed."""

    title: str
    fixed: str


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU: bytes that it leaves to the program, and the largest value of the symbol that fits.

    That is 0 for none, ALL where no larger one is taken, None where it was not solved.
    """

    name: str
    room: int
    fits: int | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """Peak bytes along one symbol, a line for each config, beside the room of cards."""

    heading: Heading
    symbol: str
    meaning: str
    lines: Mapping[str, Sequence[tuple[int, int]]]
    cards: tuple[Card, ...]

    def table(self) -> Table:
        """One row per point, then one per card: its room, and the largest value that fits."""
        rows: Table = [("series", self.symbol, "bytes")]
        rows += [(name, x, y) for name, points in self.lines.items() for x, y in points]
        return rows + [(card.name, {None: "", ALL: "all"}.get(card.fits, card.fits or 0), card.room) for card in self.cards]


@dataclass(frozen=True, slots=True)
class Field:
    """Peak bytes over two symbols: bytes[row][column] at ys[row], xs[column]; -1 where the config takes no such values."""

    heading: Heading
    symbols: tuple[str, str]
    meanings: tuple[str, str]
    xs: tuple[int, ...]
    ys: tuple[int, ...]
    bytes: tuple[tuple[int, ...], ...]
    cards: tuple[Card, ...]

    def table(self) -> Table:
        """One row per point that the config takes."""
        rows: Table = [(*self.symbols, "peak_bytes")]
        return rows + [(x, y, b) for y, line in zip(self.ys, self.bytes) for x, b in zip(self.xs, line) if b >= 0]


@dataclass(frozen=True, slots=True)
class Frontier:
    """The largest value of the first symbol that fits along values of the second, for each card."""

    heading: Heading
    symbols: tuple[str, str]
    meanings: tuple[str, str]
    lines: Mapping[str, Sequence[tuple[int, int]]]

    def table(self) -> Table:
        """One row per card and value of the second symbol."""
        rows: Table = [("gpu", self.symbols[1], f"largest_{self.symbols[0]}")]
        return rows + [(name, x, y) for name, points in self.lines.items() for x, y in points]


@dataclass(frozen=True, slots=True)
class Shares:
    """What is alive at the peak by module, the largest first, and by category; all of it together is the peak."""

    heading: Heading
    moment: str
    modules: Mapping[str, Mapping[str, int]]

    @property
    def total(self) -> int:
        """Bytes of the peak."""
        return sum(sum(parts.values()) for parts in self.modules.values())

    def table(self) -> Table:
        """One row per module, a column per category."""
        names = list(next(iter(self.modules.values()), {}))
        rows: Table = [("module", *names, "total")]
        return rows + [(m, *(parts[n] for n in names), sum(parts.values())) for m, parts in self.modules.items()]


@dataclass(frozen=True, slots=True)
class Course:
    """Bytes by category after each allocation of a step, in order, with the phase of each."""

    heading: Heading
    phases: tuple[str, ...]
    bytes: Mapping[str, tuple[int, ...]]
    peak: int  # index of the highest moment
    where: str
    cards: tuple[Card, ...]
    looped: bool = False  # of loops only the first and last iterations are among the moments

    def table(self) -> Table:
        """One row per allocation."""
        rows: Table = [("allocation", "phase", *self.bytes)]
        return rows + [(i, phase, *(line[i] for line in self.bytes.values())) for i, phase in enumerate(self.phases)]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Parameters and peak bytes of several configs."""

    heading: Heading
    points: Mapping[str, tuple[int, Mapping[str, int]]] = field(default_factory=dict)  # config -> parameters, peak by mode

    def table(self) -> Table:
        """One row per config."""
        modes = list(dict.fromkeys(mode for _, peaks in self.points.values() for mode in peaks))
        rows: Table = [("config", "parameters", *(f"{mode}_peak_bytes" for mode in modes))]
        return rows + [(name, n, *(peaks.get(mode, "") for mode in modes)) for name, (n, peaks) in self.points.items()]


Picture = Curves | Field | Frontier | Shares | Course | Sizes
