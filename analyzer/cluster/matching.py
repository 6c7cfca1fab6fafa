"""Which card of the catalogue a cluster means by the type of a gres: gpu:a100, gpu:nvidia_geforce_rtx_3090, gpu:a100_3g.20gb."""

from __future__ import annotations

import re
from collections.abc import Iterable

from analyzer.catalogue import GIB, Gpu

MAKERS = {"nvidia", "amd", "geforce", "instinct"}
MEMORY = re.compile(r"(?<![0-9])(\d{1,3})g(?:b|ib)?(?![a-z0-9])")


def candidates(kind: str, features: str, cards: Iterable[Gpu]) -> list[Gpu]:
    """The cards that a gres type may be, the smallest first: those whose names say more of their memory, or that of this name.

    Features of the nodes decide where they name a size or a card; they alone where the gres has no type.
    """
    known = list(cards)
    words = [word for word in re.split(r"[,&|]", features.lower()) if word]
    if not kind:
        found = {card.name: card for word in words for card in known if _same(word, card)}
        return sorted(found.values(), key=lambda card: card.capacity)
    alike = [card for card in known if _longer(kind, card)] or [card for card in known if _same(kind, card)]
    sizes = {int(size) for word in words for size in MEMORY.findall(_plain(word))}
    told = [card for card in alike if any(abs(card.capacity / GIB - size) <= 0.12 * size for size in sizes)]
    return sorted(told or alike, key=lambda card: card.capacity)


def _same(word: str, card: Gpu) -> bool:
    return _squeezed(word) in {_squeezed(name) for name in (card.name, *card.aliases)}


def _longer(word: str, card: Gpu) -> bool:
    """Whether the card's name goes on with its memory where the word ends: a100 and A100-40GB, also A100-80GB PCIe."""
    begun, name = _parts(word), _parts(card.name)
    ends = name[len(begun) : len(begun) + 1]
    return name[: len(begun)] == begun and "mig" not in name and any(MEMORY.fullmatch(part) for part in ends)


def _plain(word: str) -> str:
    return re.sub(r"[_:\-\s]", " ", word.lower())


def _parts(word: str) -> list[str]:
    return [part for part in _plain(word).split() if part not in MAKERS]


def _squeezed(word: str) -> str:
    return "".join(_parts(word))
